"""The schema: the contract's `metrics` and `freshness`, enums and fields from the catalogue."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import create_type
from strawberry.types import ExecutionContext, Info

from tidemark import freshness
from tidemark.api.errors import explained
from tidemark.api.fields import field
from tidemark.api.rows import read_cells, row_type, rows
from tidemark.api.rules import EXTENSIONS
from tidemark.api.scalars import SCALARS
from tidemark.api.types import Column, Freshness, Grain, Operator, Resolved, TimeRange
from tidemark.query.catalogue import Catalogue, Dimension, Metric
from tidemark.query.frame import Frame
from tidemark.query.parse import parse_request
from tidemark.query.request import DEFAULT_LIMIT, Request


@dataclass(frozen=True, slots=True)
class Context:
    """What resolvers need; neither blocks the event loop."""

    answer: Callable[[Request], Awaitable[Frame]]
    freshness: Callable[[], Awaitable[freshness.Freshness]]


class Schema(strawberry.Schema):
    """Strawberry's schema, without its own log of errors: a caller's mistake is no error of the service."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Leave the log alone; `tidemark.api.errors` logs what nobody expected."""


def build_schema(catalogue: Catalogue) -> Schema:
    """The schema for this catalogue. A request's context must be a `Context`."""
    question = _question_type(catalogue)
    frame = _frame_type(row_type(catalogue))

    async def answer_metrics(info: Info[Context, None], query: Any) -> Frame:  # noqa: ANN401 - made above
        with explained():
            return await info.context.answer(_request(catalogue, query))

    async def read_freshness(info: Info[Context, None]) -> Freshness:
        with explained():
            known = await info.context.freshness()
            return Freshness.of(known, known.now)

    answer_metrics.__annotations__["query"] = question
    query = create_type(
        "Query",
        [
            field(
                "metrics",
                frame,
                "Campaign metrics, sliced any way the catalogue allows.",
                resolver=answer_metrics,
            ),
            field("freshness", Freshness, resolver=read_freshness),
        ],
    )
    schema = Schema(query, config=StrawberryConfig(scalar_map=SCALARS), extensions=EXTENSIONS)
    read_cells(schema._schema)  # noqa: SLF001 - Strawberry has no other way to the core schema
    return schema


def _request(catalogue: Catalogue, query: Any) -> Request:  # noqa: ANN401 - the input made from the catalogue
    return parse_request(
        catalogue,
        metrics=[metric.value for metric in query.metrics],
        dimensions=[dimension.value for dimension in query.dimensions],
        where=[(one.dimension.value, one.op.value, one.values) for one in query.where],
        time_range=query.range.parsed(),
        grain=query.grain.value if query.grain else None,
        limit=query.limit,
    )


def _question_type(catalogue: Catalogue) -> type:
    metric = _enum("Metric", list(catalogue.metrics.values()))
    dimension = _enum("Dimension", list(catalogue.dimensions.values()))
    condition = create_type(
        "Condition",
        [
            field("dimension", dimension),
            field("op", Operator, default=Operator.IN),
            field("values", list[str]),
        ],
        is_input=True,
        description="All conditions hold (AND); the values of one are alternatives (OR).",
    )
    return create_type(
        "MetricsQuery",
        [
            field("metrics", _list_of(metric)),
            field("dimensions", _list_of(dimension), default_factory=list),
            field("where", _list_of(condition), default_factory=list),
            field("range", TimeRange),
            field("grain", Grain | None, "null: one bucket for the whole range.", default=strawberry.UNSET),
            field("limit", int, default=DEFAULT_LIMIT),
        ],
        is_input=True,
    )


def _frame_type(row: type) -> type:
    def columns(root: Any) -> list[Column]:  # noqa: ANN401 - a Frame of the planner
        return [Column.of(column) for column in root.columns]

    def made_rows(root: Any) -> Any:  # noqa: ANN401
        return rows(root)

    def resolved(root: Any) -> Resolved:  # noqa: ANN401
        return Resolved.of(root.resolved, root.source)

    def fresh(root: Any) -> Freshness:  # noqa: ANN401
        return Freshness.of(root.freshness, root.resolved.end)

    return create_type(
        "Frame",
        [
            field("columns", list[Column], "Columnar: the cheapest form for charts.", resolver=columns),
            field(
                "rows",
                _list_of(row),
                "A row for each group with an event that the metrics look at; without dimensions and grain, "
                "always one.",
                resolver=made_rows,
            ),
            field("rowCount", int, attribute="row_count"),
            field("truncated", bool, "true when limit cut rows off."),
            field("resolved", Resolved, resolver=resolved),
            field("freshness", Freshness, resolver=fresh),
        ],
    )


def _enum(name: str, entries: Sequence[Metric | Dimension]) -> Any:  # noqa: ANN401 - a type made at run time
    members = {
        entry.name: strawberry.enum_value(entry.name, description=entry.description) for entry in entries
    }
    return strawberry.enum(cast("type[Enum]", Enum(name, members)))


def _list_of(type_: Any) -> Any:  # noqa: ANN401 - types made at run time
    return list[type_]
