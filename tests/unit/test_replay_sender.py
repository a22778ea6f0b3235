import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from tidemark.ingest.replay.batch import Batch, batch_of
from tidemark.ingest.replay.event import Event
from tidemark.ingest.replay.sender import (
    Answer,
    DeliveryError,
    Notice,
    Refusal,
    Sender,
    collector_client,
    deliver,
    is_loopback,
)

URL = "http://127.0.0.1:8601"
Handler = Callable[[httpx.Request], httpx.Response]


def batch(count: int, *, first: int = 0) -> Batch:
    return batch_of(
        (n, Event(event_id=str(n), event="click", event_time=n, original_time=n))
        for n in range(first, first + count)
    )


def lines(request: httpx.Request) -> list[bytes]:
    return request.content.split(b"\n")


def accepting(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"accepted": len(lines(request)), "rejected": []})


class Outcome:
    """What a sender did: its answer or its error, its notices, and how long it waited each time."""

    def __init__(self, handler: Handler, to_send: Batch, patience: float = 120.0) -> None:
        self.notices: list[Notice] = []
        self.waits: list[float] = []
        self.answer: Answer | None = None
        self.error = ""
        self.now = 0.0
        asyncio.run(self._send(handler, to_send, patience))

    async def _send(self, handler: Handler, to_send: Batch, patience: float) -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
            sender = Sender(
                client,
                URL,
                notify=self.notices.append,
                patience=patience,
                sleep=self._sleep,
                clock=lambda: self.now,
            )
            try:
                self.answer = await sender.send(to_send)
            except DeliveryError as error:
                self.error = str(error)
            self.retries = sender.retries

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def after(failures: int, failing: Handler, then: Handler = accepting) -> Handler:
    left = [failures]

    def handle(request: httpx.Request) -> httpx.Response:
        if left[0]:
            left[0] -= 1
            return failing(request)
        return then(request)

    return handle


def broken(error: type[httpx.TransportError]) -> Handler:
    def handle(request: httpx.Request) -> httpx.Response:
        raise error("gone", request=request)

    return handle


def answering(status: int, **headers: str) -> Handler:
    return lambda _request: httpx.Response(status, headers=headers, text="no")


def test_a_batch_goes_to_the_collectors_own_door_as_ndjson() -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return accepting(request)

    outcome = Outcome(handle, batch(3))
    assert outcome.answer == Answer(3)
    assert str(seen[0].url) == f"{URL}/v1/events"
    assert seen[0].headers["content-type"] == "application/x-ndjson"
    assert not outcome.notices


@pytest.mark.parametrize("status", [200, 400])
def test_refused_events_come_back_with_their_reasons(status: int) -> None:
    rejected = [{"index": 1, "field": "quantity", "reason": "must not be 0"}]

    def handle(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json={"accepted": 1, "rejected": rejected})

    assert Outcome(handle, batch(2)).answer == Answer(1, (Refusal(1, "quantity", "must not be 0"),))


@pytest.mark.parametrize(
    ("failing", "problem"),
    [
        (answering(503), "it answered 503"),
        (answering(500), "it answered 500"),
        (answering(429), "it answered 429"),
        (broken(httpx.ConnectError), "no connection"),
        (broken(httpx.ReadTimeout), "no answer in time"),
        (broken(httpx.RemoteProtocolError), "the connection broke"),
    ],
)
def test_a_collector_that_is_away_is_asked_again_and_two_lines_say_so(failing: Handler, problem: str) -> None:
    outcome = Outcome(after(4, failing), batch(2))
    assert outcome.answer == Answer(2)
    assert outcome.waits == [0.1, 0.2, 0.4, 0.8]
    assert outcome.retries == 4
    away, back = outcome.notices
    assert (away.text, away.good) == (
        f"The collector at {URL} takes no events ({problem}); trying again for up to 120 s.",
        False,
    )
    assert (back.text, back.good) == ("The collector takes events again, after 1.5 s.", True)


def test_a_collector_that_says_when_to_come_back_is_not_asked_before() -> None:
    headers = {"Retry-After": "5"}
    assert Outcome(after(1, lambda _: httpx.Response(503, headers=headers)), batch(1)).waits == [5.0]


def test_a_collector_that_stays_away_is_given_up_with_one_sentence() -> None:
    outcome = Outcome(broken(httpx.ConnectError), batch(1), patience=60)
    assert outcome.error == (
        f"The collector at {URL} took no events for 60 s (no connection); "
        "see `tidemark status`, then run the command again."
    )
    assert 60 <= outcome.now < 64
    assert len(outcome.notices) == 1


def test_a_batch_that_is_too_large_is_sent_in_parts_and_refusals_keep_their_places() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if len(lines(request)) > 2:
            return httpx.Response(413, text="too large")
        at = [n for n, line in enumerate(lines(request)) if b'"event_id":"3"' in line]
        rejected = [{"index": n, "field": "ad_id", "reason": "bad"} for n in at]
        return httpx.Response(200, json={"accepted": len(lines(request)) - len(at), "rejected": rejected})

    assert Outcome(handle, batch(5)).answer == Answer(4, (Refusal(3, "ad_id", "bad"),))


def test_one_event_that_is_too_large_is_refused_and_the_others_are_not() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if b'"event_id":"1"' in request.content:
            return httpx.Response(413, text="an event is at most 32 kB")
        return accepting(request)

    answer = Outcome(handle, batch(3)).answer
    assert answer
    assert answer.accepted == 2
    assert answer.rejected[0].index == 1
    assert "an event is at most 32 kB" in answer.rejected[0].reason


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (answering(404), f"{URL} answered 404 to 2 events: is it the address of a collector?"),
        (answering(400), f"{URL} answered 400, but not as a collector does"),
        (answering(200), f"{URL} answered 200, but not as a collector does"),
        (
            lambda _: httpx.Response(200, json={"accepted": 1, "rejected": []}),
            f"{URL} answered for 1 of 2 events: what became of the others is not known.",
        ),
    ],
)
def test_what_does_not_answer_as_a_collector_ends_the_command(handler: Handler, message: str) -> None:
    assert Outcome(handler, batch(2)).error.startswith(message)


def delivered(handler: Callable[[httpx.Request], object], count: int, connections: int) -> list[int]:
    """Delivers batches of one event; returns their numbers in the order of their answers."""
    answered: list[int] = []

    async def produce() -> AsyncIterator[Batch]:
        for number in range(count):
            yield batch(1, first=number)

    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:  # type: ignore[arg-type]
            sender = Sender(client, URL, notify=lambda _: None)
            await deliver(
                produce(),
                sender,
                answered=lambda sent, _: answered.append(sent.numbers[0]),
                connections=connections,
            )

    asyncio.run(run())
    return answered


def test_all_batches_are_delivered_and_several_are_on_their_way_at_once() -> None:
    on_their_way, most = 0, 0

    async def handle(request: httpx.Request) -> httpx.Response:
        nonlocal on_their_way, most
        on_their_way += 1
        most = max(most, on_their_way)
        await asyncio.sleep(0)
        on_their_way -= 1
        return accepting(request)

    assert sorted(delivered(handle, 20, 3)) == list(range(20))
    assert most == 3


def test_a_delivery_that_fails_ends_with_its_own_error() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404) if b'"7"' in request.content else accepting(request)

    with pytest.raises(DeliveryError, match="answered 404"):
        delivered(handle, 20, 3)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8601", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("https://collector.example", False),
    ],
)
def test_an_address_of_this_machine_is_recognised(url: str, *, expected: bool) -> None:
    assert is_loopback(url) is expected


@pytest.mark.parametrize("url", ["", "foo", "ftp://x", "http://", "127.0.0.1:8601"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(DeliveryError, match="is no address of a server"):
        collector_client(url)
