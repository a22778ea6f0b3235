"""The schema: the contract's types, with enums and fields from the catalogue."""

from collections.abc import AsyncIterator
from typing import Any

from strawberry.schema.config import StrawberryConfig
from strawberry.tools import create_type
from strawberry.types import Info

from tidemark.api.context import Context
from tidemark.api.fields import field
from tidemark.api.frames import frame_type
from tidemark.api.listing import Listing, catalogue_type
from tidemark.api.operations import Schema
from tidemark.api.question import Enums, question_type, request_of
from tidemark.api.rows import read_cells, row_type
from tidemark.api.scalars import SCALARS
from tidemark.api.types import Freshness, Limits
from tidemark.query.catalogue import Catalogue
from tidemark.query.errors import Code, QueryError
from tidemark.query.frame import Answer
from tidemark.query.request import Request

__all__ = ["Context", "Schema", "build_schema"]
INTERVAL_MS = 1_000


def build_schema(catalogue: Catalogue, *, currency: str = "USD") -> Schema:
    """The schema for this catalogue; ``currency`` is the unit of its amounts."""
    enums = Enums.of(catalogue)
    question = question_type(enums)
    frame = frame_type(row_type(catalogue))
    listing = Listing.of(catalogue, enums, currency)

    def asked(info: Info[Context, None], query: object) -> Request:
        limits = info.context.desk.allowance(info.context.caller).limits
        return request_of(catalogue, query, limits)

    async def metrics(info: Info[Context, None], query: Any) -> Answer:  # noqa: ANN401 - made above
        return await info.context.desk.ask(asked(info, query), info.context.caller)

    async def read_freshness(info: Info[Context, None]) -> Freshness:
        known = await info.context.desk.freshness()
        return Freshness.of(known, known.now)

    def limits(info: Info[Context, None]) -> Limits:
        return Limits.of(info.context.desk.allowance(info.context.caller))

    async def watch(
        info: Info[Context, None],
        query: Any,  # noqa: ANN401 - made above
        min_interval_ms: int | None = INTERVAL_MS,
    ) -> AsyncIterator[Answer]:
        interval = INTERVAL_MS if min_interval_ms is None else min_interval_ms
        if interval < 0:
            raise QueryError(
                Code.BAD_LIMIT,
                f"minIntervalMs is {interval}; it must be at least 0.",
                limit=0,
                requested=interval,
                suggestion={"minIntervalMs": INTERVAL_MS},
            )
        return info.context.desk.watch(asked(info, query), info.context.caller, interval)

    metrics.__annotations__["query"] = watch.__annotations__["query"] = question
    query = create_type(
        "Query",
        [
            field(
                "metrics",
                frame,
                "Campaign metrics, sliced any way the catalogue allows.",
                resolver=metrics,
            ),
            field("catalogue", catalogue_type(enums), resolver=lambda: listing),
            field("freshness", Freshness, resolver=read_freshness),
            field("limits", Limits, "What this caller may ask, before it asks.", resolver=limits),
        ],
    )
    subscription = create_type(
        "Subscription",
        [
            field(
                "metrics",
                frame,
                "A new frame each time its data changed, at most once per interval; the first one at once.",
                resolver=watch,
                is_subscription=True,
            )
        ],
    )
    schema = Schema(query, subscription, StrawberryConfig(scalar_map=SCALARS))
    read_cells(schema.core)
    return schema
