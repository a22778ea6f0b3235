"""The sums over users at each look, read from ``experiment_minute``: by metric, variant and slice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidemark.experiments.definition import Definition, Kind, Metric
from tidemark.experiments.look import Looks
from tidemark.experiments.statement import run, template
from tidemark.query.database import Database, Table
from tidemark.query.errors import Code, QueryError
from tidemark.query.limits import Limits
from tidemark.query.request import Condition
from tidemark.query.selection import Parameters, matches
from tidemark.stats.array import Floats
from tidemark.stats.moments import Moments

USERS = ""
"""The metric whose rows have the users."""
EXCLUDED = ""
"""The variant, of that metric, whose users saw two variants and count nowhere else."""
MOST_CELLS = 4_000_000
"""Metrics by variants by slices by looks of one question: some 200 MB and half a second."""
MICROS = 1e-6
Key = tuple[str, ...]

_SUMS = template("sums")
_PLAIN = {"dxx": ("x", "x", "xx")}
_RATIO = {"dyy": ("y", "y", "yy"), "dxy": ("x", "y", "xy")}
_COVARIATE = {"dkk": ("k", "k", "kk"), "dxk": ("x", "k", "xk")}
_RATIO_COVARIATE = {"dyk": ("y", "k", "yk")}
_USERS_ALONE = "= ''"
_WITHOUT = dict.fromkeys(("active", "dxx"), "IN {shares:Array(String)}")
"""Of a share of users, whose x is 0 or 1, they follow from x and n; arrays that nobody needs cost time."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose sums are read.

    Attributes:
        experiment: Its id.
        generation: The one that answers.
        where: Conditions on columns of slices.
        by: Columns whose values are slices.
    """

    experiment: str
    generation: int
    where: tuple[Condition, ...] = ()
    by: Key = ()


@dataclass(frozen=True, slots=True)
class Sums:
    """What was read; every array has the shape (slices, looks), in the metric's unit.

    Attributes:
        looks: When was looked.
        slices: The values of ``by``, sorted; one empty tuple without ``by``.
        users: By variant, of all variants that have any, also of undeclared ones and `EXCLUDED`.
        moments: By metric and variant; what there is not is 0.
        active: Users who did what the metric counts, likewise: of a share of users those whose quantity is
            above 0 (one that was restated to 0 is none), else those with any event of the metric.
    """

    looks: Looks
    slices: tuple[Key, ...]
    users: Mapping[str, Floats]
    moments: Mapping[tuple[str, str], Moments]
    active: Mapping[tuple[str, str], Floats]

    def whole(self) -> "Sums":
        """The users of all slices together, without metrics."""
        users = {variant: one.sum(axis=0, keepdims=True) for variant, one in self.users.items()}
        return Sums(self.looks, ((),), users, {}, {})

    def users_of(self, variant: str) -> Floats:
        """A variant's users so far."""
        return self.users.get(variant, np.zeros((len(self.slices), len(self.looks))))


def read(
    database: Database,
    scope: Scope,
    definition: Definition,
    metrics: Sequence[Metric],
    looks: Looks,
    limits: Limits,
) -> Sums:
    """Read the sums of these metrics; without any only the users.

    Raises:
        QueryError: there would be too many numbers, or the database took too long.
    """
    most = max(1, MOST_CELLS // len(looks))
    ratios = [one for one in metrics if one.kind is Kind.RATIO]
    others = [one for one in metrics if one.kind is not Kind.RATIO]
    tables = []
    for group in [others, ratios] if others and ratios else [others or ratios]:
        parts = _parts(group, has_covariate=definition.covariate is not None)
        bound = Parameters(
            {
                "experiment": scope.experiment,
                "generation": scope.generation,
                "metrics": [USERS, *(one.name for one in group)],
                "starts": list(looks.starts),
                "end": looks.ends[-1],
                "groups": most + 1,
                "shares": [USERS, *(one.name for one in group if one.kind is Kind.PROPORTION)],
            }
        )
        conditions = (
            f"AND {matches(one, f'where_{number}', bound)}" for number, one in enumerate(scope.where)
        )
        table = run(
            database,
            _SUMS,
            bound.values,
            limits,
            looks=len(looks),
            conditions=" ".join(conditions),
            keys="".join(f"{column}, " for column in scope.by),
            bare_keys="".join(f", {column}" for column in scope.by),
            sums=parts.prefixed(len(looks)),
            wide="".join(f", arrayMap(v -> toInt256(v), s_{one}) AS w_{one}" for one in parts.sums),
            centred=parts.centred,
        )
        if table.row_count > most:
            raise _too_many(definition, table.row_count * len(looks))
        tables.append((parts, table))
    return _shaped(definition, scope, metrics, looks, tables)


@dataclass(frozen=True, slots=True)
class _Parts:
    """Columns of one statement: sums as they are in the table, and what becomes of them."""

    sums: tuple[str, ...]
    plain: tuple[str, ...]
    products: Mapping[str, tuple[str, str, str]]

    def prefixed(self, looks: int) -> str:
        """Prefix sums, one array a column."""
        return "".join(
            f", arrayCumSum(sumResample(0, {looks}, 1)({one}, look)) AS s_{one}" for one in self.sums
        )

    @property
    def centred(self) -> str:
        """The last columns of the statement, in the order of ``names``."""
        made = {one: f"arrayMap(v -> toFloat64(v), w_{one})" for one in self.plain}
        for name, (one, other, product) in self.products.items():
            sums = f"m, w_{one}, w_{other}, w_{product}"
            made[name] = f"arrayMap((n, a, b, ab) -> toFloat64(n * ab - a * b), {sums})"
        return "".join(
            f", if(metric {_WITHOUT.get(name, _USERS_ALONE)}, [], {column})" for name, column in made.items()
        )

    @property
    def names(self) -> tuple[str, ...]:
        """What the last columns of the statement are."""
        return (*self.plain, *self.products)


def _parts(group: Sequence[Metric], *, has_covariate: bool) -> _Parts:
    if not group:
        return _Parts((), (), {})
    is_ratio = group[0].kind is Kind.RATIO
    products = dict(_PLAIN)
    if is_ratio:
        products |= _RATIO
    if has_covariate:
        products |= _COVARIATE | (_RATIO_COVARIATE if is_ratio else {})
    plain = ("active", "x", *(("y",) if is_ratio else ()), *(("k",) if has_covariate else ()))
    return _Parts((*plain, *(product for _, _, product in products.values())), plain, products)


def _shaped(
    definition: Definition,
    scope: Scope,
    metrics: Sequence[Metric],
    looks: Looks,
    tables: Sequence[tuple[_Parts, Table]],
) -> Sums:
    keys = len(scope.by)
    rows = [(parts, row) for parts, table in tables for row in _rows(table)]
    # users of two variants have an empty cell, and undeclared variants no arm: neither makes a slice
    declared = {variant.key for variant in definition.variants}
    found_in = {row[2 : 2 + keys] for _, row in rows if row[1] in declared}
    slices = tuple(sorted(found_in)) or (() if keys else ((),))
    places = {key: place for place, key in enumerate(slices)}
    shape = (len(slices), len(looks))
    users: dict[str, Floats] = {}
    found: dict[tuple[str, str], dict[str, Floats]] = {}
    for parts, row in rows:
        metric, variant, place = row[0], row[1], places.get(row[2 : 2 + keys])
        if place is None:
            continue
        if metric == USERS:
            users.setdefault(variant, np.zeros(shape))[place] = row[2 + keys]
            continue
        arrays = found.setdefault((metric, variant), {})
        for name, values in zip(parts.names, row[3 + keys :], strict=True):
            if values:
                arrays.setdefault(name, np.zeros(shape))[place] = values
    none = np.zeros(shape)
    moments, active = {}, {}
    for metric in metrics:
        for variant in definition.variants:
            key = metric.name, variant.key
            arrays = {"x": none, "dxx": none, "active": none, **found.get(key, {})}
            n = users.get(variant.key, none)
            if metric.kind is Kind.PROPORTION:
                arrays |= {"active": arrays["x"], "dxx": arrays["x"] * (n - arrays["x"])}
            active[key] = arrays.pop("active")
            counted = Moments(n=n, **arrays)
            moments[key] = counted.scaled(**_units(definition, metric))
    return Sums(looks, slices, users, moments, active)


def _rows(table: Table) -> Iterator[tuple[Any, ...]]:
    return iter(zip(*table.columns, strict=True)) if table.row_count else iter(())


def _units(definition: Definition, metric: Metric) -> Mapping[str, float]:
    """What 1 of the table's x, y and k is worth in the metric's unit."""
    covariate = definition.covariate
    of = metric
    if covariate is not None and covariate.metric is not None:
        of = next(one for one in definition.metrics if one.name == covariate.metric)
    return {
        "x": MICROS if metric.numerator.measure.is_money else 1.0,
        "y": MICROS if metric.denominator is not None and metric.denominator.measure.is_money else 1.0,
        "k": MICROS if of.numerator.measure.is_money else 1.0,
    }


def _too_many(definition: Definition, cells: int) -> QueryError:
    return QueryError(
        Code.TOO_MANY_CELLS,
        f"The results of {definition.id} by these dimensions need more than {MOST_CELLS:,} numbers; ask for "
        "a slice, by fewer dimensions, or for fewer metrics.",
        limit=MOST_CELLS,
        requested=cells,
    )
