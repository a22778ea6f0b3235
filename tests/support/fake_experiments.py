"""Experiments on a database that answers what a test says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from declared import TEXT, read
from tidemark.experiments.definition import Definition
from tidemark.experiments.experiment import Experiment, Experiments
from tidemark.experiments.published import Published
from tidemark.experiments.registry import Fixed
from tidemark.freshness import Freshness
from tidemark.query.catalogue import load
from tidemark.query.limits import DEFAULT_LIMITS
from tidemark.settings import Settings

CATALOGUE = load(Settings().catalogue)
NOW = datetime(2026, 11, 8, 12, 0, 17, tzinfo=UTC)
FRESH = Freshness(NOW, NOW - timedelta(seconds=3), None)
GENERATION = 1_793_491_200
DEFINITION = read(TEXT.replace("covariate: {days: 14}\n", ""))
PER_LOOK = {"control": (100.0, 10.0), "green": (100.0, 20.0)}


@dataclass
class Result:
    """A table of columns."""

    columns: list[list[Any]]
    row_count: int
    rows_read: int = 1_000_000
    bytes_read: int = 10
    elapsed_ms: float = 2.0


@dataclass
class FakeDatabase:
    """Each look brings the same to every slice: 100 users an arm, of whom so many do what is counted."""

    slices: Sequence[tuple[str, ...]] = ((),)
    generations: Sequence[int] = (GENERATION,)
    asked: list[Mapping[str, object]] = field(default_factory=list)

    def query(
        self, sql: str, parameters: Mapping[str, object] | None = None, *, query_id: str | None = None
    ) -> Result:
        del query_id
        given = dict(parameters or {})
        self.asked.append(given)
        if "most" in given:
            most = int(str(given["most"]))
            found = [one for one in self.generations if one <= most]
            found.sort(reverse="DESC" in sql)
            return Result([found[:1]], len(found[:1]))
        starts, metrics = given["starts"], given["metrics"]
        assert isinstance(starts, list)
        assert isinstance(metrics, list)
        looks = range(1, len(starts) + 1)
        # users; active, x (micros of money), y; n xx - x x of 0 or 1 a user, and so on
        is_sliced = ", country" in sql
        rows = []
        for values in self.slices if is_sliced else [()]:
            for variant, (users, done) in PER_LOOK.items():
                rows.append(["", variant, *values, [users * n for n in looks], *[[]] * self._width(sql)])
                for metric in metrics[1:]:
                    x = [done * n for n in looks]
                    dxx = [a * (users * n - a) for a, n in zip(x, looks, strict=True)]
                    y = [2 * users * n for n in looks]
                    ratio = [y, dxx, y, dxx] if "s_y" in sql else []
                    plain = [x, x, *ratio[:1], dxx, *ratio[1:3]]
                    rows.append([metric, variant, *values, [], *plain])
        return Result([list(column) for column in zip(*rows, strict=True)], len(rows))

    def cancel(self, query_id: str) -> None:
        raise AssertionError(query_id)

    def _width(self, sql: str) -> int:
        return 6 if "s_y" in sql else 3 if "s_x" in sql else 0


def experiments(database: FakeDatabase, *definitions: Definition) -> Experiments:
    """All of them at `NOW`."""
    registry = Fixed({one.id: Published(one, GENERATION) for one in definitions or (DEFINITION,)})
    return Experiments(database, registry, lambda: FRESH, CATALOGUE, DEFAULT_LIMITS)


def experiment(database: FakeDatabase, definition: Definition = DEFINITION) -> Experiment:
    """One of them at `NOW`."""
    found = experiments(database, definition).find(definition.id)
    assert found is not None
    return found
