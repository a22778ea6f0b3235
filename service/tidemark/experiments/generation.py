"""Which generation of an experiment's numbers answers: the published one, or until then the one before.

A generation is named by the second in which it was first asked for. The job counts it from the first event on
once it has read the definition. That is told some seconds later, on another topic and by another clock, so a
generation counts as caught up when the watermark is a minute beyond its second; and where the job began
without what is needed of the past (``tidemark.experiments.history``), when it is beyond the instant at which
the job had read that.
"""

from dataclasses import dataclass

from tidemark.experiments.history import needs_history
from tidemark.experiments.published import Published
from tidemark.experiments.statement import run, template
from tidemark.freshness import Freshness
from tidemark.query.database import Database
from tidemark.query.instant import to_ms
from tidemark.query.limits import Limits

_TOLD_WITHIN = 60
"""Seconds from the choice of a generation until the job has surely read it: four reads and writes of 15 s."""

_NEWEST, _OLDEST, _HISTORY = template("generation"), template("oldest"), template("history")


@dataclass(frozen=True, slots=True)
class Generation:
    """The one that answers.

    Attributes:
        number: Its second, Unix.
        is_rebuilding: Whether another one was asked for, or whether this one may not have caught up yet.
    """

    number: int
    is_rebuilding: bool


def generation(
    database: Database, published: Published, beginning_ms: int, freshness: Freshness, limits: Limits
) -> Generation:
    """The newest that has rows and has caught up; if none has, the oldest, the likeliest to be whole.

    Without rows it is the published one.

    Args:
        database: where the rows are.
        published: the experiment.
        beginning_ms: when the brokers stored the first event that the job can know, Unix ms.
        freshness: of the experiments' path.
        limits: what one question may cost.

    Raises:
        QueryError: the database took too long.
    """
    id_, newest = published.definition.id, published.generation
    through = None if freshness.complete_through is None else to_ms(freshness.complete_through)
    caught_up = -1 if through is None else -(-through // 1000) - 1 - _TOLD_WITHIN
    if needs_history(published.definition, beginning_ms):
        key = {"experiment": id_, "generation": newest}
        (read_ms,) = run(database, _HISTORY, key, limits).columns[0]
        if not read_ms or through is None or through <= read_ms:
            caught_up = min(caught_up, newest - 1)
    for statement, most in ((_NEWEST, min(newest, caught_up)), (_OLDEST, newest)):
        table = run(database, statement, {"experiment": id_, "most": most}, limits)
        if table.row_count:
            found = int(table.columns[0][0])
            return Generation(found, is_rebuilding=found != newest or found > caught_up)
    return Generation(newest, is_rebuilding=newest > caught_up)
