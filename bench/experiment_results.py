"""How long the results of an experiment take: all metrics by a dimension, and what they are made of.

    python bench/experiment_results.py [--users 200000]

Eight metrics, three variants, fifty slices, thirty days of minutes, on an embedded ClickHouse in a temporary
folder: from the question to the bytes of GraphQL's answer, and what it is made of: its statements alone, then
with the statistics, then the whole. The baseline, in the same run, is the plain sum of the same rows by
metric, variant and slice, which has neither looks nor statistics.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tidemark.store.database import Database, Table

_ROUNDS, _AIM_MS = 15, 150
_START = datetime(2026, 10, 1, tzinfo=UTC)
_NOW = _START + timedelta(days=30)
_SQL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split(";\n")
_IMPRESSIONS = "{sum: quantity, event: impression}"
_GOALS = (
    *(f"{{name: p{number}, kind: proportion, event: conversion}}" for number in range(4)),
    *(f"{{name: m{number}, kind: mean, sum: value_micros, event: conversion}}" for number in range(3)),
    "{name: r0, kind: ratio, numerator: {sum: quantity, event: click}, denominator: " + _IMPRESSIONS + "}",
)
_DEFINITION = f"""
id: bench
status: running
start: {_START:%Y-%m-%d}
variants: {{control: 1, a: 1, b: 1}}
planned_users: 200000
goals: [{", ".join(_GOALS)}]
slices: [country]
"""
_DOCUMENT = """{ experiment(id: "bench") { results(by: [COUNTRY]) {
  metric variant slice { name value } control { users mean } treatment { users mean }
  lift { value lower upper } difference { value lower upper } pValue adjusted { holm eBHRejected } verdict
  reasons
} } }"""


def taken(call: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds of a call: the median on the wall, and the least of the CPU, which others disturb less."""
    call()
    wall, cpu = [], []
    for _ in range(_ROUNDS):
        began, burnt = time.perf_counter(), time.process_time()
        call()
        wall.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - burnt) * 1000)
    return statistics.median(wall), min(cpu)


class Noted:
    """A database that notes what it is asked.

    Attributes:
        statements: With their parameters, in order.
    """

    def __init__(self, database: Database) -> None:
        self.statements: list[tuple[str, Mapping[str, object] | None]] = []
        self._database = database

    def query(
        self, sql: str, parameters: Mapping[str, object] | None = None, *, query_id: str | None = None
    ) -> Table:
        """Run a SELECT."""
        self.statements.append((sql, parameters))
        return self._database.query(sql, parameters, query_id=query_id)

    def cancel(self, query_id: str) -> None:
        """End the query with this id."""
        self._database.cancel(query_id)


def main(folder: Path, users: int) -> None:  # noqa: PLR0915 - one story
    """Print the figures."""
    database = Database(folder, brokers="127.0.0.1:9")

    from tidemark.api.context import Context  # noqa: PLC0415 - after the engine
    from tidemark.api.encode import encode  # noqa: PLC0415
    from tidemark.api.schema import build_schema  # noqa: PLC0415
    from tidemark.desk.desk import Desk  # noqa: PLC0415
    from tidemark.experiments.check import check  # noqa: PLC0415
    from tidemark.experiments.definition import Definition  # noqa: PLC0415
    from tidemark.experiments.experiment import Experiments  # noqa: PLC0415
    from tidemark.experiments.published import Published  # noqa: PLC0415
    from tidemark.experiments.registry import Fixed  # noqa: PLC0415
    from tidemark.experiments.vocabulary import vocabulary_of  # noqa: PLC0415
    from tidemark.freshness import Freshness  # noqa: PLC0415
    from tidemark.query.answer import Answerer  # noqa: PLC0415
    from tidemark.query.caller import Caller  # noqa: PLC0415
    from tidemark.query.catalogue import load  # noqa: PLC0415
    from tidemark.query.limits import DEFAULT_LIMITS  # noqa: PLC0415
    from tidemark.settings import Settings  # noqa: PLC0415
    from tidemark.store.migrate import upgrade  # noqa: PLC0415
    from tidemark.telemetry import Telemetry  # noqa: PLC0415

    upgrade(database)
    catalogue = load(Settings().catalogue)
    definition = check("bench.yaml", _DEFINITION.encode(), vocabulary_of(catalogue), {})
    if not isinstance(definition, Definition):
        raise TypeError(definition)
    generation = int(_START.timestamp()) - 60
    names = [one.name for one in definition.metrics]
    fill_users, fill_metric, plain = _SQL[:3]
    database.execute(fill_users, {"generation": generation, "users": users})
    for name in names:
        database.execute(fill_metric, {"generation": generation, "users": users, "metric": name})
    (rows,) = database.query("SELECT count() FROM tidemark.experiment_minute").columns[0]

    declared = Fixed({"bench": Published(definition, generation)})
    fresh = Freshness(_NOW, _NOW, _NOW)
    experiments = Experiments(database, declared, lambda: fresh, catalogue, DEFAULT_LIMITS)
    desk = Desk(Answerer(database, lambda: fresh, "USD"), Telemetry(), cache_bytes=0, experiments=experiments)
    schema = build_schema(catalogue)
    one = experiments.find("bench")
    if one is None:
        raise LookupError("bench")

    with asyncio.Runner() as runner:

        def answered() -> int:
            context = Context(desk, Caller("address:bench"), "bench")
            result = runner.run(schema.execute(_DOCUMENT, None, context))
            if result.errors:
                raise RuntimeError(result.errors)
            return len(encode(result.data))

        size = answered()
        whole = taken(answered)
    core = taken(lambda: one.results(database, by=["COUNTRY"]))
    noted = Noted(database)
    one.results(noted, by=["COUNTRY"])
    statements = taken(lambda: [database.query(*each) for each in noted.statements])
    base = taken(lambda: database.query(plain, {"generation": generation, "metrics": ["", *names]}))
    hour = taken(lambda: one.series(database, metric="m0", variant="a"))
    print(f"{users:,} users, {rows:,} rows of 43,200 minutes, {os.cpu_count()} cores; p50 of {_ROUNDS}")
    print(f"{'':52s}{'wall ms':>9s}{'CPU ms':>9s}{'of it':>7s}")
    for name, (wall, cpu) in (
        ("plain sums of the same rows", base),
        (f"its {len(noted.statements)} statements: increments by look", statements),
        ("results: those, statistics, corrections", core),
        (f"GraphQL's answer, {size / 1000:,.0f} kB", whole),
        ("a series by the minute, the last 20,000", hour),
    ):
        print(f"{name:52s}{wall:9.1f}{cpu:9.1f}{wall / base[0]:7.1f}")
    print(f"GraphQL's answer within {_AIM_MS} ms: {'yes' if whole[0] <= _AIM_MS else 'no'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=200_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidemark-") as made:
        main(Path(made), given.users)
        sys.stdout.flush()
    os._exit(0)  # the engine's threads need no orderly end here
