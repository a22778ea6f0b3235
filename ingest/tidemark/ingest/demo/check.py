"""Compares the demo's own books with what GraphQL answers."""

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus

import httpx
import msgspec

from tidemark.ingest.demo.ledger import Run, Totals

PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.5
_MICROS = 1_000_000
METRICS = ("impressions", "clicks", "conversions", "spend", "revenue", "events")
_MONEY = {"spend": "spend_micros", "revenue": "revenue_micros"}
QUERY = """
query DemoCheck($query: MetricsQuery!) {
  metrics(query: $query) {
    rows { campaign values { impressions clicks conversions spend revenue events } }
    freshness { completeThrough }
  }
}
"""


class CheckError(RuntimeError):
    """A comparison that could not be made; the message is a sentence."""


class _Row(msgspec.Struct):
    campaign: str
    values: dict[str, float | None]


class _Freshness(msgspec.Struct):
    complete_through: dt.datetime | None = msgspec.field(name="completeThrough", default=None)


class _Frame(msgspec.Struct):
    rows: list[_Row]
    freshness: _Freshness


class _Data(msgspec.Struct):
    metrics: _Frame


class _Problem(msgspec.Struct):
    message: str


class _Reply(msgspec.Struct):
    data: _Data | None = None
    errors: list[_Problem] = []


@dataclass(frozen=True, slots=True)
class Number:
    """One number of both books; money in micros."""

    campaign: str
    metric: str
    expected: int
    answered: int

    @property
    def is_equal(self) -> bool:
        """Whether both say the same."""
        return self.expected == self.answered


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both books side by side.

    Attributes:
        numbers: by campaign, then by metric.
        complete_through: up to where the answer says it is complete.
        waited: seconds until it said so.
    """

    numbers: tuple[Number, ...]
    complete_through: dt.datetime
    waited: float

    @property
    def is_equal(self) -> bool:
        """Whether all numbers are."""
        return all(number.is_equal for number in self.numbers)


def check(
    run: Run,
    client: httpx.Client,
    url: str,
    *,
    watch: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    patience: float = PATIENCE_SECONDS,
) -> Comparison:
    """Ask until the answer is complete beyond the last accepted event, then compare.

    Args:
        run: the demo's books.
        client: the HTTP client.
        url: the service's address.
        watch: told what it is waiting for.
        sleep: waits for so many seconds.
        clock: seconds that only grow.
        patience: seconds after which it gives up.

    Raises:
        CheckError: the run has not ended, the service refuses, or its answer is not complete in time.
    """
    if not run.ended:
        raise CheckError(
            f"The last demo with seed {run.seed} has not ended, or was killed, so its totals are not final: "
            "end it with Ctrl-C, or run a new one."
        )
    started = clock()
    wanted = _instant(run.last_answer_ms)
    while True:
        problem, reply = _ask(run, client, url)
        if reply is not None:
            through = reply.freshness.complete_through
            if through is not None and through > wanted:
                return Comparison(_numbers(run, reply), through, clock() - started)
            problem = f"complete through {_shown(through)}, wanted beyond {_shown(wanted)}"
        if clock() - started >= patience:
            raise CheckError(
                f"No complete answer from {url} in {patience:.0f} s ({problem}): see `tidemark status`."
            )
        watch(problem)
        sleep(_PAUSE_SECONDS)


def variables(run: Run) -> dict[str, object]:
    """The variables of the query: every campaign of the run, over whole minutes."""
    return {
        "query": {
            "metrics": [metric.upper() for metric in METRICS],
            "dimensions": ["CAMPAIGN"],
            "where": [{"dimension": "CAMPAIGN", "op": "IN", "values": sorted(run.totals)}],
            "range": {"from": _rfc3339(run.from_ms), "to": _rfc3339(run.to_ms)},
        }
    }


def _ask(run: Run, client: httpx.Client, url: str) -> tuple[str, _Frame | None]:
    """The answer, or why there is none yet."""
    try:
        response = client.post(f"{url}/graphql", json={"query": QUERY, "variables": variables(run)})
    except httpx.TransportError:
        return "no answer", None
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"it answered {response.status_code}", None
    try:
        reply = msgspec.json.decode(response.content, type=_Reply)
    except msgspec.DecodeError as error:
        raise CheckError(
            f"{url}/graphql answered {response.status_code}, but not as GraphQL: {error}."
        ) from error
    if reply.errors or reply.data is None:
        reasons = "; ".join(problem.message for problem in reply.errors) or "no data"
        raise CheckError(f"{url}/graphql refused the question: {reasons}.")
    return "", reply.data.metrics


def _numbers(run: Run, frame: _Frame) -> tuple[Number, ...]:
    answers = {row.campaign: row.values for row in frame.rows}
    return tuple(
        Number(campaign, metric, _expected(totals, metric), _answered(answers.get(campaign, {}), metric))
        for campaign, totals in sorted(run.totals.items())
        for metric in METRICS
    )


def _expected(totals: Totals, metric: str) -> int:
    number = getattr(totals, _MONEY.get(metric, metric))
    return int(number)


def _answered(values: dict[str, float | None], metric: str) -> int:
    value = values.get(metric) or 0.0
    # repr gives the shortest text of the float: the decimal that the service meant, exact to the micro.
    return round(Decimal(repr(value)) * (_MICROS if metric in _MONEY else 1))


def _instant(milliseconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)


def _rfc3339(milliseconds: int) -> str:
    return _instant(milliseconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(instant: dt.datetime | None) -> str:
    return f"{instant.astimezone(dt.UTC):%H:%M:%S} UTC" if instant else "nothing yet"
