"""Rows: what a frame's columns are for those who want one object a row. Made only when they are asked for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, overload

from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from strawberry.tools import create_type

from tidemark.api.fields import field
from tidemark.query.catalogue import Catalogue
from tidemark.query.frame import ColumnKind, Frame

ROW, METRIC_VALUES = "Row", "MetricValues"
# the fields of a row that hold MetricValues, and what their columns are
GROUPS: Mapping[str, ColumnKind] = {
    "values": ColumnKind.METRIC,
    "previous": ColumnKind.PREVIOUS,
    "change": ColumnKind.CHANGE,
    "lower": ColumnKind.LOWER,
    "upper": ColumnKind.UPPER,
}
# a double holds every whole number up to here; a Float beyond it is rounded to one
_EXACT = 2**53

Cells = dict[str, Any]


def row_type(catalogue: Catalogue) -> type:
    """The types Row and MetricValues, with a field for each dimension and metric of the catalogue."""
    values = create_type(
        METRIC_VALUES,
        # an upper-case Python name can be no keyword of Python, whatever the metric is called
        [
            field(m.field, float | None, m.description, attribute=name)
            for name, m in catalogue.metrics.items()
        ],
        description="spend, revenue, cpc, cpm and cpa in currency units; rates as fractions; "
        "null where a denominator is 0.",
    )
    return create_type(
        ROW,
        [
            field("bucket", datetime | None),
            field("other", bool),
            *(
                field(d.field, str | None, d.description, attribute=n)
                for n, d in catalogue.dimensions.items()
            ),
            field("values", values),
            field("previous", values | None, "null without compare."),
            field(
                "change",
                values | None,
                "(value - previous) / previous; null where previous is 0 or missing.",
            ),
            field(
                "lower",
                values | None,
                "95 % interval of rates (CTR, CVR); null for the rest, and where the numerator exceeds the "
                "denominator.",
            ),
            field("upper", values | None),
        ],
    )


@dataclass(frozen=True, slots=True, eq=False)
class Rows(Sequence[Cells]):
    """A frame's rows, each made when it is read: its cells by the fields of Row, ``values`` a dict in it.

    `tidemark.api.execute` never reads them: it takes the columns.
    """

    frame: Frame

    def __len__(self) -> int:
        """How many there are."""
        return self.frame.row_count

    @overload
    def __getitem__(self, index: int) -> Cells: ...
    @overload
    def __getitem__(self, index: slice) -> list[Cells]: ...
    def __getitem__(self, index: int | slice) -> Cells | list[Cells]:
        """One row, or some."""
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        cells: Cells = {"other": False, "values": {}}
        for column in self.frame.columns:
            group = _GROUP_OF.get(column.kind)
            held = cells if group is None else cells.setdefault(group, {})
            held[column.field] = column.values[index]
        return cells

    def __iter__(self) -> Iterator[Cells]:
        """All of them."""
        return (self[at] for at in range(len(self)))


_GROUP_OF = {kind: group for group, kind in GROUPS.items()}


def floats(values: Sequence[Any]) -> Sequence[Any]:
    """A column of numbers as Floats: as they are, but for whole numbers that no double holds exactly.

    A whole number stays one: JSON has only numbers, and it is shorter. A metric's numbers are all whole or
    all fractions.
    """
    if isinstance(next((value for value in values if value is not None), 0.0), float):
        return values
    try:
        if min(values) >= -_EXACT and max(values) <= _EXACT:
            return values
    except TypeError:  # some are None
        pass
    return [value if value is None or -_EXACT <= value <= _EXACT else float(value) for value in values]


@dataclass(frozen=True, slots=True)
class Cell:
    """The resolver of one cell of a row, or of its values."""

    name: str

    def __call__(self, cells: Cells, _info: GraphQLResolveInfo[Any]) -> Any:  # noqa: ANN401
        """What the cell holds; None where the question did not ask for it."""
        return cells.get(self.name)


def read_cells(schema: GraphQLSchema) -> None:
    """Let the fields of rows read their cell and nothing more, which Strawberry's resolvers do not."""
    for name in (ROW, METRIC_VALUES):
        row = schema.type_map[name]
        if not isinstance(row, GraphQLObjectType):
            raise TypeError(f"{name} is no object type")
        for cell, definition in row.fields.items():
            definition.resolve = Cell(cell)
