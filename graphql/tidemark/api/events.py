"""Server-sent events: the protocol of graphql-sse, one connection an operation ("distinct connections mode").

``event: next`` holds a result, ``event: complete`` ends it; a comment comes where nothing else does, so that
nobody on the way takes the connection for dead.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.types import Receive, Scope, Send

KEEP_ALIVE_SECONDS: Final = 15.0
_HEADERS: Final = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",  # nginx would hold events back
}


class EventStream:
    """A response that sends each result once the one before was taken.

    The next result is asked for only after the server took the last one, and the server takes none while the
    client's buffer is full: for a slow client they wait where they are made, and it finds the newest.
    Cancelling the response closes ``results`` at once.
    """

    def __init__(
        self,
        results: AsyncGenerator[Any, None],
        encode: Callable[[Any], bytes],
        headers: Mapping[str, str],
        keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
    ) -> None:
        self._results = results
        self._encode = encode
        self._keep_alive_seconds = keep_alive_seconds
        self._headers = MutableHeaders({**_HEADERS, **headers})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send until the results end."""
        async with aclosing(self._results) as results:
            await send({"type": "http.response.start", "status": 200, "headers": self._headers.raw})
            keeping = asyncio.create_task(self._keep_alive(send))
            try:
                async for result in results:
                    await _send(send, b"event: next\ndata: " + self._encode(result) + b"\n\n")
            finally:
                keeping.cancel()
                with suppress(asyncio.CancelledError):
                    await keeping
            # browsers leave out events without data
            await _send(send, b"event: complete\ndata: \n\n", more=False)

    async def _keep_alive(self, send: Send) -> None:
        while True:
            await asyncio.sleep(self._keep_alive_seconds)
            await _send(send, b":\n\n")


async def _send(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})
