"""An ASGI application behind an ordinary `httpx.Client`, without a server, a port or a thread."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager

import httpx
from starlette.types import ASGIApp


class _Body(httpx.AsyncByteStream):
    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._stream:
            yield part


def _parts(request: httpx.Request) -> Iterable[bytes]:
    if not isinstance(request.stream, httpx.SyncByteStream):
        raise TypeError("an ordinary client sends ordinary streams")
    return request.stream


class _Transport(httpx.BaseTransport):
    def __init__(self, app: ASGIApp, runner: asyncio.Runner) -> None:
        self._inner, self._runner = httpx.ASGITransport(app), runner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._runner.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        asked = httpx.Request(
            request.method, request.url, headers=request.headers, stream=_Body(_parts(request))
        )
        response = await self._inner.handle_async_request(asked)
        return httpx.Response(response.status_code, headers=response.headers, content=await response.aread())


@contextmanager
def client_of(app: ASGIApp) -> Iterator[httpx.Client]:
    """A client whose every request, to whatever host, is answered by ``app``."""
    with asyncio.Runner() as runner:
        client = httpx.Client(transport=_Transport(app, runner), base_url="http://localhost")
        yield client
        client.close()
