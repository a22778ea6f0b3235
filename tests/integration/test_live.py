"""Subscriptions and hang-ups over real sockets: the front under Uvicorn, on a desk that tests change."""

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from fake_desk import FakeDesk, constant
from front_server import Served, serving
from tidemark.api import sockets
from tidemark.query.errors import Code, QueryError
from tidemark.settings import Settings

LIVE = """subscription Live($more: [Dimension!]! = []) {
  metrics(query: {metrics: [CLICKS], dimensions: $more, range: {lastSeconds: 60}}, minIntervalMs: 100) {
    columns { name values }
  }
}"""
ASK = "{ metrics(query: {metrics: [CLICKS], range: {lastSeconds: 60}}) { columns { name values } } }"
PADDED = 400_000  # bytes of a frame that is to fill buffers
INIT = {"type": "connection_init"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "live.graphql").write_text(LIVE)
    settings = Settings(home=tmp_path, operations=tmp_path, allowed_origins=("https://dash.example",))
    with serving(FakeDesk(constant(1)), settings) as running:
        yield running


def until(what: Callable[[], bool], within: float = 10) -> None:
    end = time.monotonic() + within
    while not what():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def clicks(result: dict[str, Any]) -> int:
    found: int = result["data"]["metrics"]["columns"][-1]["values"][0]
    return found


# events


@contextmanager
def raw(served: Served, request: str, body: str = "") -> Iterator[socket.socket]:
    """A connection on which this was sent."""
    head = f"{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(
            f"{head}Content-Type: application/json\r\nAccept: text/event-stream\r\n\r\n{body}".encode()
        )
        yield connection


def follow(served: Served, variables: dict[str, object] | None = None) -> Any:
    return raw(served, f"GET /graphql?id=Live&variables={quote(json.dumps(variables or {}))}")


def events(connection: socket.socket) -> Iterator[tuple[str, str]]:
    """The stream's events, by name and data."""
    text = ""
    while part := connection.recv(65_536):
        text += part.decode()
        for found in re.finditer(r"event: (\w+)\ndata: (.*)\n\n", text):
            yield found[1], found[2]
        text = text[text.rfind("\n\n") + 2 :] if "\n\n" in text else text


def test_events_begin_with_the_frame_that_is_and_go_on_with_each_new_one(served: Served) -> None:
    with follow(served) as connection:
        stream = events(connection)
        name, data = next(stream)
        assert (name, clicks(json.loads(data))) == ("next", 1)
        for number in (2, 3):
            served.publish(constant(number))
            assert clicks(json.loads(next(stream)[1])) == number


def test_a_query_is_one_event_and_an_end(served: Served) -> None:
    with raw(served, "POST /graphql", json.dumps({"query": ASK})) as connection:
        stream = events(connection)
        assert clicks(json.loads(next(stream)[1])) == 1
        assert next(stream) == ("complete", "")


def test_a_refused_subscription_says_why_and_ends(served: Served) -> None:
    served.desk.failure = QueryError(Code.TOO_MANY_ROWS, "Too many.")
    with follow(served) as connection:
        stream = events(connection)
        (error,) = json.loads(next(stream)[1])["errors"]
        assert error["extensions"]["code"] == "TOO_MANY_ROWS"
        assert next(stream) == ("complete", "")


def test_a_follower_that_hangs_up_ends_its_watch_at_once(served: Served) -> None:
    with follow(served) as connection:
        next(events(connection))
        assert served.desk.watching == 1
    until(lambda: served.desk.watching == 0, within=2)


def test_a_follower_that_does_not_read_finds_the_newest_frame_and_no_backlog(served: Served) -> None:
    served.desk.columns = constant(1, PADDED)
    with follow(served, {"more": ["AD"]}) as connection:
        until(lambda: served.desk.yielded > 0)
        for number in range(2, 202):
            served.publish(constant(number, PADDED))
            time.sleep(0.005)  # time to send each, were anybody reading
        taken = served.desk.yielded
        assert taken < 40, "frames pile up in the server"
        seen = []
        for _, data in events(connection):
            seen.append(clicks(json.loads(data)))
            if seen[-1] == 201:
                break
        assert len(seen) <= taken + 1
        assert seen == sorted(set(seen))


# hang-ups


def test_a_client_that_hangs_up_ends_its_question(served: Served) -> None:
    served.desk.held = True
    with raw(served, "POST /graphql", json.dumps({"query": ASK})):
        until(lambda: served.desk.waiting == 1)
    until(lambda: served.desk.waiting == 0, within=2)
    with raw(served, "POST /graphql", json.dumps({"query": ASK})) as connection:
        until(lambda: served.desk.waiting == 1)
        served.desk.held = False
        served.publish(constant(5))
        assert clicks(json.loads(next(events(connection))[1])) == 5


def test_a_client_that_hangs_up_within_its_body_asks_nothing(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{")
    with raw(served, "POST /graphql", json.dumps({"query": ASK})) as connection:
        next(events(connection))
    assert len(served.desk.asked) == 1


def test_connections_that_are_kept_answer_one_request_after_another(served: Served) -> None:
    body = json.dumps({"query": ASK})
    request = (
        f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: application/json\r\n\r\n{body}"
    ).encode()
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(request * 3)
        got = b""
        while got.count(b'"values":[1]') < 3:
            got += connection.recv(65_536)
    assert len(served.desk.asked) == 3


# WebSockets


def opened(served: Served, **more: Any) -> ClientConnection:
    given = {"subprotocols": ["graphql-transport-ws"], **more}
    connection: ClientConnection = connect(
        served.url.replace("http", "ws"), compression=None, max_size=None, **given
    )
    return connection


def say(connection: ClientConnection, **message: object) -> None:
    connection.send(json.dumps(message))


def hear(connection: ClientConnection) -> dict[str, Any]:
    text = connection.recv(timeout=10)
    assert isinstance(text, str), "a frame of bytes"
    heard: dict[str, Any] = json.loads(text)
    return heard


@contextmanager
def greeted(served: Served, **more: Any) -> Iterator[ClientConnection]:
    """A socket whose server knows who asks."""
    with opened(served, **more) as connection:
        say(connection, **INIT)
        assert hear(connection) == {"type": "connection_ack"}
        yield connection


def subscribe(connection: ClientConnection, id_: str = "1", **payload: object) -> None:
    say(connection, type="subscribe", id=id_, payload=payload or {"query": LIVE})


def test_a_socket_hears_the_frame_that_is_and_each_new_one_until_it_has_enough(served: Served) -> None:
    with greeted(served) as connection:
        subscribe(connection)
        assert clicks(hear(connection)["payload"]) == 1
        served.publish(constant(2))
        assert clicks(hear(connection)["payload"]) == 2
        say(connection, type="complete", id="1")
        until(lambda: served.desk.watching == 0)
        subscribe(connection, query=ASK)
        assert hear(connection)["type"] == "next"
        assert hear(connection) == {"id": "1", "type": "complete"}


def test_a_socket_that_is_gone_ends_all_that_it_followed(served: Served) -> None:
    with greeted(served) as connection:
        for number in range(5):
            subscribe(connection, str(number))
        until(lambda: served.desk.watching == 5)
    until(lambda: served.desk.watching == 0, within=2)


def test_those_who_hang_up_with_their_buffers_full_end_their_watch_too(served: Served) -> None:
    served.desk.columns = constant(1, PADDED)
    with greeted(served, max_queue=1) as connection, follow(served, {"more": ["AD"]}):
        subscribe(connection, query=LIVE, variables={"more": ["AD"]})
        until(lambda: served.desk.watching == 2)
        number = 1
        while served.desk.yielded > 2 * number - 40:  # until both are full
            number += 1
            served.publish(constant(number, PADDED))
            time.sleep(0.005)
        connection.socket.close()
    until(lambda: served.desk.watching == 0, within=5)


def test_a_socket_that_is_not_read_finds_the_newest_frame_and_no_backlog(served: Served) -> None:
    served.desk.columns = constant(1, PADDED)
    with greeted(served, max_queue=1) as connection:
        subscribe(connection, query=LIVE, variables={"more": ["AD"]})
        until(lambda: served.desk.yielded > 0)
        for number in range(2, 202):
            served.publish(constant(number, PADDED))
            time.sleep(0.005)
        taken = served.desk.yielded
        assert taken < 40, "frames pile up in the server"
        seen = [0]
        while seen[-1] != 201:
            seen.append(clicks(hear(connection)["payload"]))
        assert len(seen) <= taken + 2


def test_a_socket_may_name_what_it_asks_and_learns_what_is_wrong(served: Served) -> None:
    with greeted(served) as connection:
        subscribe(connection, id="Live")
        assert clicks(hear(connection)["payload"]) == 1
        for payload, code in (
            ({"id": "Unknown"}, "PERSISTED_QUERY_NOT_FOUND"),
            ({"query": "{ nothing }"}, "GRAPHQL_INVALID"),
            ({"query": ASK, "variables": 5}, "BAD_REQUEST"),
        ):
            subscribe(connection, "2", **payload)
            heard = hear(connection)
            assert (heard["type"], heard["id"]) == ("error", "2")
            assert heard["payload"][0]["extensions"]["code"] == code


def test_a_refusal_over_a_socket_has_its_code(served: Served) -> None:
    served.desk.failure = QueryError(Code.TOO_MANY_ROWS, "Too many.")
    with greeted(served) as connection:
        subscribe(connection, query=ASK)
        (error,) = hear(connection)["payload"]["errors"]
        assert error["extensions"]["code"] == "TOO_MANY_ROWS"


def test_only_the_allow_list_is_answered_over_sockets_where_that_is_set(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, persisted_only=True)
    with serving(FakeDesk(constant(1)), settings) as only, greeted(only) as connection:
        subscribe(connection, "1", query=ASK)
        assert hear(connection)["payload"][0]["extensions"]["code"] == "NOT_PERSISTED"
        subscribe(connection, "1", id="LiveClicks", variables={"campaigns": ["summer"]})
        assert clicks(hear(connection)["payload"]) == 1


@pytest.mark.parametrize(
    "message",
    [
        "5", "[]", "null", "{", '{"type": 5}', '{"type": "subscribe"}', '{"type": "subscribe", "id": []}',
        '{"type": "subscribe", "id": "1"}', '{"type": "complete", "id": {}}', '{"type": "nothing"}', b"bytes",
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ \\n\\u00e4\\u00e4 %s"}}' % ("ä" * 200),
        "[" * 50_000,
    ],
)  # fmt: skip
def test_a_message_that_is_none_closes_the_socket_and_harms_nobody(
    served: Served, message: str | bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with greeted(served) as connection, greeted(served) as other:
        connection.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            hear(connection)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4400
        subscribe(other, query=ASK)
        assert hear(other)["type"] == "next"
    assert "Traceback" not in capfd.readouterr().err


def test_a_socket_says_who_asks(served: Served) -> None:
    with opened(served) as connection:
        say(connection, type="connection_init", payload={"Authorization": "Bearer secret"})
        assert hear(connection) == {"type": "connection_ack"}
        subscribe(connection, query=ASK)
        hear(connection)
    with greeted(served, additional_headers={"x-api-key": "secret"}) as connection:
        subscribe(connection, query=ASK)
        hear(connection)
    assert len(set(served.desk.callers)) == 1
    assert served.desk.callers[0].id.startswith("key:")


def test_a_socket_that_asks_before_it_greets_is_closed(served: Served) -> None:
    for payload in ({"query": ASK}, {"id": "Unknown"}):
        with opened(served) as connection:
            subscribe(connection, **payload)
            with pytest.raises(ConnectionClosed, match="4401"):
                hear(connection)


def test_a_socket_of_another_protocol_is_closed_with_the_name_of_ours(served: Served) -> None:
    with opened(served, subprotocols=None) as connection, pytest.raises(ConnectionClosed, match="4406"):
        hear(connection)


def test_pages_may_open_sockets_from_here_and_from_allowed_origins_only(served: Served) -> None:
    for origin in (f"http://127.0.0.1:{served.port}", "https://dash.example"):
        with greeted(served, origin=origin):
            pass
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        with pytest.raises(InvalidStatus, match="403") as refused:
            opened(served, origin=origin)
        assert f"Pages of {origin} may not ask" in refused.value.response.body.decode()
    with pytest.raises(InvalidStatus, match="403"):
        opened(served, additional_headers={"host": "evil.example"}, origin="http://evil.example")


def test_a_socket_follows_a_bounded_number_of_operations_at_once(served: Served) -> None:
    with greeted(served) as connection:
        for number in range(51):
            subscribe(connection, str(number))
        heard = [hear(connection) for _ in range(51)]
        (refused,) = [one for one in heard if one["type"] == "error"]
        assert refused["payload"][0]["extensions"] == {"code": "TOO_MANY_QUERIES", "limit": 50}


def test_a_socket_that_says_nothing_is_closed(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "INIT_SECONDS", 0.05)
    with opened(served) as connection, pytest.raises(ConnectionClosed, match="4408"):
        hear(connection)
