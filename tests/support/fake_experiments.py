"""Experiments on a database that answers what a test says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from declared import TEXT, read
from tidemark.experiments.definition import Definition
from tidemark.experiments.experiment import Experiment, Experiments
from tidemark.experiments.increments import parts
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


def columns_of(metrics: Sequence[str]) -> tuple[str, ...]:
    """What a statement reads of metrics, which are all of one kind."""
    asked = [one for one in DEFINITION.metrics if one.name in metrics]
    (part,) = [one for one in parts(DEFINITION, asked) if one.metrics == tuple(metrics)]
    return part.columns


def added(column: str, users: float, done: float) -> int:
    """What a look adds: x is 1 of those who do it, y is 1 of one half of the users and 3 of the other."""
    sums = {"users": users, "y": 2 * users, "yy": 5 * users, "xy": 3 * done}
    return int(sums.get(column, done))


def pack(values: Sequence[int], size: int) -> bytes:
    """An array of numbers of so many bytes in RowBinary."""
    return length(len(values)) + b"".join(one.to_bytes(size, "little") for one in values)


def pack_texts(values: Sequence[str]) -> bytes:
    """An array of texts in RowBinary."""
    encoded = [one.encode() for one in values]
    return length(len(values)) + b"".join(length(len(one)) + one for one in encoded)


def length(value: int) -> bytes:
    """LEB128."""
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + length(value >> 7)


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
        starts = given["starts"]
        assert isinstance(starts, list)
        by = ["country"] if ", country" in sql else []
        read = [name for name in given if name.startswith("metrics_")]
        parts = [self._part(starts, given[name], by) for name in read]
        return Result([list(range(len(parts))), parts], len(parts))

    def _part(self, starts: Sequence[int], metrics: Any, by: Sequence[str]) -> bytes:
        """One part's row, as the engine packs it."""
        groups = [
            (metric, variant, values)
            for values in (self.slices if by else [()])
            for variant in PER_LOOK
            for metric in metrics
        ]
        texts = [[metric for metric, _, _ in groups], [variant for _, variant, _ in groups]]
        texts += [[values[place] for _, _, values in groups] for place in range(len(by))]
        packed = b"".join(pack_texts(one) for one in texts)
        packed += pack([len(starts)] * len(groups), 8) + pack([*starts] * len(groups), 4)
        for column in columns_of(metrics):
            each = [added(column, *PER_LOOK[variant]) for _, variant, _ in groups for _ in starts]
            packed += pack(each, 8 if column in {"users", "active"} else 16)
        return packed

    def cancel(self, query_id: str) -> None:
        raise AssertionError(query_id)


def experiments(database: FakeDatabase, *definitions: Definition) -> Experiments:
    """All of them at `NOW`."""
    registry = Fixed({one.id: Published(one, GENERATION) for one in definitions or (DEFINITION,)})
    return Experiments(database, registry, lambda: FRESH, CATALOGUE, DEFAULT_LIMITS)


def experiment(database: FakeDatabase, definition: Definition = DEFINITION) -> Experiment:
    """One of them at `NOW`."""
    found = experiments(database, definition).find(definition.id)
    assert found is not None
    return found
