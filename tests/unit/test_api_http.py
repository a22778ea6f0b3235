"""GraphQL over HTTP: media types, statuses, persisted operations, validators, who may ask."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from asgi import client_of
from fake_desk import FakeDesk, constant
from front_server import app_of
from tidemark.query.caller import Caller
from tidemark.query.errors import Code, QueryError
from tidemark.settings import Settings

RESULT = "application/graphql-response+json"
CLICKS = "{ metrics(query: {metrics: [CLICKS], range: {lastSeconds: 60}}) { columns { values } } }"
LIVE = "subscription Live { metrics(query: {metrics: [CLICKS], range: {lastSeconds: 60}}) { rowCount } }"
KNOWN = "query Known { metrics(query: {metrics: [CLICKS], range: {lastSeconds: 60}}) { columns { values } } }"

Start = Callable[..., httpx.Client]


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk(constant(7))


@pytest.fixture
def errors() -> list[str]:
    return []


@pytest.fixture
def start(desk: FakeDesk, errors: list[str], tmp_path: Path) -> Iterator[Start]:
    clients = ExitStack()
    (tmp_path / "known.graphql").write_text(KNOWN)
    (tmp_path / "live.graphql").write_text(LIVE)

    def started(**more: Any) -> httpx.Client:
        settings = Settings(home=tmp_path, operations=tmp_path, **more)
        return clients.enter_context(client_of(app_of(desk, settings, errors)))

    with clients:
        yield started


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def hashed(text: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256(text)}}


def get(client: httpx.Client, headers: dict[str, str] | None = None, /, **parameters: Any) -> httpx.Response:
    given = {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()
    }
    return client.get("/graphql", params=given, headers=headers)


def codes(response: httpx.Response) -> list[str]:
    return [error["extensions"]["code"] for error in response.json()["errors"]]


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (RESULT, RESULT),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("", "application/json"),
        ("application/*", "application/json"),
        (f"{RESULT}, application/json;q=0.9", RESULT),
        (f"{RESULT};q=0.5, application/json", "application/json"),
        (f"{RESULT}, application/graphql+json, application/json, text/event-stream, multipart/mixed", RESULT),
        (f"{RESULT};q=0, */*", "application/json"),
        (f"application/json;q=0, {RESULT}", RESULT),
        ("text/html, application/json;q=x, */*;q=0.1", RESULT),
        ("text/html", None),
        ("image/*", None),
    ],
)
def test_an_answer_has_a_media_type_that_its_client_takes(
    start: Start, accept: str, answered: str | None
) -> None:
    response = start().post("/graphql", json={"query": CLICKS}, headers={"accept": accept})
    if answered is None:
        assert (response.status_code, codes(response)) == (406, ["BAD_REQUEST"])
    else:
        assert response.status_code == 200
        assert response.headers["content-type"] == answered
        assert response.json() == {"data": {"metrics": {"columns": [{"values": [7]}]}}}


@pytest.mark.parametrize(
    "body",
    [
        {"query": "{"},
        {"query": "{ nothing }"},
        {"query": "query ($id: ID!) { __type(name: $id) { name } }", "variables": {"id": None}},
        {"query": CLICKS, "operationName": "Other"},
        {"query": "query A { __typename } query B { __typename }"},
    ],
)
def test_what_cannot_be_executed_has_no_data_and_the_status_of_its_media_type(
    start: Start, body: dict[str, Any]
) -> None:
    client = start()
    for accept, status in ((RESULT, 400), ("application/json", 200)):
        response = client.post("/graphql", json=body, headers={"accept": accept})
        assert response.status_code == status
        assert set(response.json()) == {"errors"}


def test_a_refused_field_is_a_partial_answer(start: Start, desk: FakeDesk) -> None:
    desk.failure = QueryError(Code.TOO_MANY_ROWS, "Too many.", limit=1, requested=2)
    response = start().post(
        "/graphql", json={"query": CLICKS}, headers={"accept": RESULT, "x-request-id": "mine-1"}
    )
    assert response.status_code == 200
    assert response.headers["x-request-id"] == "mine-1"
    assert response.json()["data"] is None
    assert codes(response) == ["TOO_MANY_ROWS"]


def test_a_refusal_of_all_for_now_says_when_to_come_again(
    start: Start, desk: FakeDesk, errors: list[str]
) -> None:
    desk.failure = QueryError(Code.BUDGET_EXHAUSTED, "Nothing left.", retryAfterMs=1_200)
    client = start()
    response = client.post("/graphql", json={"query": CLICKS}, headers={"accept": RESULT})
    assert (response.status_code, response.headers["retry-after"]) == (429, "2")
    assert set(response.json()) == {"errors"}
    response = client.post("/graphql", json={"query": CLICKS}, headers={"accept": "application/json"})
    assert (response.status_code, "retry-after" in response.headers) == (200, False)
    assert response.json()["data"] is None
    assert errors == ["BUDGET_EXHAUSTED", "BUDGET_EXHAUSTED"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_other_methods_are_a_405_that_names_those_there_are(start: Start, method: str) -> None:
    response = start().request(method, "/graphql")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/graphql", "application/json; charset=utf-16"],
)  # fmt: skip
def test_a_body_of_another_type_is_a_415(start: Start, content_type: str | None) -> None:
    headers = {"content-type": content_type} if content_type else {}
    response = start().post("/graphql", content=json.dumps({"query": CLICKS}), headers=headers)
    assert (response.status_code, response.headers["accept"]) == (415, "application/json")


@pytest.mark.parametrize("name", ["query", "operationName", "variables", "extensions", "id"])
@pytest.mark.parametrize("value", [5, True, ["a"], "text", {"a": 1}])
def test_a_parameter_of_another_type_is_a_400(start: Start, name: str, value: object) -> None:
    wanted = dict if name in ("variables", "extensions") else str
    if not isinstance(value, wanted):
        response = start().post("/graphql", json={"query": CLICKS, name: value})
        assert response.status_code == 400
        assert f"The parameter {name} must be" in response.json()["errors"][0]["message"]


def test_a_document_of_more_than_64_kb_is_refused_and_batches_are(start: Start) -> None:
    client = start()
    response = client.post("/graphql", json={"query": CLICKS + "#" * 65_536})
    assert (response.status_code, codes(response)) == (413, ["DOCUMENT_TOO_LARGE"])
    response = client.post("/graphql", json=[{"query": CLICKS}])
    assert (response.status_code, codes(response)) == (400, ["BAD_REQUEST"])


def test_a_subscription_is_answered_as_events_only(start: Start) -> None:
    client = start()
    response = client.post("/graphql", json={"query": LIVE}, headers={"accept": RESULT})
    assert response.status_code == 406
    response = get(client, {"accept": RESULT}, operationId="Live")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_a_text_is_known_once_it_came_with_its_hash(start: Start, desk: FakeDesk) -> None:
    client, both = start(), {"query": CLICKS, "extensions": hashed(CLICKS)}
    for accept, status in ((RESULT, 404), ("application/json", 200)):
        missing = get(client, {"accept": accept}, extensions=hashed(CLICKS))
        assert (missing.status_code, codes(missing)) == (status, ["PERSISTED_QUERY_NOT_FOUND"])
        assert missing.json()["errors"][0]["message"] == "PersistedQueryNotFound"
        assert missing.headers["cache-control"] == "no-cache, private"
    assert client.post("/graphql", json=both).status_code == 200
    found = get(client, extensions=hashed(CLICKS))
    assert found.json() == {"data": {"metrics": {"columns": [{"values": [7]}]}}}
    assert client.post("/graphql", json={"extensions": hashed(CLICKS)}).json() == found.json()
    assert get(client, query=CLICKS, extensions=hashed(CLICKS)).json() == found.json()
    assert len(desk.asked) == 4


def test_a_hash_of_another_text_registers_nothing(start: Start) -> None:
    client = start()
    response = client.post("/graphql", json={"query": CLICKS, "extensions": hashed(KNOWN + " ")})
    assert response.status_code == 400
    assert codes(get(client, extensions=hashed(KNOWN + " "))) == ["PERSISTED_QUERY_NOT_FOUND"]


def test_get_neither_executes_nor_registers_a_text_that_nobody_knows(start: Start, desk: FakeDesk) -> None:
    client = start()
    for more in ({}, {"extensions": hashed(CLICKS)}):
        assert get(client, query=CLICKS, **more).status_code == 400
        assert get(client, query="mutation { a }", **more).status_code == 400
    assert codes(get(client, extensions=hashed(CLICKS))) == ["PERSISTED_QUERY_NOT_FOUND"]
    assert not desk.asked


@pytest.mark.parametrize(
    "extensions",
    [
        {"persistedQuery": 5},
        {"persistedQuery": {"version": 2, "sha256Hash": "0" * 64}},
        {"persistedQuery": {"version": 1, "sha256Hash": "x"}},
        {"persistedQuery": {"version": 1}},
    ],
)
def test_a_hash_that_is_none_is_a_400(start: Start, extensions: dict[str, Any]) -> None:
    assert start().post("/graphql", json={"extensions": extensions}).status_code == 400


@pytest.mark.parametrize("name", ["id", "operationId", "documentId"])
@pytest.mark.parametrize("key", ["Known", sha256(KNOWN), "sha256:" + sha256(KNOWN)])
def test_the_allow_list_is_known_by_hash_and_by_name(start: Start, name: str, key: str) -> None:
    client = start()
    assert get(client, **{name: key}).json() == {"data": {"metrics": {"columns": [{"values": [7]}]}}}
    assert client.post("/graphql", json={name: key}).status_code == 200
    assert get(client, extensions=hashed(KNOWN)).status_code == 200
    assert get(client, {"accept": RESULT}, **{name: "Unknown"}).status_code == 404


def test_only_the_allow_list_is_answered_where_that_is_set(start: Start, desk: FakeDesk) -> None:
    client = start(persisted_only=True)
    for body in ({"query": CLICKS}, {"query": CLICKS, "extensions": hashed(CLICKS)}):
        response = client.post("/graphql", json=body)
        assert (response.status_code, codes(response)) == (403, ["NOT_PERSISTED"])
    assert codes(get(client, extensions=hashed(CLICKS))) == ["PERSISTED_QUERY_NOT_FOUND"]
    assert not desk.asked
    assert client.post("/graphql", json={"query": KNOWN}).status_code == 200
    assert get(client, id="Known").status_code == 200


def test_variables_of_a_get_are_json(start: Start) -> None:
    client, text = start(), "query ($n: String!) { __type(name: $n) { name } }"
    client.post("/graphql", json={"query": text, "variables": {"n": "x"}, "extensions": hashed(text)})
    found = get(client, extensions=hashed(text), variables={"n": "Frame"})
    assert found.json() == {"data": {"__type": {"name": "Frame"}}}
    assert get(client, extensions=hashed(text), variables="{").status_code == 400
    assert get(client, extensions=hashed(text), variables="5").status_code == 400


def test_an_etag_stays_while_only_the_clock_goes_on_and_changes_with_the_data(
    start: Start, desk: FakeDesk
) -> None:
    text = (
        "query { f: freshness { at: now ...lag completeThrough } metrics(query: {metrics: [CLICKS], range:"
        " {lastSeconds: 60}}) { columns { values } paid: cost { remaining } } } fragment lag on Freshness {"
        " lagMs }"
    )
    client = start()
    client.post("/graphql", json={"query": text, "extensions": hashed(text)})
    first = get(client, extensions=hashed(text))
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache, private"
    assert first.headers["vary"] == "accept"
    desk.cost = replace(desk.cost, remaining=desk.cost.remaining - 1)
    desk.fresh = replace(desk.fresh, now=desk.fresh.now + timedelta(seconds=1))
    second = get(client, extensions=hashed(text))
    old, new = first.json()["data"], second.json()["data"]
    assert new["metrics"]["paid"] != old["metrics"]["paid"]
    assert (new["f"]["at"], new["f"]["lagMs"]) != (old["f"]["at"], old["f"]["lagMs"])
    assert second.headers["etag"] == tag
    for known in (tag, f'"other", {tag}', "*", tag.removeprefix("W/")):
        same = get(client, {"if-none-match": known}, extensions=hashed(text))
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    desk.columns = constant(8)
    changed = get(client, {"if-none-match": tag}, extensions=hashed(text))
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


def test_an_answer_with_errors_and_one_by_post_have_no_etag(start: Start, desk: FakeDesk) -> None:
    client = start()
    assert "etag" not in client.post("/graphql", json={"id": "Known"}).headers
    desk.failure = QueryError(Code.QUERY_TIMEOUT, "Too slow.")
    assert "etag" not in get(client, id="Known").headers


def test_the_caller_is_its_key_else_its_address(start: Start, desk: FakeDesk) -> None:
    client = start()
    for headers in (
        {"authorization": "Bearer secret"},
        {"authorization": "bearer  secret"},
        {"x-api-key": "secret"},
        {"authorization": "Basic abc"},
        {},
    ):
        client.post("/graphql", json={"query": CLICKS}, headers=headers)
    key, address = Caller.of(key="secret", address=""), Caller.of(key=None, address="127.0.0.1")
    assert desk.callers == [key, key, key, address, address]


def test_a_request_id_that_no_log_can_hold_is_replaced(start: Start) -> None:
    client = start()
    for given in ("a b", "x" * 65, ""):
        answered = client.post("/graphql", json={"query": CLICKS}, headers={"x-request-id": given})
        assert len(answered.headers["x-request-id"]) == 16


@pytest.mark.parametrize("host", ["localhost", "localhost:8600", "127.0.0.1:1", "[::1]:8600", "127.8.8.8"])
def test_the_service_goes_by_loopback_names(start: Start, host: str) -> None:
    assert start().post("/graphql", json={"query": CLICKS}, headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.1", "", "[::2]"])
def test_a_page_that_makes_its_own_name_mean_this_machine_reads_nothing(
    start: Start, desk: FakeDesk, host: str
) -> None:
    response = start().post("/graphql", json={"query": CLICKS}, headers={"host": host})
    assert (response.status_code, codes(response)) == (421, ["UNKNOWN_HOST"])
    assert not desk.asked


def test_other_names_are_a_setting_and_any_will_do_beyond_loopback(start: Start) -> None:
    named = start(allowed_hosts="metrics.example, other.example")
    for host, status in (("METRICS.example:443", 200), ("evil.example", 421)):
        assert named.post("/graphql", json={"query": CLICKS}, headers={"host": host}).status_code == status
    open_ = start(host="0.0.0.0")  # noqa: S104 - nothing listens in a test
    assert open_.post("/graphql", json={"query": CLICKS}, headers={"host": "any.example"}).status_code == 200


def test_pages_of_other_origins_read_answers_only_where_that_is_set(start: Start) -> None:
    preflight = {
        "origin": "https://dash.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type, x-api-key",
    }
    allowed = "access-control-allow-origin"
    client = start(allowed_origins="https://Dash.example:443")
    response = client.options("/graphql", headers=preflight)
    assert (response.status_code, response.headers[allowed]) == (200, "https://dash.example")
    answer = client.post("/graphql", json={"query": CLICKS}, headers={"origin": "https://dash.example"})
    assert answer.headers[allowed] == "https://dash.example"
    assert "ETag" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("more", [{}, {"allowed_origins": "https://dash.example"}])
def test_a_page_of_another_origin_is_told_which_setting_would_let_it_in(
    start: Start, more: dict[str, str]
) -> None:
    preflight = {"origin": "https://other.example", "access-control-request-method": "POST"}
    for path in ("/graphql", "/v1/metrics"):
        refused = start(**more).options(path, headers=preflight)
        assert (refused.status_code, codes(refused)) == (403, ["UNKNOWN_ORIGIN"])
        assert "access-control-allow-origin" not in refused.headers
        (error,) = refused.json()["errors"]
        assert "https://other.example" in error["message"]
        assert "TIDEMARK_ALLOWED_ORIGINS" in error["message"]


def test_options_that_no_page_asks_is_refused_as_any_other_method(start: Start) -> None:
    client = start()
    assert client.options("/graphql").status_code == 405
    assert client.options("/graphql", headers={"origin": "http://localhost"}).status_code == 405


def test_a_browser_gets_the_explorer_and_only_when_it_asks_for_nothing_else(start: Start) -> None:
    client = start()
    assert "explorer" in client.get("/graphql", headers={"accept": "text/html,*/*;q=0.8"}).text
    assert client.get("/graphql").status_code == 400
    assert get(client, {"accept": "text/html,*/*;q=0.8"}, id="Known").json()["data"]
