"""The engine on a scripted past: whatever happens to it, the same is told, once."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine as Database

from alert_scene import MINUTE, PAST, RULES, START, Scene, engine, served
from alert_story import store
from tidemark.alerts.engine import STALE_RULE
from tidemark.alerts.rulebook import Book, Rulebook
from tidemark.alerts.series import Phase
from tidemark.alerts.shown import AlertState
from tidemark.alerts.store.outbox import PENDING, Outbox
from tidemark.alerts.store.records import Records


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
    alerts = [one for phase in (Phase.FIRING, Phase.RESOLVED) for one in Records(database).alerts(phase, 9)]
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
    one, serving = served(scene, database)
    for minute in (0, 1, 2):
        scene.complete_ms = START + minute * MINUTE
        one.step()
    before = len(told(database))
    for lag in range(1_000, 200_000, 10_000):
        scene.lag_ms = lag
        one.step()
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
    alerts = Records(database).alerts(Phase.FIRING, 9)
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
    assert {one.rule for one in Records(database).alerts(Phase.FIRING, 9)} == {"Nothing"}
