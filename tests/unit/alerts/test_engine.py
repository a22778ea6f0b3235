"""The engine on a scripted past: whatever happens to it, the same is told, once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine as Database

from alert_story import HOOK, router, store
from rules import KNOWN, read
from tidemark.alerts.ask import Asker, Rows
from tidemark.alerts.campaigns import Campaign
from tidemark.alerts.engine import STALE_RULE, Engine, Pace
from tidemark.alerts.rule import Rule
from tidemark.alerts.rulebook import Book, Rulebook
from tidemark.alerts.series import Phase
from tidemark.alerts.serving import AlertState, Serving
from tidemark.alerts.store.outbox import PENDING, Outbox
from tidemark.alerts.store.records import Records
from tidemark.alerts.store.ticks import Ticks
from tidemark.freshness import Freshness
from tidemark.query.errors import Code, QueryError
from tidemark.query.instant import from_ms

if TYPE_CHECKING:
    from tidemark.alerts.late import Late

MINUTE = 60_000
START = 1_795_600_000_000 // MINUTE * MINUTE
RULES = read("""\
groups:
  - name: Spend
    every: 1m
    rules:
      - alert: SpendsTooMuch
        severity: critical
        query: {metrics: [SPEND], dimensions: [CAMPAIGN], window: 1m}
        when: SPEND > 500
        for: 2m
        max_instances: 3
        annotations: {summary: "{{ campaign_name }} spends {{ SPEND }}"}
      - alert: Nothing
        severity: warning
        query: {metrics: [SPEND], dimensions: [CAMPAIGN], window: 1m}
        when: SPEND < 1
        annotations: {summary: "{{ campaign }} spends nothing"}
""")
PAST: list[dict[str, float]] = [
    {},
    {"summer": 600.0, "winter": 10.0},
    {"summer": 700.0, "winter": 0.5},
    {"summer": 700.0, "winter": 0.5},
    {"summer": 700.0},
    {"summer": 20.0, "winter": 10.0},
    {"summer": 20.0, "winter": 900.0},
    {"summer": 900.0, "winter": 10.0},
]


@dataclass
class Scene:
    """The data's clock, what rules see at each tick, and the wall clock."""

    complete_ms: int = START
    lag_ms: int = 1_000
    failing: bool = False
    past: Sequence[Mapping[str, float]] = tuple(PAST)
    asked: list[int] = field(default_factory=list)

    @property
    def answerer(self) -> "Scene":
        return self

    catalogue = KNOWN.catalogue

    def freshness(self) -> Freshness:
        complete = from_ms(self.complete_ms)
        return Freshness(from_ms(self.complete_ms + self.lag_ms), complete, complete)

    def complete(self, _: Rule) -> datetime:
        return from_ms(self.complete_ms)

    def rows(
        self, rules: Sequence[Rule], tick_ms: int, _: Mapping[str, Campaign]
    ) -> Iterator[tuple[Rule, Rows]]:
        if self.failing:
            raise QueryError(Code.QUERY_TIMEOUT, "It took too long.")
        self.asked.append(tick_ms)
        seen = self.past[(tick_ms - START) // MINUTE % len(self.past)]
        rows = Rows([(("campaign", name),) for name in seen], {"SPEND": np.array([*seen.values()])})
        for rule in rules:
            yield rule, rows

    def now_ms(self) -> int:
        return self.complete_ms + self.lag_ms


def engine(scene: Scene, database: Database) -> Engine:
    """A new one, as after a start."""
    rulebook = Rulebook(Path("nowhere"), lambda _: Book(tuple(RULES), {}))
    late = cast("Late", type("NoneLate", (), {"minutes": staticmethod(lambda _: set())})())
    pace = Pace(stale_ms=60_000, most_ticks=100)
    return Engine(
        cast("Asker", scene), rulebook, Ticks(database), router(HOOK), late, pace,
        wake=lambda: None, currency="USD", clock=scene.now_ms,
    )  # fmt: skip


def told(database: Database) -> list[tuple[str, tuple[str, ...]]]:
    """Ids of all notifications that wait, with those of their alerts."""
    return [
        (one.notification.id, one.notification.alerts) for one in reversed(Outbox(database).listed(PENDING))
    ]


def play(scene: Scene, database: Database, minutes: Sequence[int]) -> None:
    """A new engine for each minute up to which data is complete."""
    for minute in minutes:
        scene.complete_ms = START + minute * MINUTE
        engine(scene, database).step()


@pytest.fixture
def undisturbed(tmp_path: Path) -> list[tuple[str, tuple[str, ...]]]:
    scene, database = Scene(), store(tmp_path)
    one = engine(scene, database)
    for minute in range(len(PAST)):
        scene.complete_ms = START + minute * MINUTE
        one.step()
    return told(database)


def test_an_alert_fires_after_its_time_and_resolves_each_once(tmp_path: Path) -> None:
    database = store(tmp_path)
    play(Scene(), database, range(len(PAST)))
    alerts = Records(database).alerts((Phase.FIRING, Phase.RESOLVED))
    seen = sorted((one.rule, one.labels["campaign"], (one.fired_ms - START) // MINUTE) for one in alerts)
    assert seen == [("Nothing", "winter", 2), ("SpendsTooMuch", "summer", 3)]
    ends = {one.rule: (one.resolved_ms or 0) - START for one in alerts}
    assert ends == {"Nothing": 4 * MINUTE, "SpendsTooMuch": 5 * MINUTE}
    assert {one.annotations["summary"] for one in alerts} == {
        "summer spends 700.00 USD",
        "winter spends nothing",
    }


@settings(max_examples=8)
@given(st.lists(st.integers(0, len(PAST) - 1), max_size=50))
def test_killed_and_started_at_any_moments_it_tells_the_same(
    tmp_path_factory: pytest.TempPathFactory, stops: list[int]
) -> None:
    """Whatever was complete at each start, going back included."""
    calm, wild = (store(tmp_path_factory.mktemp("alerts")) for _ in range(2))
    play(Scene(), calm, range(len(PAST)))
    play(Scene(), wild, [0, *stops, len(PAST) - 1])
    assert told(wild) == told(calm)


def test_a_stall_is_one_alert_and_what_it_held_is_judged_in_order_afterwards(
    tmp_path: Path, undisturbed: list[tuple[str, tuple[str, ...]]]
) -> None:
    folder = tmp_path / "stalled"
    folder.mkdir()
    scene, database = Scene(), store(folder)
    one = engine(scene, database)
    for minute in (0, 1, 2):
        scene.complete_ms = START + minute * MINUTE
        one.step()
    before = len(told(database))
    for lag in range(1_000, 200_000, 10_000):
        scene.lag_ms = lag
        one.step()
    serving = Serving(one, Records(database))
    assert {shown.state for shown in serving.alerts() if shown.rule != STALE_RULE} == {AlertState.STALE}
    stale = told(database)[before:]
    assert len(stale) == 1, "exactly one, and no other fires or resolves"
    scene.lag_ms, scene.complete_ms = 1_000, START + (len(PAST) - 1) * MINUTE
    one.step()
    after = told(database)
    (ended,) = [one for one in after[before + 1 :] if one[1] == stale[0][1]]
    assert [one for one in after if one not in (*stale, ended)] == undisturbed
    assert scene.asked == sorted(scene.asked)


def test_more_series_than_a_rule_may_have_are_one_alert_and_the_other_rule_goes_on(tmp_path: Path) -> None:
    many = {f"c{number}": 900.0 for number in range(10_000)} | {"poor": 0.0}
    scene, database = Scene(past=[many]), store(tmp_path)
    play(scene, database, range(5))
    alerts = Records(database).alerts((Phase.FIRING,))
    assert {(one.rule, one.labels.get("campaign", "")) for one in alerts} == {
        ("TooManyInstances", ""),
        ("Nothing", "poor"),
    }


def test_a_question_that_cannot_be_answered_waits_and_nothing_is_left_out(
    tmp_path: Path, undisturbed: list[tuple[str, tuple[str, ...]]]
) -> None:
    folder = tmp_path / "failing"
    folder.mkdir()
    scene, database = Scene(), store(folder)
    one = engine(scene, database)
    for minute in range(len(PAST)):
        scene.complete_ms = START + minute * MINUTE
        scene.failing = minute in {2, 3, 5}
        one.step()
    assert told(database) == undisturbed


def test_a_rule_that_is_gone_ends_its_alerts(tmp_path: Path) -> None:
    scene, database = Scene(), store(tmp_path)
    play(scene, database, range(4))
    rulebook = Rulebook(Path("nowhere"), lambda _: Book(tuple(RULES[1:]), {}))
    last = engine(scene, database)
    last._rulebook = rulebook  # noqa: SLF001 - as if the folder had changed between two runs
    last.step()
    assert {one.rule for one in Records(database).alerts((Phase.FIRING,))} == {"Nothing"}
