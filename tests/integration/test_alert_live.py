"""Alerts followed over real sockets while an engine judges a scripted past, by the whole application."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
from websockets.sync.client import connect

from alert_scene import MINUTE, START, Scene, served
from alert_story import store
from fake_desk import CATALOGUE
from front_server import behind
from tidemark.alerts.engine import Engine
from tidemark.alerts.metrics import AlertMetrics
from tidemark.alerts.store.outbox import Outbox
from tidemark.alerts.store.records import Records
from tidemark.alerts.store.ticks import Ticks
from tidemark.app import create_app
from tidemark.settings import Settings

if TYPE_CHECKING:
    from tidemark.query.database import Database

FOLLOW = """subscription($states: [AlertState!]) { alerts(states: $states) {
    id rule state value acknowledgedBy labels { name value } } }"""
ACKNOWLEDGE = 'mutation($alert: ID!) { acknowledge(alert: $alert, by: "ann") { state } }'
Told = dict[str, Any]


class Service:
    """The application behind a port, and the engine that a test drives."""

    def __init__(self, port: int, scene: Scene, engine: Engine) -> None:
        self.url, self._scene, self._engine = f"http://127.0.0.1:{port}", scene, engine

    def judge(self, minute: int, lag_ms: int = 1_000) -> None:
        """Data is complete up to a minute, by a wall clock that is further."""
        self._scene.complete_ms, self._scene.lag_ms = START + minute * MINUTE, lag_ms
        self._engine.step()

    def ask(self, document: str, **variables: Any) -> Any:
        asked = {"query": document, "variables": variables}
        body = httpx.post(f"{self.url}/graphql", json=asked).json()
        assert "errors" not in body, body
        return body["data"]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    scene, database = Scene(), store(tmp_path)
    engine, serving = served(scene, database)
    metrics = AlertMetrics(engine, Ticks(database), Records(database), Outbox(database), (), scene.now_ms)
    app = create_app(
        cast("Database", None),  # alerts are not asked of it
        scene.freshness, CATALOGUE, Settings(home=tmp_path), list, alerts=serving, collectors=[metrics],
    )  # fmt: skip
    with behind(app) as (port, _):
        yield Service(port, scene, engine)


@contextmanager
def over_socket(service: Service, *states: str) -> Iterator[Callable[[], Told]]:
    """What comes next, over a WebSocket."""
    url = service.url.replace("http", "ws") + "/graphql"
    with connect(url, subprotocols=["graphql-transport-ws"], compression=None) as connection:  # type: ignore[list-item]
        payload = {"query": FOLLOW, "variables": {"states": list(states) or None}}
        for message in ({"type": "connection_init"}, {"type": "subscribe", "id": "1", "payload": payload}):
            connection.send(json.dumps(message))
        assert json.loads(connection.recv(timeout=10))["type"] == "connection_ack"

        def hear() -> Told:
            told: Told = json.loads(connection.recv(timeout=10))["payload"]["data"]["alerts"]
            return told

        yield hear


@contextmanager
def over_events(service: Service, *states: str) -> Iterator[Callable[[], Told]]:
    """What comes next, as server-sent events."""
    asked = {"query": FOLLOW, "variables": {"states": list(states) or None}}
    headers = {"accept": "text/event-stream"}
    with httpx.stream("POST", f"{service.url}/graphql", json=asked, headers=headers, timeout=10) as response:
        lines = response.iter_lines()

        def hear() -> Told:
            told: Told = json.loads(next(line[6:] for line in lines if line.startswith("data: ")))
            alerts: Told = told["data"]["alerts"]
            return alerts

        yield hear


def of(told: Told) -> tuple[str, str, str]:
    labels = {one["name"]: one["value"] for one in told["labels"]}
    return told["rule"], labels.get("campaign", ""), told["state"]


@pytest.mark.parametrize("over", [over_socket, over_events])
def test_whoever_follows_is_told_as_it_happens(service: Service, over: Any) -> None:
    service.judge(0)
    service.judge(1)
    with over(service) as hear:
        assert of(hear()) == ("SpendsTooMuch", "summer", "PENDING")
        service.judge(2)
        both = {of(hear()), of(hear())}
        assert both == {("SpendsTooMuch", "summer", "PENDING"), ("Nothing", "winter", "FIRING")}
        service.judge(3)
        fired = hear()
        assert (of(fired), fired["value"]) == (("SpendsTooMuch", "summer", "FIRING"), 700.0)
        service.ask(ACKNOWLEDGE, alert=fired["id"])
        assert hear() == fired | {"acknowledgedBy": "ann"}
        service.judge(3, lag_ms=61_000)
        stale = {of(hear()) for _ in range(3)}
        assert stale == {
            ("DataStale", "", "FIRING"),
            ("SpendsTooMuch", "summer", "STALE"),
            ("Nothing", "winter", "STALE"),
        }
        service.judge(3)
        fresh = {of(hear()) for _ in range(3)}
        assert fresh == {
            ("DataStale", "", "RESOLVED"),
            ("SpendsTooMuch", "summer", "FIRING"),
            ("Nothing", "winter", "FIRING"),
        }
        service.judge(4)
        assert of(hear()) == ("Nothing", "winter", "RESOLVED")


def test_fifty_who_follow_hear_the_same_and_who_does_not_read_holds_up_nobody(service: Service) -> None:
    service.judge(0)
    heard: list[tuple[str, str, str]] = []
    ready = threading.Barrier(51)

    def follow() -> None:
        with over_socket(service, "FIRING", "INACTIVE") as hear:
            for _ in range(2):
                hear()
            ready.wait(10)
            heard.append(of(hear()))

    with over_events(service):  # who never reads
        threads = [threading.Thread(target=follow) for _ in range(50)]
        for thread in threads:
            thread.start()
        ready.wait(10)
        service.judge(2)
        for thread in threads:
            thread.join(10)
    assert heard == [("Nothing", "winter", "FIRING")] * 50


def test_prometheus_is_told_of_alerts_beside_the_rest(service: Service) -> None:
    for minute in range(4):
        service.judge(minute)
    text = httpx.get(f"{service.url}/metrics").text
    for line in (
        'tidemark_alerts_firing{rule="SpendsTooMuch",severity="critical"} 1.0',
        "tidemark_alert_ticks_judged_total 8.0",
        "tidemark_freshness_lag_seconds 1.0",
    ):
        assert line in text.splitlines()
