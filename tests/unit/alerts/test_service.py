"""Alerts as the service puts them together, before anything of it runs."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from alert_story import store
from fake_desk import CATALOGUE
from tidemark.alerts.matcher import Matcher, Silence
from tidemark.alerts.service import Alerts, assemble
from tidemark.alerts.store.records import Records
from tidemark.freshness import Freshness
from tidemark.settings import Settings

DAY_MS = 86_400_000


class Answerer:
    """Of a service that no data has come to."""

    def freshness(self) -> Freshness:
        return Freshness(datetime.now(UTC), None, None)


def alerts(folder: Path, **settings: Any) -> Alerts:
    nothing = cast("Any", None)
    return assemble(Settings(home=folder, **settings), nothing, cast("Any", Answerer()), nothing, CATALOGUE)


def test_what_ended_before_the_days_that_are_kept_is_forgotten_and_no_more(tmp_path: Path) -> None:
    records, now_ms = Records(store(tmp_path)), time.time_ns() // 1_000_000
    for named, days in (("old", 31), ("newer", 29)):
        ended_ms = now_ms - days * DAY_MS
        records.silence(Silence(named, (Matcher("a", "b"),), ended_ms - 1, ended_ms, "known", "ann"))
    alerts(tmp_path, alerts_days=30).forget()
    assert [one.id for one in records.silences(0)] == ["newer"]


def test_each_step_is_timed(tmp_path: Path) -> None:
    made = alerts(tmp_path)
    made.step()
    (seconds,) = made.seconds.collect()
    assert [one.value for one in seconds.samples if one.name.endswith("_count")] == [1]


def test_what_is_kept_rings_for_whoever_listens(tmp_path: Path) -> None:
    made, rung = alerts(tmp_path), list[int]()
    made.serving.bell.listen(lambda: rung.append(1))
    made.serving.silence(["a=b"], 60, None, "known", "ann")
    assert rung == [1]
