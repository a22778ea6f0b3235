"""Our store, routing, delivery and sender, to a real Alertmanager."""

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from alert_story import HOOK, MANAGER, MINUTE, change, fired, resolved, router, series, store, tick
from alertmanager import Alertmanager, amtool
from delivering import delivering, wait_for
from loopback import Loopback, answer, serving
from ports import free_ports
from tidemark.alerts.alert import Tick
from tidemark.alerts.post import Patience
from tidemark.alerts.receiver import Receiver
from tidemark.alerts.retry import RetryPolicy
from tidemark.alerts.series import Kind
from tidemark.alerts.store.outbox import Outbox
from tidemark.alerts.store.ticks import Ticks

pytestmark = pytest.mark.alertmanager

_DOCS = Path(__file__).resolve().parents[2] / "docs" / "alerts-delivery.md"
_CONFIG = """
global: {{resolve_timeout: {resolve_timeout}}}
route:
  receiver: page
  group_by: [severity, alertname, owner]
  group_wait: 2s
  group_interval: 1s
  repeat_interval: 1h
receivers: [{{name: page, webhook_configs: [{{url: "{page}/page"}}]}}]
"""
LINK = "https://tidemark.test"
_SPEND = {"alertname": "Spend", "severity": "critical", "team": "growth"}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def config(page: Loopback, resolve_timeout: str = "5m") -> str:
    return _CONFIG.format(page=page.url, resolve_timeout=resolve_timeout)


def pages(page: Loopback) -> list[dict[str, Any]]:
    """What Alertmanager told its own receiver."""
    return [json.loads(one.body) for one in page.requests]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Engine]:
    opened = store(tmp_path)
    yield opened
    opened.dispose()


@pytest.fixture
def page() -> Iterator[Loopback]:
    with serving(answer(200)) as server:
        yield server


@pytest.fixture
def managers(tmp_path: Path, page: Loopback) -> Iterator[tuple[Alertmanager, Alertmanager]]:
    """Two, of which none runs yet."""
    port = free_ports(4)
    both = (
        Alertmanager(tmp_path / "one", config(page), port),
        Alertmanager(tmp_path / "other", config(page), port + 2),
    )
    yield both
    for one in both:
        one.kill()


@pytest.fixture
def manager(managers: tuple[Alertmanager, Alertmanager]) -> Alertmanager:
    """One that runs."""
    managers[0].start()
    return managers[0]


def to(*managers: Alertmanager) -> Receiver:
    return replace(MANAGER, urls=tuple(one.url for one in managers))


@contextmanager
def telling(made: Engine, *receivers: Receiver) -> Iterator[Callable[[Tick], None]]:
    """Takes ticks, and delivers what follows as the service does."""
    with delivering(made, *receivers, patience=Patience(), policy=RetryPolicy()) as delivery:

        def tell(one: Tick) -> None:
            Ticks(made).commit(one, router(*receivers), now_ms())
            delivery.wake()

        yield tell


def a_minute() -> int:
    """The last that is full, Unix ms."""
    return now_ms() // MINUTE * MINUTE - MINUTE


def corrected(at_ms: int, fired_ms: int, campaign: str) -> Tick:
    taken_back = change(Kind.CORRECTED, fired_ms, fired_ms, "data that came late")
    return tick(at_ms, series(campaign, at_ms, taken_back), is_judged=False)


def comparable(payload: dict[str, Any]) -> dict[str, Any]:
    """A webhook's payload without who sent it, with its times as times and its alerts in one order."""
    alerts = [
        {**one, **{name: datetime.fromisoformat(one[name]) for name in ("startsAt", "endsAt")}}
        for one in payload["alerts"]
    ]
    alerts.sort(key=lambda one: str(one["fingerprint"]))
    return {**payload, "alerts": alerts, "receiver": "", "externalURL": ""}


def test_what_fires_is_shown_with_labels_annotations_link_and_beginning(
    made: Engine, manager: Alertmanager
) -> None:
    at_ms = a_minute()
    with telling(made, to(manager)) as tell:
        tell(fired(at_ms, "summer"))
        wait_for(lambda: manager.firing() == ["summer"])
    (shown,) = manager.alerts()
    assert shown["labels"] == {**_SPEND, "campaign": "summer"}
    assert shown["annotations"] == {"summary": "summer spends"}
    assert shown["generatorURL"] == LINK
    assert datetime.fromisoformat(shown["startsAt"]) == datetime.fromtimestamp(at_ms / 1000, UTC)
    assert shown["status"]["state"] == "active"
    (queried,) = manager.amtool("alert", "query", "campaign=summer")
    assert (queried["labels"], queried["startsAt"]) == (shown["labels"], shown["startsAt"])


def test_a_group_is_one_notification_and_says_what_our_own_webhook_says_and_resolves_once(
    made: Engine, manager: Alertmanager, page: Loopback
) -> None:
    at_ms = now_ms()  # an older one than its group waits would be told before the others are there
    campaigns = ("größe", "summer", "winter")
    with serving(answer(200)) as own:
        hook = replace(HOOK, urls=(own.url,), group_by=("severity", "alertname", "owner"))
        with telling(made, to(manager), hook) as tell:
            tell(fired(at_ms, *campaigns))
            page.wait(1)
            tell(resolved(at_ms + 1, at_ms, *campaigns))
            wait_for(lambda: pages(page)[-1]["status"] == "resolved")
        fires, ends = (comparable(json.loads(one.body)) for one in own.wait(2))
    theirs, *later = [comparable(one) for one in pages(page)]
    assert len(theirs["alerts"]) == 3
    assert fires == theirs
    ended = [alert for one in later for alert in one["alerts"] if alert["status"] == "resolved"]
    assert ends["alerts"] == sorted(ended, key=lambda one: str(one["fingerprint"]))


def test_an_alert_that_goes_on_firing_outlives_the_timeout_and_is_told_once(
    made: Engine, tmp_path: Path, page: Loopback
) -> None:
    short = Alertmanager(tmp_path / "short", config(page, resolve_timeout="7s"), free_ports(2))
    try:
        short.start()
        with telling(made, to(short)) as tell:
            tell(fired(a_minute(), "summer"))
            wait_for(lambda: short.firing() == ["summer"])
            before = datetime.fromisoformat(short.alerts()[0]["endsAt"])
            wait_for(lambda: short.firing() == [] or datetime.now(UTC) > before + timedelta(seconds=1))
            assert short.firing() == ["summer"]
            assert [one["status"] for one in pages(page)] == ["firing"]
        page.wait(2)  # nobody says it again
        assert [one["status"] for one in pages(page)] == ["firing", "resolved"]
    finally:
        short.kill()


def test_an_alert_that_is_taken_back_resolves_with_the_reason(
    made: Engine, manager: Alertmanager, page: Loopback
) -> None:
    at_ms = a_minute()
    with telling(made, to(manager)) as tell:
        tell(fired(at_ms, "summer"))
        page.wait(1)
        tell(corrected(at_ms + MINUTE, at_ms, "summer"))
        page.wait(2)
    firing, ended = pages(page)
    assert (firing["status"], ended["status"]) == ("firing", "resolved")
    assert ended["alerts"][0]["annotations"]["reason"] == "data that came late"
    assert manager.firing() == []


def test_a_correction_of_an_alert_that_ended_does_not_end_the_one_that_fires_now(
    made: Engine, manager: Alertmanager, page: Loopback
) -> None:
    first_ms = a_minute() - 4 * MINUTE
    second_ms = first_ms + 3 * MINUTE
    with telling(made, to(manager)) as tell:
        tell(fired(first_ms, "summer"))
        tell(resolved(first_ms + MINUTE, first_ms, "summer"))
        tell(fired(second_ms, "summer"))
        wait_for(lambda: manager.firing() == ["summer"])
        page.wait(1)
        tell(corrected(second_ms + MINUTE, first_ms, "summer"))
        tell(fired(second_ms + 2 * MINUTE, "winter"))  # told after it
        wait_for(lambda: "winter" in manager.firing())
        assert manager.firing() == ["summer", "winter"]
        page.wait(2)
    assert {alert["status"] for one in pages(page) for alert in one["alerts"]} == {"firing"}


def test_an_alert_whose_window_is_full_in_an_hour_fires_from_now_on(
    made: Engine, manager: Alertmanager, page: Loopback
) -> None:
    at_ms = now_ms() + 60 * MINUTE
    with telling(made, to(manager)) as tell:
        tell(fired(at_ms, "summer"))
        (request,) = page.wait(1)
        begun = datetime.fromisoformat(json.loads(request.body)["alerts"][0]["startsAt"])
        assert begun <= datetime.now(UTC)
    assert Outbox(made).counts() == {("manager", "sent"): 1}


def test_a_silence_of_alertmanager_keeps_the_page_back_until_it_ends(
    made: Engine, manager: Alertmanager, page: Loopback
) -> None:
    named = manager.amtool(
        "silence", "add", "campaign=summer", "--comment=paused", "--author=ann", "--duration=1h"
    )
    with telling(made, to(manager)) as tell:
        tell(fired(a_minute(), "summer", "winter"))
        page.wait(1)
        assert [one["labels"]["campaign"] for one in pages(page)[0]["alerts"]] == ["winter"]
        states = {one["labels"]["campaign"]: one["status"] for one in manager.alerts()}
        assert states["winter"]["state"] == "active"
        assert (states["summer"]["state"], states["summer"]["silencedBy"]) == ("suppressed", [named])
        manager.amtool("silence", "expire", named)
        page.wait(2)
    assert len(pages(page)[1]["alerts"]) == 2


def test_amtool_takes_the_configuration_of_the_documentation_and_routes_as_it_says(tmp_path: Path) -> None:
    (sample,) = re.findall(r"```yaml\n(# alertmanager\.yml\n.*?)```", _DOCS.read_text(), re.DOTALL)
    file = tmp_path / "alertmanager.yml"
    file.write_text(sample, encoding="utf-8")
    assert "SUCCESS" in amtool(tmp_path, "check-config", str(file))
    for labels, receivers in (
        (("severity=critical", "team=growth"), "on_call,growth"),
        (("severity=warning", "team=growth"), "growth"),
        (("severity=critical",), "on_call"),
        (("severity=info",), "marketing"),
    ):
        tested = ("config", "routes", "test", f"--config.file={file}", f"--verify.receivers={receivers}")
        amtool(tmp_path, *tested, *labels)


def test_of_two_that_work_together_both_know_every_alert_and_one_tells_it(
    made: Engine, managers: tuple[Alertmanager, Alertmanager], page: Loopback
) -> None:
    one, other = managers
    one.start(is_clustered=True)
    other.start(one, is_clustered=True)
    at_ms = now_ms()
    with telling(made, to(one, other)) as tell:
        tell(fired(at_ms, "summer", "winter"))
        wait_for(lambda: one.firing() == other.firing() == ["summer", "winter"])
        page.wait(1)
        wait_for(lambda: one.gossip() + other.gossip() > 0)  # both know that it was told
        one.kill()
        tell(resolved(at_ms + 1, at_ms, "summer"))
        wait_for(lambda: other.firing() == ["winter"])
        page.wait(2)
    statuses = [[alert["status"] for alert in said["alerts"]] for said in pages(page)]
    assert [sorted(said) for said in statuses] == [["firing", "firing"], ["firing", "resolved"]]


def test_one_that_hangs_does_not_hold_up_the_other_and_is_told_later(
    made: Engine, managers: tuple[Alertmanager, Alertmanager]
) -> None:
    hanging, good = managers
    for one in managers:
        one.start()
    hanging.kill(signal.SIGSTOP)
    campaigns = [f"c{number}" for number in range(8)]
    with telling(made, replace(to(hanging, good), group_by=("campaign",))) as tell:
        tell(fired(a_minute(), *campaigns))
        wait_for(lambda: good.firing() == campaigns, seconds=8)  # it would be 10 s for each
        hanging.kill(signal.SIGCONT)
        wait_for(lambda: hanging.firing() == campaigns)


def test_one_that_was_away_and_forgot_is_told_what_fires(made: Engine, manager: Alertmanager) -> None:
    with telling(made, to(manager)) as tell:
        tell(fired(a_minute(), "summer"))
        wait_for(lambda: manager.firing() == ["summer"])
        manager.kill()
        tell(fired(a_minute() + MINUTE, "winter"))
        wait_for(lambda: bool(Outbox(made).listed("pending") and Outbox(made).listed("pending")[0].error))
        manager.start()
        wait_for(lambda: manager.firing() == ["summer", "winter"])
    assert Outbox(made).listed("dead") == []
