"""The sums over users at each look, read from ``experiment_minute``: by metric, variant and slice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tidemark.experiments.definition import Definition, Kind, Metric
from tidemark.experiments.increments import USERS, Group, Increments, Key, parts, rows, unpack
from tidemark.experiments.look import Looks
from tidemark.experiments.statement import run, template
from tidemark.query.database import Database
from tidemark.query.errors import Code, QueryError
from tidemark.query.limits import Limits
from tidemark.query.request import Condition
from tidemark.query.selection import Parameters, matches
from tidemark.stats.array import Floats
from tidemark.stats.moments import Moments
from tidemark.stats.wide import Wide, centred

EXCLUDED = ""
"""The variant, of that metric, whose users saw two variants and count nowhere else."""
MOST_CELLS = 4_000_000
"""Metrics by variants by slices by looks of one question: some 200 MB and half a second."""
MICROS = 1e-6

_PARTS = template("parts")
_PRODUCTS: Mapping[str, tuple[str, str, str]] = {
    "dxx": ("x", "x", "xx"),
    "dyy": ("y", "y", "yy"),
    "dxy": ("x", "y", "xy"),
    "dkk": ("k", "k", "kk"),
    "dxk": ("x", "k", "xk"),
    "dyk": ("y", "k", "yk"),
}


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
    asked = parts(definition, metrics)
    bound = Parameters(
        {
            "experiment": scope.experiment,
            "generation": scope.generation,
            "starts": list(looks.starts),
            "end": looks.ends[-1],
            "groups": most + 1,
        }
        | {f"metrics_{number}": list(part.metrics) for number, part in enumerate(asked)}
    )
    conditions = " ".join(
        f"AND {matches(one, f'where_{number}', bound)}" for number, one in enumerate(scope.where)
    )
    statement = "UNION ALL\n".join(
        part.sql(number, scope.by, conditions) for number, part in enumerate(asked)
    )
    table = run(database, _PARTS, bound.values, limits, parts=statement)
    found = {kind: unpack(asked[kind], content, len(scope.by), looks) for kind, content in rows(table)}
    groups = sum(len(one.groups) for one in found.values())
    if groups > most:
        raise _too_many(definition, groups * len(looks))
    return _summed(definition, scope, metrics, looks, [found[number] for number in range(len(asked))])


def _summed(
    definition: Definition,
    scope: Scope,
    metrics: Sequence[Metric],
    looks: Looks,
    found: Sequence[Increments],
) -> Sums:
    variants = [one.key for one in definition.variants]
    # users of two variants have an empty cell, and undeclared variants no arm: neither makes a slice
    slices = tuple(sorted({one.key for part in found for one in part.groups if one.variant in variants}))
    table = _Table(variants, slices if slices or scope.by else ((),), looks, found)
    people = table.totals(USERS).get("users")
    none = np.zeros(table.shape)
    users = none if people is None else people.floats()
    moments, active = {}, {}
    for metric in metrics:
        sums = table.totals(metric.name)
        arrays = {"x": none, "dxx": none, "active": none}
        if people is not None:
            arrays |= _arrays(sums, people)
        if metric.kind is Kind.PROPORTION:
            arrays |= {"active": arrays["x"], "dxx": arrays["x"] * (users - arrays["x"])}
        done = arrays.pop("active")
        units = _units(definition, metric)
        for place, variant in enumerate(variants):
            arm = Moments(n=users[place], **{name: array[place] for name, array in arrays.items()})
            moments[metric.name, variant] = arm.scaled(**units)
            active[metric.name, variant] = done[place]
    by_variant = {variant: users[place] for variant, place in table.arms.items()}
    return Sums(looks, table.slices, by_variant, moments, active)


class _Table:
    """What was read, by metric, and where it goes in arrays of variants by slices by looks.

    Attributes:
        slices: The values of each.
        arms: The places of the variants: first the declared ones, then others that have users.
        shape: Of the arrays.
    """

    def __init__(
        self, variants: Sequence[str], slices: tuple[Key, ...], looks: Looks, found: Sequence[Increments]
    ) -> None:
        self.slices = slices
        self._places = {key: place for place, key in enumerate(slices)}
        self._groups: dict[str, list[Group]] = {}
        self._parts: dict[str, Increments] = {}
        for part in found:
            for one in part.groups:
                if one.key in self._places:
                    self._parts[one.metric] = part
                    self._groups.setdefault(one.metric, []).append(one)
        seen = dict.fromkeys((*variants, *(one.variant for one in self._groups.get(USERS, ()))))
        self.arms = {variant: place for place, variant in enumerate(seen)}
        self.shape = len(self.arms), len(slices), len(looks)

    def totals(self, metric: str) -> dict[str, Wide]:
        """By column the running totals; nothing of a metric that has none."""
        own = [one for one in self._groups.get(metric, ()) if one.variant in self.arms]
        if not own:
            return {}
        at = [(self.arms[one.variant], self._places[one.key]) for one in own]
        return self._parts[metric].totals(own, at, self.shape)


def _arrays(sums: Mapping[str, Wide], users: Wide) -> dict[str, Floats]:
    """The moments that these sums have."""
    plain = {name: sums[name].floats() for name in ("active", "x", "y", "k") if name in sums}
    products = {
        name: centred(users, sums[one], sums[other], sums[product])
        for name, (one, other, product) in _PRODUCTS.items()
        if product in sums
    }
    return plain | products


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
