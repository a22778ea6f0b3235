"""Rows: what a frame's columns are for those who want one object a row. Made only when they are asked for."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from strawberry.tools import create_type

from tidemark.api.fields import field
from tidemark.query.catalogue import Catalogue
from tidemark.query.frame import ColumnKind, Frame

Cells = dict[str, Any]


def row_type(catalogue: Catalogue) -> type:
    """The types Row and MetricValues, with a field for each dimension and metric of the catalogue."""
    values = create_type(
        "MetricValues",
        # an upper-case Python name can be no keyword of Python, whatever the metric is called
        [
            field(m.field, float | None, m.description, attribute=name)
            for name, m in catalogue.metrics.items()
        ],
        description="spend, revenue, cpc, cpm and cpa in currency units; rates as fractions; "
        "null where a denominator is 0.",
    )
    dimensions = [
        field(d.field, str | None, d.description, attribute=name) for name, d in catalogue.dimensions.items()
    ]
    return create_type("Row", [field("bucket", datetime | None), *dimensions, field("values", values)])


def rows(frame: Frame) -> list[Cells]:
    """A dict a row, its metrics in a dict under ``values``."""
    keys = [column for column in frame.columns if column.kind is not ColumnKind.METRIC]
    metrics = [column for column in frame.columns if column.kind is ColumnKind.METRIC]
    names = [column.name for column in metrics]
    values = _transposed([column.values for column in metrics], frame.row_count)
    found = [{"values": dict(zip(names, row, strict=True))} for row in values]
    for column in keys:
        for cells, value in zip(found, column.values, strict=True):
            cells[column.name] = value
    return found


def read_cells(schema: GraphQLSchema) -> None:
    """Let the fields of rows read their cell and nothing more, which Strawberry's resolvers do not."""
    for name in ("Row", "MetricValues"):
        row = schema.type_map[name]
        if not isinstance(row, GraphQLObjectType):
            raise TypeError(f"{name} is no object type")
        for cell, definition in row.fields.items():
            definition.resolve = _cell(cell)


def _cell(name: str) -> Callable[[Cells, GraphQLResolveInfo[Any]], Any]:
    return lambda cells, _info: cells.get(name)


def _transposed(columns: list[Any], count: int) -> Iterable[tuple[Any, ...]]:
    return zip(*columns, strict=True) if columns else [()] * count
