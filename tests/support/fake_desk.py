"""A desk whose one number the test changes, and a server that asks it."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

import uvicorn
from fastapi import FastAPI

from stub_desk import answer_of, column, frame_of
from tidemark.api.schema import Schema, build_schema
from tidemark.desk.allowance import Allowance
from tidemark.freshness import Freshness
from tidemark.front import SERVER_OPTIONS, add_graphql, protect
from tidemark.query.caller import Caller
from tidemark.query.catalogue import Dimension, load
from tidemark.query.frame import Answer, ColumnKind
from tidemark.query.limits import DEFAULT_LIMITS
from tidemark.query.request import Request
from tidemark.settings import Settings


@dataclass
class FakeDesk:
    """Answers each question with one row whose every metric is ``clicks``, or raises ``failure``.

    ``padding`` bytes of text make a frame as large as a test wants it. Questions wait while ``held``.
    """

    clicks: int = 1
    failure: Exception | None = None
    padding: int = 0
    held: bool = False
    callers: list[Caller] = field(default_factory=list)
    asked: int = 0
    yielded: list[int] = field(default_factory=list)
    watching: int = 0
    waiting: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def publish(self, clicks: int) -> None:
        """Change the number; on the server's thread."""
        self.clicks = clicks
        self._changed.set()
        self._changed = asyncio.Event()

    async def ask(self, request: Request, caller: Caller) -> Answer:
        """The number now."""
        self.asked += 1
        self.callers.append(caller)
        if self.failure:
            raise self.failure
        self.waiting += 1
        try:
            while self.held:
                await self._changed.wait()
        finally:
            self.waiting -= 1
        return self._answer(request)

    async def watch(self, request: Request, caller: Caller, min_interval_ms: int) -> AsyncIterator[Answer]:  # noqa: ARG002
        """The number now, and each time it has changed since it was taken last."""
        self.callers.append(caller)
        if self.failure:
            raise self.failure
        self.watching += 1
        try:
            while True:
                sent = self.clicks
                self.yielded.append(sent)
                yield self._answer(request)
                while sent == self.clicks:
                    await self._changed.wait()
        finally:
            self.watching -= 1

    async def freshness(self) -> Freshness:
        """Of a second ago; its clock goes on."""
        now = datetime.now(UTC)
        return Freshness(now, datetime(2026, 11, 23, 12, tzinfo=UTC), None)

    async def values(self, dimension: Dimension, search: str | None, first: int, caller: Caller) -> list[str]:  # noqa: ARG002
        """None."""
        return []

    def allowance(self, caller: Caller) -> Allowance:  # noqa: ARG002
        """The usual."""
        return Allowance(DEFAULT_LIMITS, datetime.now(UTC) - timedelta(days=1))

    def _answer(self, request: Request) -> Answer:
        texts = [column(d.field, ColumnKind.DIMENSION, ["x" * self.padding]) for d in request.dimensions]
        numbers = [column(m.field, ColumnKind.METRIC, [self.clicks]) for m in request.metrics]
        return answer_of(frame_of(*texts, *numbers), remaining=float(self.asked))


@cache
def schema() -> Schema:
    """That of the committed catalogue, made once."""
    return build_schema(load(Settings().catalogue))


def app_of(desk: FakeDesk, settings: Settings, errors: list[str] | None = None) -> FastAPI:
    """The service's front on this desk; ``errors`` gets the codes of those that it answers."""
    app = FastAPI(openapi_url=None)
    add_graphql(
        app,
        schema(),
        desk,
        settings,
        explorer="<h1>explorer</h1>",
        count_error=(errors if errors is not None else []).append,
    )
    protect(app, settings)
    return app


@dataclass(frozen=True, slots=True)
class Served:
    """A desk behind a server on a port of its own."""

    desk: FakeDesk
    port: int
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        """Of GraphQL."""
        return f"http://127.0.0.1:{self.port}/graphql"

    def publish(self, clicks: int) -> None:
        """Change the desk's number."""
        self.loop.call_soon_threadsafe(self.desk.publish, clicks)


@contextmanager
def serving(desk: FakeDesk, settings: Settings) -> Iterator[Served]:
    """The front under Uvicorn with the service's own options, in a thread."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # who comes before the server does waits
        config = uvicorn.Config(
            app_of(desk, settings), log_level="warning", access_log=False, lifespan="off", **SERVER_OPTIONS
        )
        server, loops, ready = uvicorn.Server(config), [], threading.Event()

        async def serve() -> None:
            loops.append(asyncio.get_running_loop())
            ready.set()
            await server.serve(sockets=[listening])

        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        ready.wait()
        try:
            yield Served(desk, listening.getsockname()[1], loops[0])
        finally:
            server.should_exit = True
            thread.join()
