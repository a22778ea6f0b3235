import asyncio
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from tidemark.ingest.app import Edges, create_app
from tidemark.ingest.event import Event
from tidemark.ingest.metrics import Metrics
from tidemark.ingest.tracking import load
from tidemark.settings import Settings

NOW = 1_795_470_000_000
GOOD = {"event_id": "a", "event": "click", "event_time": NOW - 1000}
TRACKING = load(Settings().catalogue / "tracking.yaml")


@dataclass
class Kafka:
    """Takes what would be stored, or fails as the brokers would."""

    failure: str | None = None
    problem: str | None = None
    events: list[Event] = field(default_factory=list)
    letters: list[dict[str, Any]] = field(default_factory=list)

    def send(self, events: Sequence[Event], letters: Sequence[bytes]) -> "asyncio.Future[str | None]":
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, self.failure)
        if self.failure is None:
            self.events += events
            self.letters += [json.loads(letter) for letter in letters]
        return future

    def app(self) -> FastAPI:
        edges = Edges(self, lambda: NOW, lambda: self.problem, Metrics(lambda: 0.5))
        return create_app(edges=edges, tracking=TRACKING, currency="USD")


async def request(app: FastAPI, method: str, path: str, **options: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://collector:8601") as client:
        return await client.request(method, path, **options)


def call(kafka: Kafka, method: str, path: str, **options: Any) -> httpx.Response:
    return asyncio.run(request(kafka.app(), method, path, **options))


def post(kafka: Kafka, path: str, body: object, **options: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return call(kafka, "POST", path, content=content, **options)


def test_an_event_is_stored_and_answered() -> None:
    kafka = Kafka()
    answer = post(kafka, "/v1/events", GOOD)
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "rejected": []})
    assert answer.headers["content-type"] == "application/json"
    assert [event.event_id for event in kafka.events] == ["a"]
    assert kafka.events[0].received_at == NOW


def test_some_refused_events_are_named_and_become_dead_letters() -> None:
    kafka = Kafka()
    answer = post(kafka, "/v1/events", [GOOD, {**GOOD, "quantity": 0}])
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 1
    (rejected,) = answer.json()["rejected"]
    assert (rejected["index"], rejected["field"]) == (1, "quantity")
    assert kafka.letters == [
        {
            "reason": rejected["reason"],
            "field": "quantity",
            "door": "/v1/events",
            "at": NOW,
            "raw": json.dumps({**GOOD, "quantity": 0}),
        }
    ]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"nonsense", b"\xff"])
def test_when_nothing_was_accepted_the_answer_is_400_and_the_bytes_are_kept(body: bytes) -> None:
    kafka = Kafka()
    answer = post(kafka, "/v1/events", body)
    assert (answer.status_code, answer.json()["accepted"], len(answer.json()["rejected"])) == (400, 0, 1)
    assert kafka.letters[0]["raw"] == body.decode("utf-8", "backslashreplace")


@pytest.mark.parametrize(
    "body",
    [
        b"x" * 500_001,
        gzip.compress(b"0" * 4_000_001),
        json.dumps({**GOOD, "properties": {"x": "y" * 32_768}}).encode(),
        b"[" + b",".join([b"1"] * 10_001) + b"]",
    ],
)
def test_what_is_too_large_is_a_413_that_says_the_limit(body: bytes) -> None:
    kafka = Kafka()
    answer = post(kafka, "/v1/events", body)
    assert answer.status_code == 413
    assert any(
        limit in answer.json()["rejected"][0]["reason"]
        for limit in ("500,000", "4,000,000", "32,768", "10,000")
    )
    assert len(kafka.letters) == 1
    assert len(kafka.letters[0]["raw"]) <= 4 * 64 * 1024


def test_the_bytes_count_and_not_what_the_headers_say() -> None:
    kafka = Kafka()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert (
        post(kafka, "/v1/events", gzip.compress(json.dumps(GOOD).encode()), headers=headers).status_code
        == 200
    )
    assert post(kafka, "/v1/events", GOOD, headers={"content-type": "text/plain"}).status_code == 200


def test_an_event_that_is_not_stored_is_a_503_and_never_a_200() -> None:
    kafka = Kafka(failure="the brokers did not acknowledge it within 4.5 s")
    for path, body in (("/v1/events", GOOD), ("/v1/track", {"event": "x"}), ("/batch/", {"batch": []})):
        answer = post(kafka, path, body)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "the brokers did not acknowledge it within 4.5 s; send it again" in answer.json()["error"]


def test_a_refused_event_whose_dead_letter_is_not_stored_is_a_503_too() -> None:
    assert post(Kafka(failure="gone"), "/v1/events", b"nonsense").status_code == 503


def test_without_heartbeats_every_door_is_closed() -> None:
    kafka = Kafka(problem="the brokers have not acknowledged a heartbeat for 6 s")
    for path in ("/v1/events", "/v1/t", "/v1/batch", "/e/"):
        assert post(kafka, path, GOOD).status_code == 503
    answer = call(kafka, "GET", "/readyz")
    assert (answer.status_code, answer.json()["problem"]) == (503, kafka.problem)
    assert call(kafka, "GET", "/healthz").status_code == 200
    assert kafka.events == []


@pytest.mark.parametrize("call_name", ["track", "page", "screen", "identify", "group", "alias"])
@pytest.mark.parametrize("short", [False, True])
def test_segments_doors_take_a_call(call_name: str, short: bool) -> None:
    path = f"/v1/{call_name[0] if short else call_name}"
    kafka = Kafka()
    answer = post(kafka, path, {"messageId": "m", "event": "Ad Clicked", "userId": "u"})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert [event.event_id for event in kafka.events] == ["m"]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b"])
def test_segments_batch_is_a_success_also_when_some_calls_are_refused(path: str) -> None:
    kafka = Kafka()
    answer = post(
        kafka, path, {"batch": [{"type": "track", "event": "x", "messageId": "m"}, {"type": "buy"}]}
    )
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert (len(kafka.events), len(kafka.letters)) == (1, 1)
    assert kafka.letters[0]["door"] == path


@pytest.mark.parametrize("path", ["/batch/", "/batch", "/e/", "/e", "/capture/", "/capture", "/i/v0/e/"])
def test_posthogs_doors_take_a_capture(path: str) -> None:
    kafka = Kafka()
    answer = post(kafka, f"{path}?ip=1&_=1795470000000", {"uuid": "m", "event": "x", "distinct_id": "d"})
    assert (answer.status_code, answer.json()) == (200, {"status": 1})
    assert [event.user_id for event in kafka.events] == ["d"]


def test_a_body_that_no_sdk_sends_is_a_400_in_the_sdks_words() -> None:
    kafka = Kafka()
    segment = post(kafka, "/v1/batch", b"nonsense")
    assert (segment.status_code, segment.json()["code"]) == (400, "json")
    assert "the body is no batch" in segment.json()["message"]
    assert "the body is no capture" in post(kafka, "/batch/", b"nonsense").json()["detail"]
    assert [letter["door"] for letter in kafka.letters] == ["/v1/batch", "/batch/"]


def test_the_browser_finds_its_settings_and_where_to_send() -> None:
    answer = call(Kafka(), "GET", "/v1/projects/key/settings", headers={"origin": "http://shop.example"})
    assert answer.json()["integrations"]["Segment.io"]["apiHost"] == "collector:8601/v1"
    assert answer.headers["access-control-allow-origin"] == "*"


def test_browsers_of_any_origin_may_send() -> None:
    asked = {"origin": "http://shop.example", "access-control-request-method": "POST",
             "access-control-request-headers": "content-type"}  # fmt: skip
    answer = call(Kafka(), "OPTIONS", "/v1/events", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    answer = post(Kafka(), "/v1/events", GOOD, headers={"origin": "http://shop.example"})
    assert answer.headers["access-control-allow-origin"] == "*"


def test_only_post_opens_a_door() -> None:
    assert call(Kafka(), "GET", "/v1/events").status_code == 405


def test_the_metrics_count_by_door_and_class_of_reason() -> None:
    kafka = Kafka()
    app = kafka.app()

    async def run() -> str:
        await request(app, "POST", "/v1/events", json=[GOOD, {**GOOD, "quantity": 0}])
        await request(app, "POST", "/v1/t", json={"event": "x"})
        return (await request(app, "GET", "/metrics")).text

    text = asyncio.run(run())
    assert 'tidemark_collector_accepted_total{door="/v1/events"} 1.0' in text
    assert 'tidemark_collector_accepted_total{door="/v1/t"} 1.0' in text
    assert 'tidemark_collector_rejected_total{door="/v1/events",kind="range"} 1.0' in text
    assert "tidemark_collector_ack_seconds_count 2.0" in text
    assert "tidemark_collector_heartbeat_age_seconds 0.5" in text


def test_a_client_that_goes_away_leaves_nothing() -> None:
    kafka = Kafka()
    sent: list[dict[str, Any]] = []

    async def run() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/v1/events", "headers": [], "query_string": b""}
        await kafka.app()(scope, receive, send)

    asyncio.run(run())
    assert (sent, kafka.events, kafka.letters) == ([], [], [])


def test_the_answer_for_many_is_the_same_as_for_one() -> None:
    kafka = Kafka()
    answer = post(
        kafka, "/v1/events", b"\n".join(msgspec.json.encode({**GOOD, "event_id": str(n)}) for n in range(500))
    )
    assert answer.json() == {"accepted": 500, "rejected": []}
    assert len({event.event_id for event in kafka.events}) == 500
