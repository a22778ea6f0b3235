"""A question is worked on only while somebody waits for its answer."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from starlette.types import Message, Receive

from tidemark.doors.presence import while_waiting


def client(*, leaves: asyncio.Event) -> Receive:
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await leaves.wait()
        return {"type": "http.disconnect"}

    return receive


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_a_client_that_hangs_up_ends_the_work() -> None:
    async def scene() -> None:
        leaves, ended = asyncio.Event(), asyncio.Event()

        async def work() -> str:
            leaves.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            return "never"

        assert await while_waiting(client(leaves=leaves), work()) is None
        assert ended.is_set()

    run(scene())


def test_a_client_that_waits_gets_the_result_or_what_was_raised() -> None:
    async def scene() -> None:
        async def work() -> str:
            return "answer"

        async def failing() -> str:
            raise ValueError("no")

        assert await while_waiting(client(leaves=asyncio.Event()), work()) == "answer"
        with pytest.raises(ValueError, match="no"):
            await while_waiting(client(leaves=asyncio.Event()), failing())

    run(scene())
