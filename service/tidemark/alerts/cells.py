"""The cells that a batch of questions is made of, and what each question would have been answered. Pure.

A cell is what one event measured of one slice, a slice being a value of every dimension that one of the
questions groups or chooses by. A question's sums are those of the cells that it chooses, added up as
integers, so that they are those that it would have been answered by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import compress
from typing import Any

import numpy as np

from tidemark.alerts.batch import EVENT
from tidemark.query.catalogue import Dimension
from tidemark.query.formula import Measure, Sum
from tidemark.query.frame import ColumnKind, Frame
from tidemark.query.request import Condition, Operator
from tidemark.stats.array import Codes, Flags

_MOST = 2**62 - 1


class BeyondError(Exception):
    """The sums of the cells, joined with as many, do not fit into 64 bits."""


@dataclass(frozen=True, slots=True)
class Found:
    """A `Table` that no query found: dimensions, sums, sums of the earlier range. Nothing was read for it."""

    columns: Sequence[Sequence[Any]]
    row_count: int
    rows_read: int = 0
    bytes_read: int = 0
    elapsed_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class _Groups:
    """The slices by some dimensions: the values of each dimension, one a slice, and each cell's slice."""

    values: tuple[Sequence[str], ...]
    count: int
    of_cell: Codes


@dataclass(frozen=True, slots=True)
class _Values:
    """What a column holds: each value once, and by cell which."""

    names: Sequence[str]
    codes: Codes

    @classmethod
    def of(cls, column: Sequence[str]) -> "_Values":
        found: dict[str, int] = {}
        codes = np.fromiter((found.setdefault(one, len(found)) for one in column), np.int64, len(column))
        return cls(tuple(found), codes)

    def joined(self, other: "_Values") -> "_Values":
        """The cells of both, its own first."""
        found = {name: code for code, name in enumerate(self.names)}
        moved = np.fromiter(
            (found.setdefault(name, len(found)) for name in other.names), np.int64, len(other.names)
        )
        return _Values(tuple(found), np.concatenate([self.codes, moved[other.codes]]))

    def where(self, chosen: Callable[[str], bool]) -> Flags:
        """By cell, whether its value is among those chosen."""
        return np.fromiter(map(chosen, self.names), np.bool_, len(self.names))[self.codes]


@dataclass(frozen=True, slots=True)
class Cells:
    """An answer to a batch's ``request``; what several questions need is made once.

    Attributes:
        columns: by the tables' name of a dimension what each cell has there.
        sums: by measure, of the range and, where there is one, of the earlier range.
    """

    columns: Mapping[str | None, _Values]
    sums: Sequence[Mapping[Measure, Codes]]
    _groups: dict[tuple[str | None, ...], _Groups] = field(default_factory=dict)
    _chosen: dict[object, Flags] = field(default_factory=dict)

    @classmethod
    def of(cls, frame: Frame) -> "Cells":
        """Those of an answer.

        Raises:
            BeyondError: what they add up to does not fit into 62 bits.
        """
        request = frame.resolved.request
        by_kind = {
            kind: [one.values for one in frame.columns if one.kind is kind]
            for kind in (ColumnKind.DIMENSION, ColumnKind.METRIC, ColumnKind.PREVIOUS)
        }
        names = [one.column for one in request.dimensions]
        measures = [one.formula.numerator[0].measure for one in request.metrics]
        periods = [by_kind[ColumnKind.METRIC]]
        if frame.resolved.previous is not None:
            periods.append(by_kind[ColumnKind.PREVIOUS])
        return cls.made(
            dict(zip(names, by_kind[ColumnKind.DIMENSION], strict=True)),
            [dict(zip(measures, map(exact, period), strict=True)) for period in periods],
        )

    @classmethod
    def made(
        cls, columns: Mapping[str | None, Sequence[str]], sums: Sequence[Mapping[Measure, Codes]]
    ) -> "Cells":
        """Those of columns and sums of equal length."""
        return cls({name: _Values.of(values) for name, values in columns.items()}, sums)

    def joined(self, other: "Cells") -> "Cells":
        """With those of another range, which has at least the same dimensions and measures."""
        return Cells(
            {name: values.joined(other.columns[name]) for name, values in self.columns.items()},
            [
                {measure: np.concatenate([values, after[measure]]) for measure, values in period.items()}
                for period, after in zip(self.sums, other.sums, strict=True)
            ],
        )

    def answer(
        self,
        dimensions: Sequence[Dimension],
        where: Sequence[Condition],
        events: frozenset[str] | None,
        sums: Sequence[Sum],
    ) -> Found:
        """What a question's plan would have found, its rows in the order of the dimensions' values.

        Args:
            dimensions: that it is grouped by; without one there is one row, also of nothing.
            where: its conditions.
            events: those that it looks at; None: every event.
            sums: the columns behind the dimensions, once for each period.
        """
        chosen = self._where(events)
        for condition in where:
            chosen = chosen & self._matching(condition)
        cells = np.flatnonzero(chosen)
        groups = self._by(tuple(one.column for one in dimensions))
        slices = groups.of_cell[cells]
        there = np.bincount(slices, minlength=groups.count) > 0
        if not dimensions:
            there[:] = True
        columns: list[Sequence[Any]] = [[*compress(values, there)] for values in groups.values]
        for period in self.sums:
            for one in sums:
                total = np.zeros(groups.count, np.int64)
                if one.event is None:
                    np.add.at(total, slices, period[one.measure][cells])
                else:
                    counted = self._where(frozenset({one.event}))[cells]
                    np.add.at(total, slices[counted], period[one.measure][cells[counted]])
                columns.append(total[there].tolist())
        return Found(columns, int(there.sum()))

    def _where(self, events: frozenset[str] | None) -> Flags:
        if events not in self._chosen:
            column = self.columns[EVENT.column]
            self._chosen[events] = column.where(lambda name: events is None or name in events)
        return self._chosen[events]

    def _matching(self, condition: Condition) -> Flags:
        if condition not in self._chosen:
            column = self.columns[condition.dimension.column]
            self._chosen[condition] = column.where(partial(matches, condition))
        return self._chosen[condition]

    def _by(self, columns: tuple[str | None, ...]) -> _Groups:
        if columns not in self._groups:
            self._groups[columns] = self._grouped([self.columns[one] for one in columns])
        return self._groups[columns]

    def _grouped(self, columns: Sequence[_Values]) -> _Groups:
        cells = len(self.columns[EVENT.column].codes)
        if not columns:
            return _Groups((), 1, np.zeros(cells, np.int64))
        by_column = ([column.names[code] for code in column.codes.tolist()] for column in columns)
        slices = [*zip(*by_column, strict=True)]
        found = {one: number for number, one in enumerate(sorted(set(slices)))}
        of_cell = np.fromiter((found[one] for one in slices), np.int64, cells)
        values = tuple(zip(*found, strict=True)) if found else tuple(() for _ in columns)
        return _Groups(values, len(found), of_cell)


def matches(condition: Condition, value: str) -> bool:
    """Whether a dimension's value is one that a condition chooses, as the planner's SQL says it."""
    match condition.operator:
        case Operator.IN:
            return value in condition.values
        case Operator.NOT_IN:
            return value not in condition.values
        case Operator.PREFIX:
            return value.startswith(condition.values)
        case Operator.CONTAINS:
            return any(part in value for part in condition.values)


def exact(values: Sequence[int]) -> Codes:
    """The integers, of which no sum wraps.

    Raises:
        BeyondError: what they add up to, signs aside, does not fit into 62 bits.
    """
    if sum(map(abs, values)) > _MOST:
        raise BeyondError
    return np.array(values, np.int64)
