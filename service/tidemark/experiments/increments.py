"""What each look added, read from ``experiment_minute``: which parts a statement has, and what comes back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemark.experiments.definition import Definition, Kind, Metric
from tidemark.experiments.look import Looks
from tidemark.experiments.packed import Packed
from tidemark.experiments.statement import template
from tidemark.query.database import Table
from tidemark.stats.wide import INT128, Wide

USERS = ""
"""The metric whose rows have the users."""
Key = tuple[str, ...]

_SUMS = template("sums")
_LOOK, _LENGTH, _INT64 = np.dtype("<u4"), np.dtype("<u8"), np.dtype("<i8")
# active and xx of a share of users, whose x is 0 or 1, follow from x and n; what nobody needs costs time
_COLUMNS: Mapping[Kind, tuple[str, ...]] = {
    Kind.PROPORTION: ("x",),
    Kind.MEAN: ("active", "x", "xx"),
    Kind.RATIO: ("active", "x", "xx", "y", "yy", "xy"),
}
_COVARIATE: Mapping[Kind, tuple[str, ...]] = {
    Kind.PROPORTION: ("k", "kk", "xk"),
    Kind.MEAN: ("k", "kk", "xk"),
    Kind.RATIO: ("k", "kk", "xk", "yk"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """Metrics that are read by the same columns.

    Attributes:
        metrics: Their names.
        columns: What is summed.
    """

    metrics: tuple[str, ...]
    columns: tuple[str, ...]

    def sql(self, number: int, by: Key, conditions: str) -> str:
        """Its part of the statement; ``metrics_0`` and so on, by its number, are to be bound."""
        return _SUMS.substitute(
            kind=number,
            metrics=f"metrics_{number}",
            conditions=conditions,
            keys="".join(f"{column}, " for column in by),
            bare_keys="".join(f", {column}" for column in by),
            gathered_keys="".join(f", groupArray({column})" for column in by),
            sums="".join(f", sum({one}) AS s_{one}" for one in self.columns),
            gathered="".join(f", groupArray(s_{one}) AS g_{one}" for one in self.columns),
            joined="".join(f", groupArrayArray(g_{one})" for one in self.columns),
        )


def parts(definition: Definition, metrics: Sequence[Metric]) -> list[Part]:
    """The users, and the metrics by their kind."""
    found = [Part((USERS,), ("users",))]
    for kind, columns in _COLUMNS.items():
        names = tuple(one.name for one in metrics if one.kind is kind)
        covariate = _COVARIATE[kind] if definition.covariate is not None else ()
        if names:
            found.append(Part(names, (*columns, *covariate)))
    return found


@dataclass(frozen=True, slots=True)
class Group:
    """What is added to one metric of one variant in one slice.

    Attributes:
        metric: The metric's name, ``USERS`` for the users.
        variant: The variant's.
        key: The values of the slice's columns.
        rows: Which rows of the part are the group's.
    """

    metric: str
    variant: str
    key: Key
    rows: slice


@dataclass(frozen=True, slots=True)
class Increments:
    """One part, as it was read.

    Attributes:
        groups: In no order.
        looks: A row's look, counted from 0.
        columns: What the rows add: by column, exact integers of 64 bits, or of 128 as ``INT128``.
    """

    groups: tuple[Group, ...]
    looks: NDArray[np.intp]
    columns: Mapping[str, NDArray[Any]]

    def totals(
        self, groups: Sequence[Group], places: Sequence[tuple[int, int]], shape: tuple[int, int, int]
    ) -> dict[str, Wide]:
        """By column the running totals of some groups, each at its place of an array.

        Args:
            groups: Of these increments.
            places: Where each goes, by variant and slice.
            shape: How many variants, slices and looks there are.
        """
        rows = np.concatenate([np.arange(one.rows.start, one.rows.stop) for one in groups])
        sizes = [one.rows.stop - one.rows.start for one in groups]
        variants, slices = np.repeat(np.array(places).T, sizes, axis=1)
        at = variants, slices, self.looks[rows]
        return {
            name: Wide.of(values[rows]).placed(at, shape).totals() for name, values in self.columns.items()
        }


def unpack(part: Part, content: bytes, keys: int, looks: Looks) -> Increments:
    """What the statement's row of a part holds; ``keys`` is how many columns the slices have."""
    packed = Packed(content)
    metrics, variants = packed.texts(), packed.texts()
    slices: Sequence[Key] = list(zip(*(packed.texts() for _ in range(keys)), strict=True))
    ends = np.cumsum(packed.numbers(_LENGTH)).tolist()
    starts = packed.numbers(_LOOK)
    groups = (
        Group(metric, variant, values, slice(start, end))
        for metric, variant, values, start, end in zip(
            metrics, variants, slices or [()] * len(metrics), [0, *ends], ends, strict=False
        )
    )
    kinds = {"users": _INT64, "active": _INT64}
    return Increments(
        groups=tuple(groups),
        looks=np.searchsorted(np.asarray(looks.starts), starts),
        columns={name: packed.numbers(kinds.get(name, INT128)) for name in part.columns},
    )


def rows(table: Table) -> Iterator[tuple[int, bytes]]:
    """The parts' numbers and what is packed of them."""
    return zip(*table.columns, strict=True) if table.row_count else iter(())
