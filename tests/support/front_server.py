"""The service's front on a fake desk, as an application and behind a server on a port of its own."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import uvicorn
from fastapi import FastAPI

from fake_desk import CATALOGUE, Columns, FakeDesk
from tidemark.api.schema import Schema, build_schema
from tidemark.front import SERVER_OPTIONS, add_graphql, protect
from tidemark.settings import Settings


@cache
def schema() -> Schema:
    """That of the committed catalogue, made once."""
    return build_schema(CATALOGUE)


def app_of(desk: FakeDesk, settings: Settings, errors: list[str] | None = None) -> FastAPI:
    """The front on this desk; ``errors`` gets the codes of those that it answers."""
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
    """A desk behind a server."""

    desk: FakeDesk
    port: int
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        """Of GraphQL."""
        return f"http://127.0.0.1:{self.port}/graphql"

    def publish(self, columns: Columns) -> None:
        """What the desk answers from now on."""
        self.loop.call_soon_threadsafe(self.desk.publish, columns)


@contextmanager
def serving(desk: FakeDesk, settings: Settings) -> Iterator[Served]:
    """The front under Uvicorn with the service's own options, in a thread."""
    with behind(app_of(desk, settings)) as (port, loop):
        yield Served(desk, port, loop)


@contextmanager
def behind(app: FastAPI) -> Iterator[tuple[int, asyncio.AbstractEventLoop]]:
    """Any application likewise: its port and its event loop."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # who comes before the server does waits
        config = uvicorn.Config(app, log_level="warning", access_log=False, **SERVER_OPTIONS)
        server, loops, ready = uvicorn.Server(config), [], threading.Event()

        async def serve() -> None:
            loops.append(asyncio.get_running_loop())
            ready.set()
            await server.serve(sockets=[listening])

        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        ready.wait()
        try:
            yield listening.getsockname()[1], loops[0]
        finally:
            server.should_exit = True
            thread.join()
