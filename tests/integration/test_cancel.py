"""Queries end in the engine when nobody waits for them any longer, and at their time-out."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

import pytest
from websockets.sync.client import connect

from whole import ASK, FOLLOW, Whole, heavy, until, whole

PATIENT, HASTY = "patient", "hasty"
GONE_SECONDS = 2.0


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    settings = {PATIENT: {"limits": {"timeout_seconds": 60}}, HASTY: {"limits": {"timeout_seconds": 1}}}
    with whole(tmp_path_factory.mktemp("cancel"), settings) as running:
        yield running


@contextmanager
def sent(
    services: Whole, request: str, body: str = "", accept: str = "application/json"
) -> Iterator[socket.socket]:
    """A connection on which this was sent, closed without a word."""
    head = f"{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\nAccept: {accept}\r\n"
    with socket.create_connection(("127.0.0.1", services.ports[PATIENT]), timeout=10) as connection:
        connection.sendall(f"{head}Content-Type: application/json\r\n\r\n{body}".encode())
        yield connection


def graphql(services: Whole, document: str, word: str) -> str:
    return json.dumps({"query": document, "variables": {"query": heavy(services.range, word)}})


def seen(services: Whole, queries: int = 1) -> None:
    until(lambda: services.running() == queries, within=10)


def gone(services: Whole, what: str) -> None:
    seconds = until(lambda: services.running() == 0, within=GONE_SECONDS)
    print(f"{what}: gone from the engine's list {seconds:.2f} s after the client was")


def test_a_question_whose_client_hangs_up_is_gone_from_the_engines_list(services: Whole) -> None:
    with sent(services, "POST /graphql", graphql(services, ASK, "question")):
        seen(services)
    gone(services, "POST /graphql")


def test_a_question_of_the_plain_door_ends_likewise(services: Whole) -> None:
    values = ",".join(f"door{number}" for number in range(400))
    words = {"metrics": "reach", "where": f"campaign*={values}", **services.range}
    with sent(services, f"GET /v1/metrics?{urlencode(words)}"):
        seen(services)
    gone(services, "GET /v1/metrics")


def test_a_subscription_by_events_ends_likewise(services: Whole) -> None:
    with sent(services, "POST /graphql", graphql(services, FOLLOW, "events"), "text/event-stream"):
        seen(services)
    gone(services, "a stream of events")


def test_a_subscription_over_a_socket_ends_likewise(services: Whole) -> None:
    url = services.url(PATIENT).replace("http", "ws")
    with connect(url, subprotocols=["graphql-transport-ws"], compression=None) as connection:  # type: ignore[list-item]
        connection.send(json.dumps({"type": "connection_init"}))
        assert json.loads(connection.recv(10)) == {"type": "connection_ack"}
        payload = json.loads(graphql(services, FOLLOW, "socket"))
        connection.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        seen(services)
        connection.socket.close()
        gone(services, "a WebSocket")


def test_a_query_goes_on_while_somebody_still_waits_for_the_same(services: Whole) -> None:
    body = graphql(services, ASK, "both")
    with sent(services, "POST /graphql", body):
        with sent(services, "POST /graphql", body):
            seen(services)
            until(lambda: services.counter(PATIENT, "tidemark_queries_under_way") == 1, within=2)
        time.sleep(GONE_SECONDS / 2)  # in which it would end, if it did
        assert services.running() == 1
    gone(services, "the last of two")


def test_a_query_is_gone_from_the_engines_list_after_its_time_out_and_its_client_knows(
    services: Whole,
) -> None:
    told = []
    question = heavy(services.range, "hasty")
    thread = threading.Thread(target=lambda: told.append(services.refused(HASTY, question)))
    thread.start()
    start = time.monotonic()
    seen(services)
    until(lambda: services.running() == 0, within=1 + GONE_SECONDS)
    print(
        f"gone from the engine's list {time.monotonic() - start:.2f} s after it was asked, with 1 s allowed"
    )
    thread.join()
    assert told[0]["code"] == "QUERY_TIMEOUT"
    assert told[0]["limit"] == 1
