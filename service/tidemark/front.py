"""``/graphql`` as the network sees it, and what stands before every path of the service."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import WebSocketRoute
from strawberry.http.websocket_origin import normalize_allowed_origins

from tidemark.api.context import Desk
from tidemark.api.persisted import AllowList, Operations
from tidemark.api.schema import Schema
from tidemark.api.view import View
from tidemark.body import LimitBody
from tidemark.doors.manual import HEADERS
from tidemark.hangup import CancelOnHangUp
from tidemark.hosts import KnownHosts, is_loopback
from tidemark.origins import KnownOrigins
from tidemark.settings import Settings

MAX_BODY_BYTES = 100_000
# Uvicorn's. Compression would cost each socket 100 kB and each frame its time again; streams never end by
# themselves, so a server that is to end must not wait for them long.
SERVER_OPTIONS: Mapping[str, Any] = {
    "ws": "websockets-sansio",
    "ws_max_size": MAX_BODY_BYTES,
    "ws_per_message_deflate": False,
    "timeout_graceful_shutdown": 2,
    # longer than a dashboard waits between two refreshes, or each would connect anew
    "timeout_keep_alive": 75,
}


def add_graphql(
    app: FastAPI,
    schema: Schema,
    desk: Desk,
    settings: Settings,
    *,
    explorer: str | None,
    count_error: Callable[[str], None],
) -> None:
    """Answer GraphQL under ``/graphql``, by HTTP and WebSocket.

    Raises:
        ValueError: a setting or a file of the allow-list cannot be; the message says which.
        GraphQLSyntaxError: a file of the allow-list is no GraphQL.
    """
    view = View(
        schema,
        desk,
        Operations(AllowList.load(settings.operations), only=settings.persisted_only),
        explorer=explorer,
        count_error=count_error,
    )
    app.add_route("/graphql", LimitBody(CancelOnHangUp(view), MAX_BODY_BYTES))  # type: ignore[arg-type]
    app.router.routes.append(WebSocketRoute("/graphql", view))


def protect(app: FastAPI, settings: Settings) -> None:
    """Refuse names that are not this service's, and let the pages of allowed origins ask and read answers.

    Raises:
        ValueError: one of ``allowed_origins`` is none.
    """
    origins = normalize_allowed_origins(settings.allowed_origins)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "If-None-Match", "X-Api-Key", "X-Request-Id"],
            expose_headers=["Retry-After", "X-Request-Id", "Tidemark-Code", *HEADERS],
        )
    # what is added last is asked first
    app.add_middleware(KnownOrigins, allowed=origins)
    anybody = () if is_loopback(settings.host) else ("*",)
    app.add_middleware(KnownHosts, allowed=settings.allowed_hosts or anybody)
