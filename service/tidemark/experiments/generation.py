"""Which generation of an experiment's numbers answers: the published one, or until then the one before.

A generation is named by the second in which it was first asked for. The job counts it from the first event on
once it has read the definition. That is told some seconds later, on another topic and by another clock, so a
generation counts as caught up when the watermark is a minute beyond its second.
"""

from dataclasses import dataclass

from tidemark.experiments.statement import run, template
from tidemark.freshness import Freshness
from tidemark.query.database import Database
from tidemark.query.instant import to_ms
from tidemark.query.limits import Limits

_TOLD_WITHIN = 60
"""Seconds from the choice of a generation until the job has surely read it: four reads and writes of 15 s."""

_NEWEST, _OLDEST = template("generation"), template("oldest")


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
    database: Database, experiment: str, published: int, freshness: Freshness, limits: Limits
) -> Generation:
    """The newest that has rows and has caught up; if none has, the oldest, the likeliest to be whole.

    ``freshness``: of the experiments' path. Without rows it is the published one.

    Raises:
        QueryError: the database took too long.
    """
    through = freshness.complete_through
    caught_up = -1 if through is None else -(-to_ms(through) // 1000) - 1 - _TOLD_WITHIN
    for statement, most in ((_NEWEST, min(published, caught_up)), (_OLDEST, published)):
        table = run(database, statement, {"experiment": experiment, "most": most}, limits)
        if table.row_count:
            found = int(table.columns[0][0])
            return Generation(found, is_rebuilding=found != published or found > caught_up)
    return Generation(published, is_rebuilding=published > caught_up)
