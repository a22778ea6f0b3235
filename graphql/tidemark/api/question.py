"""The question as GraphQL's input, with enums from the catalogue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

import strawberry
from strawberry.tools import create_type

from tidemark.api.fields import field, list_of
from tidemark.api.types import Compare, Direction, Grain, Operator, Range
from tidemark.query import catalogue as known
from tidemark.query.limits import Limits
from tidemark.query.parse import parse_request
from tidemark.query.request import DEFAULT_LIMIT, Request, TimeRange
from tidemark.query.suggestion import WhereAsked


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


def condition_type(enums: Enums) -> type:
    """The input Condition."""
    return create_type(
        "Condition",
        [
            field("dimension", enums.dimension),
            field("op", Operator, default=Operator.IN),
            field("values", list[str]),
        ],
        is_input=True,
        description="All conditions hold (AND); the values of one are alternatives (OR).",
    )


def question_type(enums: Enums, condition: type) -> type:
    """The input MetricsQuery."""
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
        description="Only rows whose value lies within the bounds, themselves included; null fails.",
    )
    order_by = create_type(
        "OrderBy",
        [
            field("metric", enums.metric | None, "It need not be among metrics.", default=strawberry.UNSET),
            field("dimension", enums.dimension | None, "One of dimensions.", default=strawberry.UNSET),
            field("bucket", bool | None, "true: by time; needs a grain.", default=strawberry.UNSET),
            field(
                "direction",
                Direction,
                "The largest, last or newest first, unless it is ASC; no value comes last either way.",
                default=Direction.DESC,
            ),
        ],
        is_input=True,
        description="One of metric, dimension and bucket, and in which direction.",
    )
    return create_type(
        "MetricsQuery",
        [
            field("metrics", list_of(enums.metric), "What to measure."),
            field(
                "dimensions",
                list_of(enums.dimension),
                "What to slice by: a row for each combination of their values.",
                default_factory=list,
            ),
            field(
                "where",
                list_of(condition),
                "Only events for which all conditions hold.",
                default_factory=list,
            ),
            field("range", Range),
            field("grain", Grain | None, "null: one bucket for the whole range.", default=strawberry.UNSET),
            field(
                "timezone",
                str,
                "IANA name; bucket edges follow it, daylight saving included.",
                default="UTC",
            ),
            field(
                "compare",
                Compare | None,
                "Beside each value that of an earlier range, and the change since.",
                default=strawberry.UNSET,
            ),
            field(
                "top",
                cast("Any", top) | None,
                "Only the largest of the first dimension, the rest in one row.",
                default=strawberry.UNSET,
            ),
            field("having", list_of(having), "Only rows for which all hold.", default_factory=list),
            field(
                "orderBy",
                list_of(order_by),
                "The first decides, the next where it is equal. Empty: by bucket, or without a grain by the "
                "first metric, the largest first.",
                default_factory=list,
            ),
            field(
                "limit", int, "The most rows; truncated says whether there are more.", default=DEFAULT_LIMIT
            ),
        ],
        is_input=True,
    )


def request_of(catalogue: known.Catalogue, query: Mapping[str, Any], limits: Limits) -> Request:
    """The question that an input of `question_type` asks, as graphql-core reads it.

    Raises:
        QueryError: it cannot be asked.
    """
    top = query.get("top")
    within = query["range"]
    return parse_request(
        catalogue,
        metrics=_names(query["metrics"]),
        dimensions=_names(query["dimensions"]),
        where=conditions_of(query["where"]),
        time_range=TimeRange(within.get("from"), within.get("to"), within.get("lastSeconds")),
        grain=_name(query.get("grain")),
        timezone=query["timezone"],
        compare=_name(query.get("compare")),
        top=None if top is None else (top["n"], top["by"].name, top["other"]),
        having=[(one["metric"].name, one.get("min"), one.get("max")) for one in query["having"]],
        order_by=[
            (
                _name(one.get("metric")),
                _name(one.get("dimension")),
                bool(one.get("bucket")),
                one["direction"].name,
            )
            for one in query["orderBy"]
        ],
        limit=query["limit"],
        limits=limits,
    )


def conditions_of(where: Sequence[Mapping[str, Any]]) -> list[WhereAsked]:
    """Conditions as graphql-core reads them, in names."""
    return [(one["dimension"].name, one["op"].name, one["values"]) for one in where]


def _name(member: Enum | None) -> str | None:
    return None if member is None else member.name


def _names(members: Sequence[Enum]) -> list[str]:
    return [member.name for member in members]


def _enum(name: str, entries: Sequence[known.Metric | known.Dimension]) -> Any:  # noqa: ANN401 - a type made at run time
    members = {
        entry.name: strawberry.enum_value(entry.name, description=entry.description) for entry in entries
    }
    return strawberry.enum(cast("type[Enum]", Enum(name, members)))
