"""What people say about alerts, over GraphQL: kept within limits, and not from foreign pages."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from sqlalchemy import Engine

from alert_scene import MINUTE, START, Scene, served
from alert_story import HOOK, MANAGER, fired, router, store
from asgi import client_of
from desks import ANNA, BEN, FakeAnswerer, in_loop
from fake_desk import FakeDesk
from front_server import app_of
from tidemark.alerts.serving import Serving
from tidemark.alerts.store.outbox import DEAD, PENDING, Outbox
from tidemark.alerts.store.ticks import Ticks
from tidemark.desk.desk import Desk
from tidemark.query.errors import Code, QueryError
from tidemark.query.instant import format_instant, from_ms
from tidemark.query.limits import DEFAULT_LIMITS
from tidemark.settings import Settings
from tidemark.telemetry import Telemetry

ACKNOWLEDGE = (
    "mutation($alert: ID!, $by: String!) { acknowledge(alert: $alert, by: $by) { id acknowledgedBy } }"
)
SILENCE = """mutation(
    $matchers: [String!]!, $reason: String!, $by: String!, $seconds: Int, $until: DateTime) {
    silence(matchers: $matchers, reason: $reason, by: $by, seconds: $seconds, until: $until) {
        id matchers startsAt endsAt reason by } }"""
UNSILENCE = "mutation($silence: ID!) { unsilence(silence: $silence) { id endsAt } }"
REPLAY = "mutation($notifications: [ID!]) { replay(notifications: $notifications) }"
SILENCES = "{ silences { id } }"
DEAD_ONES = """query($first: Int! = 100) { deadNotifications(first: $first) {
    id receiver error attempts createdAt diedAt alerts { id rule state } } }"""
KNOWN = {"matchers": ["campaign=summer"], "reason": "known", "by": "ann", "seconds": 600}

Ask = Callable[..., Any]


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def database(tmp_path: Path) -> Engine:
    return store(tmp_path)


@pytest.fixture
def serving(scene: Scene, database: Engine) -> Serving:
    """Summer fires, winter did."""
    judging, made = served(scene, database)
    for minute in range(5):
        scene.complete_ms = START + minute * MINUTE
        judging.step()
    return made


@pytest.fixture
def desk(serving: Serving) -> FakeDesk:
    return FakeDesk(serving=serving)


@pytest.fixture
def client(desk: FakeDesk, tmp_path: Path) -> Iterator[httpx.Client]:
    settings = Settings(home=tmp_path, operations=tmp_path, allowed_origins=("https://dash.example",))
    with client_of(app_of(desk, settings)) as made:
        yield made


@pytest.fixture
def ask(client: httpx.Client) -> Ask:
    def asked(document: str, **variables: Any) -> Any:
        body = client.post("/graphql", json={"query": document, "variables": variables}).json()
        assert "errors" not in body, body
        (answer,) = body["data"].values()
        return answer

    return asked


@pytest.fixture
def refusal(client: httpx.Client) -> Callable[..., tuple[str, str]]:
    def refused(document: str, **variables: Any) -> tuple[str, str]:
        body = client.post("/graphql", json={"query": document, "variables": variables}).json()
        (error,) = body["errors"]
        return error["extensions"]["code"], error["message"]

    return refused


def firing(ask: Ask) -> Any:
    (one,) = ask("{ alerts(states: [FIRING]) { id rule } }")
    return one["id"]


def test_an_alert_is_acknowledged_and_whoever_listens_hears_of_it(
    ask: Ask, serving: Serving, desk: FakeDesk
) -> None:
    rung: list[int] = []
    serving.bell.listen(lambda: rung.append(1))
    alert = firing(ask)
    assert ask(ACKNOWLEDGE, alert=alert, by="  ann ") == {"id": alert, "acknowledgedBy": "ann"}
    assert ask("{ alerts(states: [FIRING]) { acknowledgedBy } }") == [{"acknowledgedBy": "ann"}]
    assert (rung, desk.written) == ([1], 1)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"alert": "x", "by": "ann"}, "There is no alert 'x'; list them to see their ids."),
        ({"alert": "x", "by": " "}, "The name has 0 characters; give one of 1 to 100."),
        ({"alert": "x", "by": "a" * 101}, "The name has 101 characters; give one of 1 to 100."),
    ],
)
def test_what_cannot_be_acknowledged_is_refused_in_a_sentence(
    refusal: Any, given: dict[str, str], says: str
) -> None:
    assert refusal(ACKNOWLEDGE, **given) == ("BAD_ACKNOWLEDGEMENT", says)


def test_a_silence_begins_is_listed_and_ends(ask: Ask, scene: Scene) -> None:
    now = from_ms(scene.now_ms())
    made = ask(SILENCE, **KNOWN)
    assert made == {
        "id": made["id"],
        "matchers": ["campaign=summer"],
        "startsAt": format_instant(now),
        "endsAt": format_instant(now + timedelta(minutes=10)),
        "reason": "known",
        "by": "ann",
    }
    until = format_instant(now + timedelta(days=1))
    other = ask(SILENCE, **KNOWN | {"seconds": None, "until": until})
    assert other["endsAt"] == until
    assert ask(SILENCES) == [{"id": made["id"]}, {"id": other["id"]}]
    assert ask(UNSILENCE, silence=made["id"]) == {"id": made["id"], "endsAt": format_instant(now)}
    assert ask(SILENCES) == [{"id": other["id"]}]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"matchers": []}, "A silence has 1 to 10 matchers; say by them which alerts it is for."),
        ({"matchers": ["a=b"] * 11}, "A silence has 1 to 10 matchers; say by them which alerts it is for."),
        ({"matchers": ["summer"]}, "'summer' is no matcher; write label=value or label!=value, up to 300"),
        ({"matchers": ["a=~.*"]}, "'a=~.*' is a regular expression; write label=value, where * stands for"),
        ({"seconds": None}, "A silence has one end; give either seconds or until."),
        ({"until": "2026-11-23T12:00:00Z"}, "A silence has one end; give either seconds or until."),
        ({"seconds": 0}, "A silence ends after it begins, and within a year; choose another end."),
        ({"seconds": 2**31 - 1}, "A silence ends after it begins, and within a year; choose another end."),
        ({"reason": ""}, "The reason has 0 characters; give one of 1 to 500."),
        ({"by": "a" * 101}, "The name has 101 characters; give one of 1 to 100."),
    ],
)
def test_a_silence_that_cannot_be_is_refused_in_a_sentence(
    refusal: Any, ask: Ask, given: dict[str, Any], says: str
) -> None:
    code, told = refusal(SILENCE, **KNOWN | given)
    assert code == "BAD_SILENCE"
    assert told.startswith(says)
    assert ask(SILENCES) == []


def test_a_silence_that_is_over_cannot_be_ended(refusal: Any) -> None:
    assert refusal(UNSILENCE, silence="x") == (
        "BAD_SILENCE",
        "No silence 'x' is in force; list them to see their ids.",
    )


def test_what_is_dead_shows_who_what_why_and_when_and_is_sent_again(ask: Ask, database: Engine) -> None:
    outbox = Outbox(database)
    waiting = outbox.listed(PENDING)
    for number, one in enumerate(waiting):
        outbox.failed(one.notification.id, f"the answer was 40{number}", None, START)
    found = ask(DEAD_ONES)
    assert [one["id"] for one in found] == [one.notification.id for one in waiting], "the newest first"
    newest = found[0]
    created = format_instant(from_ms(waiting[0].created_ms))
    assert newest | {"alerts": []} == {
        "id": waiting[0].notification.id,
        "receiver": "hook",
        "error": "the answer was 400",
        "attempts": 1,
        "createdAt": created,
        "diedAt": format_instant(from_ms(START)),
        "alerts": [],
    }
    assert {about["rule"] for one in found for about in one["alerts"]} == {"SpendsTooMuch", "Nothing"}
    assert len(ask(DEAD_ONES, first=1)) == 1
    assert ask(REPLAY, notifications=[newest["id"], "x"]) == 1
    assert ask(REPLAY, notifications=[]) == 0
    assert ask(REPLAY) == len(waiting) - 1
    assert outbox.listed(DEAD) == []


def test_what_a_receiver_that_is_gone_did_not_take_stays_dead_with_what_to_do(
    ask: Ask, database: Engine
) -> None:
    Ticks(database).commit(fired(MINUTE, "summer"), router(HOOK, MANAGER), 1)
    outbox = Outbox(database)
    for one in outbox.listed(PENDING):
        outbox.failed(one.notification.id, "no", None, START)
    assert ask(REPLAY) == len(outbox.listed(PENDING))
    (left,) = ask(DEAD_ONES)
    assert (left["receiver"], left["error"]) == (
        "manager",
        "there is no such receiver any more; configure it again and replay, or leave it",
    )


def test_lists_have_limits(refusal: Any) -> None:
    for first in (0, 1_001):
        assert refusal(DEAD_ONES, first=first) == (
            "BAD_LIMIT",
            f"first is {first}; it must be from 1 to 1,000.",
        )
    code, says = refusal(REPLAY, notifications=["x"] * 1_001)
    assert code == "TOO_MANY_VALUES"
    assert says.startswith("1,001 notifications are named, of at most 1,000;")


@in_loop
async def test_who_writes_much_down_is_held_back_and_others_are_not(serving: Serving) -> None:
    limits = replace(DEFAULT_LIMITS, budget_per_minute=2.5)
    answerer = cast("Any", FakeAnswerer())
    desk = Desk(answerer, Telemetry(), cache_bytes=0, limits=limits, alerts=serving)
    for _ in range(2):
        assert await desk.tend(lambda one: one.replay(None), ANNA, writes=True) == 0
    with pytest.raises(QueryError) as told:
        await desk.tend(lambda one: one.replay(None), ANNA, writes=True)
    assert told.value.code is Code.BUDGET_EXHAUSTED
    assert await desk.tend(lambda one: one.silences(), ANNA) == []
    assert await desk.tend(lambda one: one.replay(None), BEN, writes=True) == 0
    await desk.close()


def test_nothing_is_kept_by_get_nor_of_what_a_foreign_page_can_send(
    client: httpx.Client, ask: Ask, desk: FakeDesk
) -> None:
    """A page sends JSON only after a preflight; without one a form's media types, as text, are all it has."""
    document = 'mutation { silence(matchers: ["a=b"], reason: "x", by: "x", seconds: 60) { id } }'
    body = json.dumps({"query": document})
    foreign = {"origin": "https://evil.example"}
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        told = client.post("/graphql", content=body, headers={**foreign, "content-type": media_type})
        assert told.status_code == 415
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    assert client.options("/graphql", headers={**foreign, **asked}).status_code == 403
    assert client.get("/graphql", params={"query": document}).status_code == 400
    assert (desk.written, ask(SILENCES)) == (0, [])


def test_a_mutation_that_is_persisted_is_refused_by_get_as_an_answer_and_as_events(
    desk: FakeDesk, tmp_path: Path
) -> None:
    (tmp_path / "quiet.graphql").write_text(
        'mutation Quiet { silence(matchers: ["a=b"], reason: "x", by: "x", seconds: 60) { id } }'
    )
    with client_of(app_of(desk, Settings(home=tmp_path, operations=tmp_path))) as client:
        told = client.get("/graphql", params={"id": "Quiet"})
        assert (told.status_code, told.headers["allow"]) == (405, "POST")
        events = client.get("/graphql", params={"id": "Quiet"}, headers={"accept": "text/event-stream"})
        assert '"errors"' in events.text
        assert desk.written == 0
        assert client.post("/graphql", json={"id": "Quiet"}).json()["data"]["silence"]["id"]
        assert desk.written == 1
