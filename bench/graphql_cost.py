"""What GraphQL costs over the data: CPU of an encoded answer of 1,000 rows x 8 fields, as rows and columns.

    python bench/graphql_cost.py

The baseline runs in the same process on the same numbers: a plain Strawberry schema whose rows are Strawberry
objects, each field resolved by Strawberry's default. The desk is a stub that has the answer ready, so nothing
but GraphQL's own part is seen: reading the document and the question, the executor, the encoder. (Not called
graphql.py: a script's folder comes first in sys.path, and would hide the library.)
"""

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import orjson
import strawberry

from tidemark.alerts.serving import Serving
from tidemark.alerts.shown import AlertState
from tidemark.api.context import Context
from tidemark.api.encode import encode
from tidemark.api.schema import Schema, build_schema
from tidemark.desk.allowance import Allowance
from tidemark.desk.feed import Tidings
from tidemark.experiments.definition import Status
from tidemark.experiments.experiment import Experiment
from tidemark.freshness import Freshness
from tidemark.query.answer import Answerer
from tidemark.query.caller import Caller
from tidemark.query.catalogue import Dimension, load
from tidemark.query.database import Database
from tidemark.query.frame import Answer, ColumnKind, Cost, Frame
from tidemark.query.limits import DEFAULT_LIMITS
from tidemark.query.parse import parse_request
from tidemark.query.request import Request, TimeRange
from tidemark.store.database import Table

ROWS, ROUNDS = 1_000, 100
CATALOGUE = Path(__file__).resolve().parents[1] / "catalogue"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
METRICS = ("IMPRESSIONS", "CLICKS", "CTR", "SPEND", "CPC", "REVENUE")
DIMENSIONS = ("CAMPAIGN", "COUNTRY")
ASK = (
    f"{{metrics: [{', '.join(METRICS)}], dimensions: [{', '.join(DIMENSIONS)}],"
    " range: {lastSeconds: 3600}}"
)
T = TypeVar("T")
FIELDS = "impressions clicks ctr spend cpc revenue"
# CPU milliseconds that must do
BARS = {"rows": 1.5, "columns": 0.5, "rowCount": 0.4}


class Sums:
    """A database that has the sums ready that the question above needs."""

    def __init__(self) -> None:
        self.columns: list[Sequence[Any]] = [
            [f"campaign-{row}" for row in range(ROWS)],
            ["DE", "US", "NP", "FR"] * (ROWS // 4),
            *([row * step + 1 for row in range(ROWS)] for step in (997, 31, 123_457, 7_001)),
        ]

    def query(
        self,
        sql: str,  # noqa: ARG002
        parameters: Mapping[str, object] | None = None,  # noqa: ARG002
        *,
        query_id: str | None = None,  # noqa: ARG002
    ) -> Table:
        """The same every time."""
        return Table(("",) * len(self.columns), self.columns, ROWS)

    def cancel(self, query_id: str) -> None:
        """Nothing runs."""


def only_asked(answer: Frame) -> Frame:
    """The answer without the intervals of rates: 8 columns, for as many fields of a row."""
    kinds = (ColumnKind.DIMENSION, ColumnKind.METRIC)
    return replace(answer, columns=tuple(one for one in answer.columns if one.kind in kinds))


@dataclass(frozen=True, slots=True)
class Stub:
    """A desk that has the answer ready."""

    answer: Answer

    async def ask(self, request: Request, caller: Caller) -> Answer:  # noqa: ARG002
        """The answer."""
        return self.answer

    async def watch(
        self,
        request: Request,  # noqa: ARG002
        caller: Caller,  # noqa: ARG002
        min_interval_ms: int,  # noqa: ARG002
    ) -> AsyncIterator[Answer]:
        """The answer, and a new one with the same frame for every round."""
        for _ in range(ROUNDS):
            yield self.answer

    async def freshness(self) -> Freshness:
        """Complete."""
        return Freshness(NOW, NOW, None)

    async def tend(self, work: Callable[[Serving], T], caller: Caller, *, writes: bool = False) -> T:
        """There are no alerts."""
        raise RuntimeError(f"the benchmark asks for no alert: {work}, {caller}, {writes}")

    async def follow(
        self,
        states: Collection[AlertState],  # noqa: ARG002
        caller: Caller,  # noqa: ARG002
    ) -> AsyncIterator[Tidings]:
        """Nothing."""
        return
        yield

    async def values(
        self,
        dimension: Dimension,  # noqa: ARG002
        search: str | None,  # noqa: ARG002
        first: int,  # noqa: ARG002
        caller: Caller,  # noqa: ARG002
    ) -> list[str]:
        """None."""
        return []

    def experiment(self, id_: str) -> Experiment | None:  # noqa: ARG002
        """None."""
        return None

    def experiments(self, status: Status | None) -> list[Experiment]:  # noqa: ARG002
        """None."""
        return []

    async def read(self, work: Callable[[Database], T], caller: Caller) -> T:
        """Nothing can be read."""
        raise RuntimeError(f"the benchmark asks for no experiment: {work}, {caller}")

    def allowance(self, caller: Caller) -> Allowance:  # noqa: ARG002
        """The usual one."""
        return Allowance(DEFAULT_LIMITS, NOW - timedelta(days=365))


@strawberry.type
class PlainValues:
    """The baseline's metrics."""

    impressions: float | None
    clicks: float | None
    ctr: float | None
    spend: float | None
    cpc: float | None
    revenue: float | None


@strawberry.type
class PlainRow:
    """The baseline's row."""

    campaign: str | None
    country: str | None
    values: PlainValues


def plain_schema(answer: Frame) -> strawberry.Schema:
    """The baseline: an object a row, nothing else done about it."""

    @strawberry.type
    class Query:
        @strawberry.field
        async def rows(self) -> list[PlainRow]:
            names = FIELDS.split()
            return [
                PlainRow(
                    campaign=row[0],
                    country=row[1],
                    values=PlainValues(**dict(zip(names, row[2:], strict=True))),
                )
                for row in zip(*(column.values for column in answer.columns), strict=True)
            ]

    return strawberry.Schema(Query)


async def cpu_ms(ask: Callable[[], Awaitable[object]], rounds: int = ROUNDS) -> float:
    """CPU milliseconds of one call, the least of several rounds (others use this machine too)."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        await ask()
        best = min(best, time.process_time() - start)
    return best * 1000


def asking(
    schema: strawberry.Schema, document: str, context: Context | None = None
) -> Callable[[], Awaitable[bytes]]:
    """A call that answers a document, encoded."""

    async def ask() -> bytes:
        result = await schema.execute(document, context_value=context)
        if result.errors:
            raise RuntimeError(result.errors)
        return encode({"data": result.data})

    return ask


def planned(answerer: Answerer, request: Request) -> Callable[[], Awaitable[Frame]]:
    """A call that plans a question and shapes its answer, without GraphQL."""

    async def ask() -> Frame:
        return answerer.answer(request)

    return ask


async def subscriber_ms(schema: Schema, document: str, context: Context) -> float:
    """CPU milliseconds of one more frame for one more subscriber of a question that others hold, too."""
    start = time.process_time()
    count = 0
    async for result in await schema.stream(f"subscription {document}", context_value=context):
        encode({"id": str(count), "type": "next", "payload": {"data": result.data}})
        count += 1
    return (time.process_time() - start) / count * 1000


def encoders(body: object) -> dict[str, float]:
    """CPU milliseconds of each encoder, the least of several rounds."""
    best = {}
    known: dict[str, Callable[[object], bytes]] = {
        "orjson": orjson.dumps,
        "msgspec": msgspec.json.Encoder().encode,
        "encode": encode,
    }
    for name, encoder in known.items():
        best[name] = float("inf")
        for _ in range(ROUNDS):
            start = time.process_time()
            encoder(body)
            best[name] = min(best[name], (time.process_time() - start) * 1000)
    return best


async def main() -> None:
    """Print the figures."""
    catalogue = load(CATALOGUE)
    answerer = Answerer(Sums(), lambda: Freshness(NOW, NOW, None), "USD")
    request = parse_request(
        catalogue, metrics=METRICS, dimensions=DIMENSIONS, time_range=TimeRange(last_seconds=3600)
    )
    answer = only_asked(answerer.answer(request))
    schema = build_schema(catalogue)
    stub = Stub(Answer(answer, Cost(0, 0, 0.0, cache_hit=True, charged=0.0, remaining=1.0)))
    context = Context(stub, Caller("address:bench"), "bench")
    gc.collect()
    gc.freeze()
    selections = {
        "rows": f"rows {{ campaign country values {{ {FIELDS} }} }}",
        "columns": "columns { name values }",
        "rowCount": "rowCount",
    }
    documents = {name: f"{{ metrics(query: {ASK}) {{ {one} }} }}" for name, one in selections.items()}
    plain = await cpu_ms(
        asking(plain_schema(answer), f"{{ rows {{ campaign country values {{ {FIELDS} }} }} }}"), 20
    )
    print(f"{ROWS:,} rows x 8 fields, CPU ms an answer, {os.cpu_count()} cores")
    print(f"{'plain Strawberry objects (baseline)':40s} {plain:8.3f} ms")
    for name, document in documents.items():
        value = await cpu_ms(asking(schema, document, context))
        bar = BARS[name]
        verdict = "met" if value <= bar else "missed"
        print(f"{name:40s} {value:8.3f} ms   {value / plain:6.4f} of the baseline   bar {bar} ms: {verdict}")
    planner = await cpu_ms(planned(answerer, request))
    print(f"{'beside these, plan and shape':40s} {planner:8.3f} ms   {planner / plain:6.4f} of the baseline")
    each = await subscriber_ms(schema, documents["rows"], context)
    print(
        f"{'one more subscriber of the same rows':40s} {each:8.3f} ms   {each / plain:6.4f} of the baseline"
    )
    for name in ("rows", "columns"):
        body = (await schema.execute(documents[name], context_value=context)).data
        for encoder, value in encoders(body).items():
            print(f"{f'of {name}, encoding by {encoder}':40s} {value:8.3f} ms")


if __name__ == "__main__":
    asyncio.run(main())
