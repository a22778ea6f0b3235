"""What alerts cost: CPU of a minute of 10 to 1,000 rules x 50 campaigns, and of 10,000 series of one rule.

    python bench/alert_ticks.py [--rules 10,100,1000]

Folded minutes of half a day (and of some hours a week before) in an embedded ClickHouse, states and outbox in
SQLite, both in a temporary folder. The engine is stepped as the service does it, twice a second, and the
data's clock goes on by half a second each time, for a minute; what came since is inserted in between and does
not count. A minute is a tick, 29 looks at windows that are filling, 90 steps with nothing to do, and 30 looks
for changed files and late events. CPU is that of the process, ClickHouse's threads included. The baseline is
the same tick asked one query a rule and evaluated series by series, in the same run (100 rules of it,
multiplied where there are more). A tenth of two cores is 12 s of CPU a minute.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import alert_mix
import population
from tidemark.store.database import Database

if TYPE_CHECKING:
    from tidemark.alerts.engine import Engine
    from tidemark.alerts.rule import Rule
    from tidemark.experiments.experiment import Experiments
    from tidemark.freshness import Freshness

_BEGIN = datetime(2026, 11, 24, 12, tzinfo=UTC)
_WEEK = timedelta(days=7)
_AIM_RULES, _AIM_SECONDS = 1_000, 12.0
_STEP = timedelta(milliseconds=500)
_NAIVE = 100
_STEPS_A_MINUTE, _LOOKS_A_MINUTE = 120, 30
_FILL = Path(__file__).with_name("alert_minutes.sql").read_text()
_WIDE = """
INSERT INTO tidemark.campaign_minute
SELECT
    {from:DateTime('UTC')} + 60 * at, 'spend', concat('wide-', toString(number)), '', 'wide', 'server', '',
    'US', 1, 1, 0, 1000000, now64(3), 1
FROM (SELECT number FROM numbers({series:UInt32})) AS series
CROSS JOIN (SELECT number AS at FROM numbers(30)) AS minutes
"""
_MIXES: dict[str, Callable[[int], list[str]]] = {
    "slices shared": alert_mix.shared,
    "a slice each": alert_mix.own,
}


_WIDE_RULES = {
    "none holds": ("SPEND > 500", ""),
    "all pending": ("SPEND > 1", "for: 1d"),
    "all firing": ("SPEND > 1", ""),
}


@dataclass(frozen=True, slots=True)
class Used:
    """CPU and wall seconds of something."""

    cpu: float
    wall: float


@dataclass(slots=True)
class Minute:
    """What the steps of a minute used: those that judged complete windows, filling ones, and none."""

    tick: Used = Used(0.0, 0.0)
    looks: list[Used] = field(default_factory=list)
    idle: list[Used] = field(default_factory=list)

    @property
    def cpu(self) -> float:
        """Of all."""
        return self.tick.cpu + sum(one.cpu for one in (*self.looks, *self.idle))


def used(call: Callable[[], object]) -> Used:
    """What one call uses."""
    cpu, wall = time.process_time(), time.monotonic()
    call()
    return Used(time.process_time() - cpu, time.monotonic() - wall)


class Scene:
    """The data and its clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.at = _BEGIN
        self.database = Database(folder / "clickhouse", brokers="127.0.0.1:9")

        from tidemark.store.migrate import upgrade  # noqa: PLC0415 - after the engine

        upgrade(self.database)
        midnight = _BEGIN.replace(hour=0)
        self.fill(midnight, _BEGIN - midnight)
        self.fill(_BEGIN - _WEEK - timedelta(hours=2), timedelta(hours=3))

    def fill(self, start: datetime, length: timedelta, share: float = 1.0) -> None:
        """Insert minutes, of the last so much."""
        self.database.execute(
            _FILL,
            {
                "from": start,
                "minutes": length // timedelta(minutes=1),
                "share": share,
                "campaigns": alert_mix.CAMPAIGNS,
                "ads": alert_mix.ADS,
                "channels": list(population.CHANNELS),
                "countries": list(population.COUNTRIES),
            },
        )

    def grow(self) -> None:
        """What the sink has written of the minute that is filling."""
        minute = self.at.replace(second=0, microsecond=0)
        self.fill(minute, timedelta(minutes=1), (self.at - minute) / timedelta(minutes=1) or 0.01)

    def freshness(self) -> "Freshness":
        """Complete up to the scene's time, a second ago."""
        from tidemark.freshness import Freshness  # noqa: PLC0415

        return Freshness(self.at + timedelta(seconds=1), self.at, self.at)

    def engine(self, rules: Sequence[str], look_seconds: float = 1e9) -> tuple["Engine", Used]:
        """One that begins with these rules, with a store of its own, and what loading them used."""
        from tidemark.alerts.ask import Asker  # noqa: PLC0415
        from tidemark.alerts.engine import Engine, Pace  # noqa: PLC0415
        from tidemark.alerts.late import Late  # noqa: PLC0415
        from tidemark.alerts.receiver import Receiver, ReceiverKind  # noqa: PLC0415
        from tidemark.alerts.routing import Router  # noqa: PLC0415
        from tidemark.alerts.rulebook import Rulebook  # noqa: PLC0415
        from tidemark.alerts.store.engine import connect  # noqa: PLC0415
        from tidemark.alerts.store.migrate import upgrade  # noqa: PLC0415
        from tidemark.alerts.store.ticks import Ticks  # noqa: PLC0415
        from tidemark.query.answer import Answerer  # noqa: PLC0415
        from tidemark.query.catalogue import load  # noqa: PLC0415
        from tidemark.query.instant import to_ms  # noqa: PLC0415
        from tidemark.settings import Settings  # noqa: PLC0415

        catalogue = self.folder / "catalogue"
        alert_mix.write(catalogue, rules)
        store = connect(f"sqlite:///{self.folder / f'alerts-{time.monotonic_ns()}.sqlite'}")
        upgrade(store)
        rulebook = Rulebook(catalogue)
        loading = used(rulebook.look)
        if rulebook.book.problems or len(rulebook.book.rules) != len(rules):
            raise RuntimeError(rulebook.book.problems)
        asker = Asker(
            Answerer(self.database, self.freshness, "USD"),
            load(catalogue),
            cast("Experiments", None),  # no rule asks for one
            dead_letters=lambda _start, _end: 0,
            lag_seconds=lambda: 1.0,
            most=Settings().limits.rows,
        )
        hook = Receiver("hook", ReceiverKind.WEBHOOK, ("https://hook.test/x",), keys=(b"k" * 24,))
        engine = Engine(
            asker,
            rulebook,
            Ticks(store),
            Router((hook,), "https://tidemark.test"),
            Late(self.database),
            Pace(stale_ms=60_000, most_ticks=1_440, look_seconds=look_seconds),
            wake=lambda: None,
            currency="USD",
            clock=lambda: to_ms(self.at) + 1_000,
        )
        return engine, loading

    def minute(self, engine: "Engine") -> Minute:
        """A minute of steps, after the first tick, which reads what nobody read before."""
        self.at = self.at.replace(second=0, microsecond=0) + timedelta(minutes=1)
        self.grow()
        engine.step()
        found = Minute()
        for number in range(1, _STEPS_A_MINUTE + 1):
            self.at += _STEP
            if number % 4:
                found.idle.append(used(engine.step))
                continue
            self.grow()
            if number == _STEPS_A_MINUTE:
                found.tick = used(engine.step)
            else:
                found.looks.append(used(engine.step))
        return found

    def naive(self, rules: Sequence["Rule"]) -> Used:
        """A tick of one query a rule and one evaluation a series; of many rules, that of some, multiplied."""
        some = rules[:_NAIVE]
        found = used(lambda: [*self._naive(some)])
        return Used(found.cpu * len(rules) / len(some), found.wall * len(rules) / len(some))

    def _naive(self, rules: Sequence["Rule"]) -> Iterator[bool]:
        from tidemark.alerts import question as questions  # noqa: PLC0415
        from tidemark.alerts.rule import MetricsQuery  # noqa: PLC0415
        from tidemark.alerts.ticks import elapsed, span  # noqa: PLC0415
        from tidemark.query.answer import Answerer  # noqa: PLC0415
        from tidemark.query.catalogue import load  # noqa: PLC0415
        from tidemark.query.instant import from_ms, to_ms  # noqa: PLC0415

        answerer, catalogue = Answerer(self.database, self.freshness, "USD"), load(alert_mix.CATALOGUE)
        at_ms = to_ms(self.at) // 60_000 * 60_000
        for rule in rules:
            if not isinstance(rule.query, MetricsQuery):
                raise TypeError(rule.query)
            start, end = (from_ms(edge) for edge in span(rule.query.window, at_ms))
            asked = questions.Question.of(rule.query)
            frame = answerer.answer(questions.request(asked, [rule], catalogue, (start, end), 10_000))
            columns = dict(questions.columns(frame))
            for row in range(frame.row_count):
                seen = {name: values[row : row + 1] for name, values in columns.items()}
                seen |= {"budget": [3_000.0], "elapsed": [elapsed(rule.query.window, at_ms)]}  # type: ignore[dict-item]
                yield bool(rule.when.evaluate(seen).holds[0])


def rules_by_series(scene: Scene, counts: Sequence[int]) -> None:
    """Many rules, each with a series a campaign."""
    head = ("rules", "tick", "naive tick", "ratio", "look", "idle step", "a minute", "tick's wall", "load")
    for name, mix in _MIXES.items():
        print(f"\n{name}, x {alert_mix.CAMPAIGNS} series; seconds of CPU")
        print("".join(f"{one:>12s}" for one in head))
        for count in counts:
            engine, loading = scene.engine(mix(count))
            found = scene.minute(engine)
            naive = scene.naive(engine.book.rules)
            look, idle = (sum(one.cpu for one in some) / len(some) for some in (found.looks, found.idle))
            minute = found.cpu + _LOOKS_A_MINUTE * _look(scene, mix(count), idle)
            aim = "met" if minute <= _AIM_SECONDS else "missed"
            print(
                f"{count:12,d}{found.tick.cpu:12.3f}{naive.cpu:12.3f}{naive.cpu / found.tick.cpu:11.1f}x"
                f"{look:12.4f}{idle:12.5f}{minute:12.2f}{found.tick.wall:12.3f}{loading.cpu:12.3f}"
                f"{f'   aim {_AIM_SECONDS:.0f}: {aim}' if count == _AIM_RULES else ''}",
                flush=True,
            )


def _look(scene: Scene, rules: list[str], idle: float) -> float:
    """CPU seconds of looking for changed files and late events."""
    engine, _ = scene.engine(rules, look_seconds=0.0)
    engine.step()
    return min(used(engine.step).cpu for _ in range(5)) - idle


def series_of_one_rule(scene: Scene) -> None:
    """One rule with 10,000 series."""
    begin = scene.at.replace(second=0, microsecond=0) - timedelta(minutes=10)
    scene.database.execute(_WIDE, {"from": begin, "series": alert_mix.WIDE})
    print(f"\none rule with {alert_mix.WIDE:,} series; seconds of CPU")
    print("".join(f"{one:>12s}" for one in ("", "first tick", "next tick", "its wall", "naive tick")))
    for name, (condition, more) in _WIDE_RULES.items():
        engine, _ = scene.engine(alert_mix.wide(condition, more))
        ticks = []
        for _ in range(2):
            scene.at += timedelta(minutes=1)
            ticks.append(used(engine.step))
        naive = scene.naive(engine.book.rules)
        first, after = ticks
        print(f"{name:>12s}{first.cpu:12.3f}{after.cpu:12.3f}{after.wall:12.3f}{naive.cpu:12.3f}", flush=True)


def main(folder: Path) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rules", default="10,100,1000", help="how many, separated by commas")
    options = parser.parse_args()
    scene = Scene(folder)
    print(f"{os.cpu_count()} cores")
    rules_by_series(scene, [int(one) for one in options.rules.split(",")])
    series_of_one_rule(scene)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="tidemark-") as made:
        main(Path(made))
        sys.stdout.flush()
    os._exit(0)  # the engine's threads need no orderly end here
