"""What GraphQL costs over the data: CPU per answer of 1,000 rows x 8 fields, as rows and as columns.

    python bench/graphql_cost.py

The baseline runs in the same process on the same numbers: a plain Strawberry schema whose rows are Strawberry
objects, each field resolved by Strawberry's default. The database is a stub, so nothing but our own work is
seen. (Not called graphql.py: a script's folder comes first in sys.path, and would hide the library.)
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import strawberry

from tidemark.api.schema import Context, build_schema
from tidemark.freshness import Freshness
from tidemark.query.answer import Answerer
from tidemark.query.catalogue import load
from tidemark.query.frame import Frame
from tidemark.query.request import Request
from tidemark.store.database import Table

ROWS, ROUNDS = 1_000, 40
CATALOGUE = Path(__file__).resolve().parents[1] / "catalogue"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ASK = (
    "{metrics: [IMPRESSIONS, CLICKS, CTR, SPEND, CPC, REVENUE], dimensions: [CAMPAIGN, COUNTRY],"
    " range: {lastSeconds: 3600}}"
)
FIELDS = "impressions clicks ctr spend cpc revenue"


class Stub:
    """A database that has the answer ready: the sums of the question above."""

    def __init__(self) -> None:
        names = [f"campaign-{row}" for row in range(ROWS)]
        countries = ["DE", "US", "NP", "FR"] * (ROWS // 4)
        self._table = Table(
            ("campaign_id", "country", "sum_0", "sum_1", "sum_2", "sum_3"),
            [
                names,
                countries,
                *([row * step + 1 for row in range(ROWS)] for step in (997, 31, 123_457, 7_001)),
            ],
            ROWS,
        )

    def query(self, sql: str, parameters: object = None) -> Table:  # noqa: ARG002
        """The same every time."""
        return self._table


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


def plain_schema(answer: Callable[[], Frame]) -> strawberry.Schema:
    """The baseline: an object a row, nothing else done about it."""

    @strawberry.type
    class Query:
        @strawberry.field
        async def rows(self) -> list[PlainRow]:
            values = [column.values for column in answer().columns]
            return [
                PlainRow(
                    campaign=row[0],
                    country=row[1],
                    values=PlainValues(
                        impressions=row[2],
                        clicks=row[3],
                        ctr=row[4],
                        spend=row[5],
                        cpc=row[6],
                        revenue=row[7],
                    ),
                )
                for row in zip(*values, strict=True)
            ]

    return strawberry.Schema(Query)


async def cpu_ms(ask: Callable[[], Awaitable[object]]) -> float:
    """CPU milliseconds of one call, the least of several rounds (others use this machine too)."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        await ask()
        best = min(best, time.process_time() - start)
    return best * 1000


async def main() -> None:
    """Print the figures."""
    catalogue = load(CATALOGUE)
    answerer = Answerer(Stub(), lambda: Freshness(NOW, NOW, None), "USD")
    asked: list[Request] = []

    async def answer(request: Request) -> Frame:
        asked[:] = [request]
        return answerer.answer(request)

    async def freshness() -> Freshness:
        return Freshness(NOW, NOW, None)

    schema, context = build_schema(catalogue), Context(answer, freshness)

    def ours(selection: str) -> Callable[[], Awaitable[object]]:
        document = f"{{ metrics(query: {ASK}) {{ {selection} }} }}"

        async def ask() -> object:
            result = await schema.execute(document, context_value=context)
            if result.errors:
                raise RuntimeError(result.errors)
            return msgspec.json.encode(result.data)

        return ask

    small = await cpu_ms(ours("rowCount"))
    columns = await cpu_ms(ours("columns { name values }"))
    rows = await cpu_ms(ours(f"rows {{ campaign country values {{ {FIELDS} }} }}"))
    plain = plain_schema(lambda: answerer.answer(asked[0]))

    async def baseline() -> object:
        result = await plain.execute(f"{{ rows {{ campaign country values {{ {FIELDS} }} }} }}")
        if result.errors:
            raise RuntimeError(result.errors)
        return msgspec.json.encode(result.data)

    plain_rows = await cpu_ms(baseline)
    start = time.process_time()
    for _ in range(ROUNDS):
        answerer.answer(asked[0])
    planner = (time.process_time() - start) / ROUNDS * 1000
    print(f"{ROWS} rows x 8 fields, CPU ms an answer, {os.cpu_count()} cores")
    for name, value in (
        ("plain Strawberry objects (baseline)", plain_rows),
        ("rows", rows),
        ("columns", columns),
        ("rowCount alone (parse, plan, shape)", small),
        ("of it plan and shape, without GraphQL", planner),
    ):
        print(f"{name:40s} {value:8.2f} ms   {value / plain_rows:6.3f} of the baseline")


if __name__ == "__main__":
    asyncio.run(main())
