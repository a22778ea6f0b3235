"""How an answer's rows and columns become what a document selects of them, without a call for each cell.

graphql-core resolves and completes each field of each object on its own: 8,000 cells are 45 ms. Here its own
`collect_subfields` says once which fields are selected (fragments, aliases, ``@include`` and ``@skip`` are
its business), and the frame's columns are laid into dicts by those names. What is selected in any way that is
not known here, or has a resolver of its own, goes graphql-core's way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

from graphql import GraphQLEnumType, GraphQLNamedType, GraphQLObjectType, get_named_type
from graphql.execution.collect_fields import FieldDetails
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from tidemark.api.experiments import PLAIN
from tidemark.api.frames import COLUMN
from tidemark.api.rows import GROUPS, METRIC_VALUES, ROW, Cell, Cells, Rows, floats
from tidemark.query.errors import Code, QueryError
from tidemark.query.frame import Column, ColumnKind, Frame

MAX_CELLS: Final = 1_000_000
"""Of one response. A question's own are limited when it is asked; aliases can select them again and again."""

Details = list[FieldDetails]
_TYPENAME, RESULT = "__typename", "Result"
_COLUMN_FIELDS = frozenset({"name", "kind", "unit", "values"})


@dataclass(frozen=True, slots=True)
class Layout:
    """A row in the making: every name with a constant in the order of the answer, and where columns go."""

    constants: Cells = field(default_factory=dict)
    columns: dict[str, Sequence[Any]] = field(default_factory=dict)

    def rows(self, count: int) -> list[Cells]:
        """``count`` dicts."""
        made = [self.constants.copy() for _ in range(count)]
        for name, values in self.columns.items():
            for row, value in zip(made, values, strict=True):
                row[name] = value
        return made


class FrameExecutor(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's executor, but for lists of Row and Column."""

    _cells = 0

    def complete_list_value(
        self,
        return_type: Any,  # noqa: ANN401
        field_details_list: Details,
        info: Any,  # noqa: ANN401
        path: Any,  # noqa: ANN401
        result: Any,  # noqa: ANN401
        position_context: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """The list as the document selects it."""
        made = None
        item = get_named_type(return_type)
        if item.name == ROW and isinstance(result, Rows):
            made = self._rows(result.frame, item, field_details_list)
        elif item.name == COLUMN:
            made = self._columns(result, item, field_details_list)
        elif item.name == RESULT and isinstance(result, list):
            made = self._results(result, item, field_details_list)
        if made is not None:
            return made
        return super().complete_list_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def _rows(self, frame: Frame, row: GraphQLNamedType, details: Details) -> list[Cells] | None:
        selected = self._selected(row, details)
        if selected is None:
            return None
        self._take(frame.row_count * len(selected))
        held = {(column.kind, column.field): column.values for column in frame.columns}
        kinds = {column.kind for column in frame.columns}
        layout = Layout()
        for name, (of, sub) in selected.items():
            layout.constants[name] = row.name if of == _TYPENAME else None
            if of == "other":
                layout.constants[name] = False
            if of not in GROUPS:
                kind = _KEYS.get(of, ColumnKind.DIMENSION)
                if (kind, of) in held:
                    layout.columns[name] = held[kind, of]
            elif of == "values" or GROUPS[of] in kinds:
                group = self._group(held, GROUPS[of], sub, frame.row_count)
                if group is None:
                    return None
                layout.columns[name] = group.rows(frame.row_count)
        return layout.rows(frame.row_count)

    def _group(
        self,
        held: Mapping[tuple[ColumnKind, str], Sequence[Any]],
        kind: ColumnKind,
        details: Details,
        row_count: int,
    ) -> Layout | None:
        selected = self._selected(self.schema.type_map[METRIC_VALUES], details)
        if selected is None:
            return None
        self._take(row_count * len(selected))
        layout = Layout()
        for name, (of, _) in selected.items():
            layout.constants[name] = METRIC_VALUES if of == _TYPENAME else None
            if (kind, of) in held:
                layout.columns[name] = floats(held[kind, of])
        return layout

    def _columns(
        self, columns: Sequence[Column], column: GraphQLNamedType, details: Details
    ) -> list[Cells] | None:
        selected = self._selected(column, details)
        if selected is None:
            return None
        times = sum(of == "values" for of, _ in selected.values())
        self._take(times * sum(len(one.values) for one in columns))
        return [
            {name: COLUMN if of == _TYPENAME else getattr(one, of) for name, (of, _) in selected.items()}
            for one in columns
        ]

    def _results(
        self, results: Sequence[Any], type_: GraphQLNamedType, details: Details
    ) -> list[Cells] | None:
        reader = self._reader(type_, details)
        if reader is None:
            return None
        read, leaves = reader
        self._take(len(results) * leaves)
        return [read(one) for one in results]

    def _reader(self, type_: GraphQLNamedType, details: Details) -> tuple[Callable[[Any], Any], int] | None:
        """What makes of objects, or lists of them, what is selected; and how many leaves that has."""
        selected = self._selected(type_, details)
        if selected is None or not isinstance(type_, GraphQLObjectType):
            return None
        attributes = PLAIN[type_.name]
        selected_of = {name: attributes[of] for name, (of, _) in selected.items() if of != _TYPENAME}
        constants = dict.fromkeys(selected, type_.name)
        changes: list[tuple[str, Callable[[Any], Any]]] = []
        leaves = len(selected)
        for name, (of, sub) in selected.items():
            field_type = None if of == _TYPENAME else get_named_type(type_.fields[of].type)
            if isinstance(field_type, GraphQLObjectType):
                reader = self._reader(field_type, sub)
                if reader is None:
                    return None
                changes.append((name, reader[0]))
                leaves += reader[1]
            elif isinstance(field_type, GraphQLEnumType):
                changes.append((name, _value))
        read = _attributes(tuple(selected_of.values()))

        def of_object(value: Any) -> Any:  # noqa: ANN401
            if value is None:
                return None
            if isinstance(value, list | tuple):
                return [of_object(one) for one in value]
            made = constants.copy()
            made.update(zip(selected_of, read(value), strict=True))
            for name, change in changes:
                made[name] = change(made[name])
            return made

        return of_object, leaves

    def _take(self, cells: int) -> None:
        """Count cells before they are made: they are made, and encoded, in the event loop."""
        self._cells += cells
        if self._cells > MAX_CELLS:
            raise QueryError(
                Code.TOO_MANY_CELLS,
                f"The answer would have more than {MAX_CELLS:,} cells; select rows and columns once, with "
                "fewer fields, or ask in several requests.",
                limit=MAX_CELLS,
                requested=self._cells,
            )

    def _selected(self, type_: GraphQLNamedType, details: Details) -> dict[str, tuple[str, Details]] | None:
        """By their names in the answer: the fields selected, and what selects from them in turn.

        None where one is not known here, or is to come later (``@defer``).
        """
        if not isinstance(type_, GraphQLObjectType):
            return None
        found = self.collect_subfields(type_, details)
        selected = {name: (own[0].node.name.value, own) for name, own in found.grouped_field_set.items()}
        if found.new_defer_usages or not all(_is_known(type_, of) for of, _ in selected.values()):
            return None
        return selected


def _is_known(type_: GraphQLObjectType, name: str) -> bool:
    if name == _TYPENAME:
        return True
    if type_.name == COLUMN:
        return name in _COLUMN_FIELDS
    if type_.name in PLAIN:
        return name in PLAIN[type_.name]
    return name in type_.fields and isinstance(type_.fields[name].resolve, Cell)


def _attributes(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """What reads them all in one call."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


def _value(member: Any) -> Any:  # noqa: ANN401
    """An enum's name in GraphQL, which is its value."""
    return None if member is None else member.value


_KEYS = {"bucket": ColumnKind.BUCKET, "other": ColumnKind.OTHER}
