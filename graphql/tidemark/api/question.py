"""The question as GraphQL's input, with enums from the catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar, cast

import strawberry
from strawberry.tools import create_type

from tidemark.api.fields import field, list_of
from tidemark.api.types import Compare, Direction, Grain, Operator, TimeRange
from tidemark.query import catalogue as known
from tidemark.query.limits import Limits
from tidemark.query.parse import parse_request
from tidemark.query.request import DEFAULT_LIMIT, Request

_Given = TypeVar("_Given")


@dataclass(frozen=True, slots=True)
class Enums:
    """The two enums whose values are the catalogue's entries."""

    metric: Any
    dimension: Any

    @classmethod
    def of(cls, catalogue: known.Catalogue) -> "Enums":
        """Both, in the catalogue's order, with its descriptions."""
        return cls(
            _enum("Metric", list(catalogue.metrics.values())),
            _enum("Dimension", list(catalogue.dimensions.values())),
        )


def question_type(enums: Enums) -> type:
    """The input MetricsQuery."""
    condition = create_type(
        "Condition",
        [
            field("dimension", enums.dimension),
            field("op", Operator, default=Operator.IN),
            field("values", list[str]),
        ],
        is_input=True,
        description="All conditions hold (AND); the values of one are alternatives (OR).",
    )
    top = create_type(
        "Top",
        [field("n", int), field("by", enums.metric), field("other", bool, default=True)],
        is_input=True,
        description="The n largest of the first dimension; the rest is one row with other = true, "
        "or left out.",
    )
    having = create_type(
        "Having",
        [
            field("metric", enums.metric),
            field("min", float | None, default=strawberry.UNSET),
            field("max", float | None, default=strawberry.UNSET),
        ],
        is_input=True,
    )
    order_by = create_type(
        "OrderBy",
        [
            field("metric", enums.metric | None, default=strawberry.UNSET),
            field("dimension", enums.dimension | None, default=strawberry.UNSET),
            field("bucket", bool | None, default=strawberry.UNSET),
            field("direction", Direction, default=Direction.DESC),
        ],
        is_input=True,
    )
    return create_type(
        "MetricsQuery",
        [
            field("metrics", list_of(enums.metric)),
            field("dimensions", list_of(enums.dimension), default_factory=list),
            field("where", list_of(condition), default_factory=list),
            field("range", TimeRange),
            field("grain", Grain | None, "null: one bucket for the whole range.", default=strawberry.UNSET),
            field(
                "timezone",
                str,
                "IANA name; bucket edges follow it, daylight saving included.",
                default="UTC",
            ),
            field("compare", Compare | None, default=strawberry.UNSET),
            field("top", cast("Any", top) | None, default=strawberry.UNSET),
            field("having", list_of(having), default_factory=list),
            field("orderBy", list_of(order_by), attribute="order_by", default_factory=list),
            field("limit", int, default=DEFAULT_LIMIT),
        ],
        is_input=True,
    )


def request_of(catalogue: known.Catalogue, query: Any, limits: Limits) -> Request:  # noqa: ANN401 - made above
    """The question that an input of `question_type` asks.

    Raises:
        QueryError: it cannot be asked.
    """
    top = _given(query.top)
    return parse_request(
        catalogue,
        metrics=[metric.value for metric in query.metrics],
        dimensions=[dimension.value for dimension in query.dimensions],
        where=[(one.dimension.value, one.op.value, one.values) for one in query.where],
        time_range=query.range.parsed(),
        grain=_name(query.grain),
        timezone=query.timezone,
        compare=_name(query.compare),
        top=None if top is None else (top.n, top.by.value, top.other),
        having=[(one.metric.value, _given(one.min), _given(one.max)) for one in query.having],
        order_by=[
            (_name(one.metric), _name(one.dimension), bool(one.bucket), one.direction.value)
            for one in query.order_by
        ],
        limit=query.limit,
        limits=limits,
    )


def _given(value: _Given) -> _Given | None:
    return None if value is strawberry.UNSET else value


def _name(member: Enum | None) -> str | None:
    # what was not given is falsy, as null is; a member of an enum of ours never is
    return str(member.value) if member else None


def _enum(name: str, entries: Sequence[known.Metric | known.Dimension]) -> Any:  # noqa: ANN401 - a type made at run time
    members = {
        entry.name: strawberry.enum_value(entry.name, description=entry.description) for entry in entries
    }
    return strawberry.enum(cast("type[Enum]", Enum(name, members)))
