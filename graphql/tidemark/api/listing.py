"""The type Catalogue: what can be asked, for those who build a question."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from graphql import GraphQLResolveInfo
from strawberry.tools import create_type

from tidemark.api.context import Context
from tidemark.api.fields import field, list_of
from tidemark.api.question import Enums
from tidemark.query.catalogue import Catalogue, Dimension, Metric
from tidemark.query.errors import Code, QueryError

VALUES: Final = 50


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """A metric, as its type reads it; ``name`` and ``dimensions`` are members of the enums."""

    name: Any
    label: str
    unit: str | None
    description: str
    expression: str
    dimensions: Sequence[Any]


@dataclass(frozen=True, slots=True)
class DimensionInfo:
    """A dimension, as its type reads it; ``name`` is a member of the enum."""

    name: Any
    label: str
    description: str
    dimension: Dimension


@dataclass(frozen=True, slots=True)
class Listing:
    """The catalogue, as its type reads it."""

    metrics: Sequence[MetricInfo]
    dimensions: Sequence[DimensionInfo]
    version: str

    @classmethod
    def of(cls, catalogue: Catalogue, enums: Enums, currency: str) -> "Listing":
        """Everything in it; each metric can be sliced by each dimension."""
        slices = list(enums.dimension)

        def metric(one: Metric) -> MetricInfo:
            unit = one.unit_in(currency)
            return MetricInfo(
                enums.metric[one.name], one.label, unit, one.description, one.expression, slices
            )

        def dimension(one: Dimension) -> DimensionInfo:
            return DimensionInfo(enums.dimension[one.name], one.label, one.description, one)

        return cls(
            [metric(one) for one in catalogue.metrics.values()],
            [dimension(one) for one in catalogue.dimensions.values()],
            catalogue.version,
        )


async def dimension_values(
    one: DimensionInfo,
    info: GraphQLResolveInfo[Context],
    search: str | None = None,
    first: int | None = None,
) -> list[str]:
    """The most frequent values of a dimension lately.

    Raises:
        QueryError: so many are not given.
    """
    context = info.context
    allowed = context.desk.allowance(context.caller).limits.values
    wanted = VALUES if first is None else first
    if not 1 <= wanted <= allowed:
        raise QueryError(
            Code.BAD_LIMIT,
            f"values.first is {wanted:,}; it must be from 1 to {allowed:,}.",
            limit=allowed,
            requested=wanted,
            suggestion={"first": min(max(wanted, 1), allowed)},
        )
    return await context.desk.values(one.dimension, search or None, wanted, context.caller)


def catalogue_type(enums: Enums) -> type:
    """The type Catalogue, read from a `Listing`."""
    dimensions = list_of(enums.dimension)
    metric = create_type(
        "MetricInfo",
        [
            field("name", enums.metric),
            field("label", str),
            field("unit", str | None),
            field("description", str),
            field("expression", str),
            field("dimensions", dimensions),
        ],
    )
    dimension = create_type(
        "DimensionInfo",
        [
            field("name", enums.dimension),
            field("label", str),
            field("description", str),
            field(
                "values",
                list[str],
                "The most frequent values lately, for pickers.",
                arguments={"search": str | None, "first": (int | None, VALUES)},
            ),
        ],
    )
    return create_type(
        "Catalogue",
        [
            field("metrics", list_of(metric)),
            field("dimensions", list_of(dimension)),
            field("version", str),
        ],
    )
