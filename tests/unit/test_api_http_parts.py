"""The parts of the HTTP front by themselves: the registry's bounds, the allow-list, events, hang-ups."""

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.api import persisted
from tidemark.api.call import Call
from tidemark.api.events import EventStream
from tidemark.api.negotiation import accept_of
from tidemark.api.persisted import AllowList, Operations
from tidemark.api.reply import Refusal
from tidemark.hangup import CancelOnHangUp
from tidemark.settings import Settings

SCOPE = {"type": "http"}


def call(text: str | None, sha256: str | None = None) -> Call:
    return Call(query=text, variables=None, operation_name=None, sha256=sha256, id=None)


def register(operations: Operations, text: str) -> Call:
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    operations.document(call(text, sha256), may_bring_text=True)
    return call(None, sha256)


def is_known(operations: Operations, asked: Call) -> bool:
    try:
        operations.document(asked, may_bring_text=False)
    except Refusal:
        return False
    return True


@pytest.mark.parametrize(("number", "size"), [(3, 1_000_000), (1_000, 54)])
def test_the_text_used_least_recently_goes_when_there_are_too_many_or_too_much(
    monkeypatch: pytest.MonkeyPatch, number: int, size: int
) -> None:
    monkeypatch.setattr(persisted, "MAX_REGISTERED", number)
    monkeypatch.setattr(persisted, "MAX_REGISTERED_BYTES", size)
    operations = Operations(AllowList({}), only=False)
    # 18 bytes each
    first, second, third = (register(operations, f"{{ text{n} ääää }}") for n in range(3))
    assert is_known(operations, first)
    fourth = register(operations, "{ text3 ääää }")
    assert not is_known(operations, second)
    assert is_known(operations, third)
    assert is_known(operations, first)
    assert is_known(operations, fourth)


def test_a_text_that_is_registered_again_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persisted, "MAX_REGISTERED_BYTES", 20)
    operations = Operations(AllowList({}), only=False)
    other = register(operations, "{ b }")
    for _ in range(10):
        again = register(operations, "{ a }")
    assert is_known(operations, again)
    assert is_known(operations, other)


def test_the_committed_operations_are_an_allow_list() -> None:
    documents = AllowList.load(Settings().operations).documents
    assert {"Campaigns", "LiveClicks"} <= set(documents)
    for text in set(documents.values()):
        assert documents[hashlib.sha256(text.encode()).hexdigest()] == text


@pytest.mark.parametrize(("count", "says"), [(0, "names."), (2, "names: Op0, Op1."), (21, "names.")])
def test_an_unknown_id_is_answered_with_the_names_there_are_if_they_are_few(
    tmp_path: Path, count: int, says: str
) -> None:
    for number in range(count):
        (tmp_path / f"{number}.graphql").write_text(f"query Op{number} {{ __typename }}")
    operations = Operations(AllowList.load(tmp_path), only=False)
    asked = Call(query=None, variables=None, operation_name=None, sha256=None, id="Other")
    with pytest.raises(Refusal, match=re.escape(f"operation {says}")):
        operations.document(asked, may_bring_text=False)


def test_two_files_with_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.graphql").write_text(f"# {name}\nquery Same {{ __typename }}")
    with pytest.raises(ValueError, match=r"b\.graphql has an operation Same"):
        AllowList.load(tmp_path)


async def _sent(stream: EventStream, until: bytes | None = None) -> list[bytes]:
    bodies: list[bytes] = []
    enough = asyncio.Event()

    async def send(message: Any) -> None:
        bodies.append(message.get("body", b""))
        if bodies[-1] == until:
            enough.set()

    async def receive() -> Any:
        raise AssertionError("nobody asks for the body")

    task = asyncio.create_task(stream(SCOPE, receive, send))
    if until is not None:
        await enough.wait()
        task.cancel()
    await asyncio.wait({task})
    return bodies


def test_a_silent_stream_is_kept_alive_and_cancelling_it_closes_its_source() -> None:
    closed = []

    async def silent() -> AsyncGenerator[str, None]:
        try:
            yield "first"
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    stream = EventStream(silent(), str.encode, {}, keep_alive_seconds=0.001)
    bodies = asyncio.run(_sent(stream, until=b":\n\n"))
    assert bodies[:2] == [b"", b"event: next\ndata: first\n\n"]
    assert closed == [True]


def test_the_next_result_is_made_only_after_the_last_was_taken() -> None:
    made: list[int] = []

    async def numbers() -> AsyncGenerator[int, None]:
        for number in range(3):
            made.append(number)
            yield number

    async def run() -> None:
        taken = asyncio.Event()

        async def send(message: Any) -> None:
            if b"next" in message.get("body", b""):
                await taken.wait()

        async def receive() -> Any:
            raise AssertionError("nobody asks for the body")

        task = asyncio.create_task(EventStream(numbers(), lambda n: b"%d" % n, {})(SCOPE, receive, send))
        for _ in range(50):
            await asyncio.sleep(0)
        assert made == [0]
        taken.set()
        await task
        assert made == [0, 1, 2]

    asyncio.run(run())


class _Client:
    """Sends a body in two parts, and hangs up when it is told to."""

    def __init__(self) -> None:
        self._parts = [b"a", b"b"]
        self.hang_up = asyncio.Event()

    async def receive(self) -> Any:
        if self._parts:
            return {"type": "http.request", "body": self._parts.pop(0), "more_body": bool(self._parts)}
        await self.hang_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Take it."""


def test_a_hang_up_cancels_the_request_and_nothing_around_it() -> None:
    seen: list[str] = []

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        seen.extend([(await receive())["body"].decode() for _ in range(2)])
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def run() -> None:
        client = _Client()
        asyncio.get_running_loop().call_later(0.01, client.hang_up.set)
        await CancelOnHangUp(app)(SCOPE, client.receive, client.send)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0)

    asyncio.run(run())
    assert seen == ["a", "b", "cancelled"]


def test_a_cancellation_from_elsewhere_is_not_swallowed() -> None:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        await asyncio.Event().wait()

    async def run() -> None:
        client = _Client()
        task = asyncio.create_task(CancelOnHangUp(app)(SCOPE, client.receive, client.send))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    asyncio.run(run())


def test_an_application_that_waits_for_more_learns_of_the_hang_up_after_its_answer() -> None:
    heard: list[str] = []

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        for _ in range(2):
            await receive()
        try:
            heard.append((await receive())["type"])
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise

    async def run() -> None:
        client = _Client()
        client.hang_up.set()
        await CancelOnHangUp(app)(SCOPE, client.receive, client.send)

    asyncio.run(run())
    assert heard[0] in ("http.disconnect", "cancelled")


def test_names_in_settings_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_ALLOWED_ORIGINS", "https://a.example, https://b.example:8443,")
    assert Settings().allowed_origins == ("https://a.example", "https://b.example:8443")
    assert Settings().allowed_hosts == ()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)
_NAMES = [
    "query",
    "variables",
    "operationName",
    "extensions",
    "id",
    "operationId",
    "persistedQuery",
    "version",
]


@given(
    st.dictionaries(st.sampled_from(_NAMES), _JSON | st.dictionaries(st.sampled_from(_NAMES), _JSON)) | _JSON
)
def test_whatever_a_body_holds_is_a_call_or_a_refusal(parameters: object) -> None:
    with suppress(Refusal):
        assert isinstance(Call.of(parameters), Call)


@given(st.text(alphabet="application/json*;q=0.5, texvnr-+x\t", max_size=80) | st.text(max_size=40))
def test_whatever_an_accept_header_says_means_something(header: str) -> None:
    accept = accept_of(header)
    assert accept.result in (None, "application/json", "application/graphql-response+json")
    assert accept.events in (True, False)
    assert all(0 <= quality <= 1 for quality in accept.qualities.values())
