"""What Prometheus is told about alerts."""

from pathlib import Path

import pytest
from prometheus_client import Histogram
from sqlalchemy import Engine as Database
from sqlalchemy.exc import OperationalError

from alert_scene import MINUTE, START, Scene, engine
from alert_story import store
from tidemark.alerts.metrics import AlertMetrics
from tidemark.alerts.store import tables
from tidemark.alerts.store.outbox import PENDING, Outbox
from tidemark.alerts.store.records import Records
from tidemark.alerts.store.ticks import Ticks
from tidemark.telemetry import Telemetry


class Page:
    """An engine on the scripted past, and what is told of it."""

    def __init__(self, database: Database) -> None:
        self.scene = Scene()
        self.engine = engine(self.scene, database)
        self.seconds = Histogram("tidemark_alert_step_seconds", "Of a step.", registry=None)
        metrics = AlertMetrics(
            self.engine, Ticks(database), Records(database), Outbox(database), (self.seconds,),
            self.scene.now_ms,
        )  # fmt: skip
        self._telemetry = Telemetry([metrics])

    def judge(self, *minutes: int) -> None:
        for minute in minutes:
            self.scene.complete_ms = START + minute * MINUTE
            self.engine.step()

    def read(self) -> dict[str, float]:
        lines = self._telemetry.exposition(None).decode().splitlines()
        return {
            line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith("tidemark_alert")
        }


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return store(tmp_path)


def test_before_the_first_step_nothing_is_in_force(database: Database) -> None:
    told = Page(database).read()
    assert told["tidemark_alert_rules"] == 0
    assert told["tidemark_alert_ticks_judged_total"] == 0
    assert told["tidemark_alert_behind_seconds"] == 0
    assert told["tidemark_alert_step_seconds_count"] == 0


def test_what_pends_and_fires_is_told_by_rule_and_severity(database: Database) -> None:
    page = Page(database)
    page.judge(0)
    assert page.read()['tidemark_alerts_firing{rule="Nothing",severity="warning"}'] == 0
    page.judge(1, 2)
    told = page.read()
    assert told['tidemark_alerts_pending{rule="SpendsTooMuch",severity="critical"}'] == 1
    assert told['tidemark_alerts_firing{rule="Nothing",severity="warning"}'] == 1
    page.judge(3)
    told = page.read()
    assert told['tidemark_alerts_pending{rule="SpendsTooMuch",severity="critical"}'] == 0
    assert told['tidemark_alerts_firing{rule="SpendsTooMuch",severity="critical"}'] == 1
    assert told["tidemark_alert_ticks_judged_total"] == 8
    assert told['tidemark_alert_notifications{receiver="hook",state="pending"}'] == len(
        Outbox(database).listed(PENDING)
    )


def test_ticks_that_were_left_out_and_rules_that_wait_are_counted(database: Database) -> None:
    page = Page(database)
    page.judge(0, 150)
    assert page.read()['tidemark_alert_ticks_skipped_total{rule="Nothing"}'] == 50
    page.scene.failing = True
    page.judge(151)
    told = page.read()
    assert told["tidemark_alert_rules_waiting"] == 2
    page.scene.failing = False
    page.judge(152)
    assert page.read()["tidemark_alert_rules_waiting"] == 0


def test_while_data_is_stale_that_is_told_and_how_far_rules_are_behind(database: Database) -> None:
    page = Page(database)
    page.judge(0, 1)
    assert (page.read()["tidemark_alert_data_stale"], page.read()["tidemark_alert_behind_seconds"]) == (0, 0)
    page.scene.lag_ms = 200_000
    page.judge(1)
    told = page.read()
    assert told["tidemark_alert_data_stale"] == 1
    assert told["tidemark_alert_behind_seconds"] == 140
    assert told['tidemark_alerts_firing{rule="DataStale",severity="critical"}'] == 1


def test_without_the_store_the_other_figures_are_told_and_the_log_says_why(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    page = Page(database)
    page.judge(0)
    tables.metadata.drop_all(database)
    with pytest.raises(OperationalError):
        Records(database).firing()
    told = page.read()
    assert told["tidemark_alert_rules"] == 2
    assert not any(name.startswith("tidemark_alerts_firing") for name in told)
    assert "the store of alerts cannot be read for /metrics" in caplog.text
