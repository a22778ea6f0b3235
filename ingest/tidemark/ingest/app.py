"""The collector's HTTP application: doors for our own events and for SDKs, health and metrics.

The doors are plain ASGI applications without models, because they are the hot path.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from tidemark.ingest import body
from tidemark.ingest.deadletters import letter
from tidemark.ingest.doors import own, posthog, segment
from tidemark.ingest.doors.calls import Taker
from tidemark.ingest.event import Parsed, Refusal, Unreadable
from tidemark.ingest.metrics import Metrics
from tidemark.ingest.producer import Sender
from tidemark.ingest.tracking import Tracking

RETRY_AFTER: Final = 1
"""Seconds a client is asked to wait after a 503."""
_SHORT: Final = {
    "t": "track",
    "p": "page",
    "s": "screen",
    "i": "identify",
    "g": "group",
    "a": "alias",
    "b": "batch",
}

Parse = Callable[[bytes, Scope, int], Parsed]
"""A body, the request's scope and now (Unix ms by the brokers' clock) to events and refusals."""
Answer = Callable[[Parsed, int], tuple[int, bytes]]
"""What was parsed, and the status that reading the body asks for (200, 400, 413), to a status and a body."""
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Edges:
    """What the application reaches the world with.

    Attributes:
        sender: stores events and dead letters.
        now_ms: the brokers' clock, Unix ms.
        problem: why nothing can be stored now, None when all is well.
        metrics: the process's counters.
    """

    sender: Sender
    now_ms: Callable[[], int]
    problem: Callable[[], str | None]
    metrics: Metrics


class Door:
    """One way in: reads a body, has its events stored, and answers in the client's own words."""

    def __init__(self, path: str, parse: Parse, answer: Answer, edges: Edges) -> None:
        """``path`` names the door in dead letters and metrics."""
        self._path = path
        self._parse = parse
        self._answer = answer
        self._edges = edges
        metrics = edges.metrics
        self._bytes = metrics.bytes.labels(path)
        self._accepted = metrics.accepted.labels(path)
        self._unavailable = metrics.unavailable.labels(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            status, content = await self._take(scope, receive)
        except body.Disconnected:
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
        if status == 503:  # noqa: PLR2004
            self._unavailable.inc()
            headers.append((b"retry-after", b"%d" % RETRY_AFTER))
        elif status == 413:  # noqa: PLR2004
            headers.append((b"connection", b"close"))  # the rest of the body is not read
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _take(self, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        edges = self._edges
        problem = edges.problem()
        if problem is not None:
            return 503, _unavailable(problem)
        status = 200
        try:
            sent = await body.read(receive, _content_length(scope))
            self._bytes.inc(len(sent))
            plain = body.plain(sent)
            now = edges.now_ms()
            parsed = self._parse(plain, scope, now)
        except Unreadable as error:
            now = edges.now_ms()
            status = error.status
            parsed = Parsed([], [Refusal(0, "", error.reason, error.kind, error.raw)])
        letters = [letter(refusal, self._path, now) for refusal in parsed.refusals]
        started = time.perf_counter()
        failure = await edges.sender.send(parsed.events, letters)
        if failure is not None:
            return 503, _unavailable(failure)
        edges.metrics.acknowledged.observe(time.perf_counter() - started)
        self._accepted.inc(len(parsed.events))
        for refusal in parsed.refusals:
            edges.metrics.rejected.labels(self._path, refusal.kind).inc()
        return self._answer(parsed, status)


def create_app(
    *, edges: Edges, tracking: Tracking, currency: str, lifespan: Lifespan | None = None
) -> FastAPI:
    """The application, with everything it depends on passed in."""

    def to_own(plain: bytes, _: Scope, now: int) -> Parsed:
        return own.parse(plain, now, currency)

    def to_segment(kind: str) -> Parse:
        return lambda plain, _, now: segment.parse(plain, kind, Taker(tracking.segment, now, currency))

    def to_posthog(plain: bytes, scope: Scope, now: int) -> Parsed:
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        return posthog.parse(plain, query, Taker(tracking.posthog, now, currency))

    doors = {"/v1/events": Door("/v1/events", to_own, _own_answer, edges)}
    for short, kind in _SHORT.items():
        for path in (f"/v1/{kind}", f"/v1/{short}"):
            doors[path] = Door(path, to_segment(kind), _segment_answer, edges)
    for path in ("/batch", "/e", "/capture", "/i/v0/e"):
        door = Door(f"{path}/", to_posthog, _posthog_answer, edges)
        doors[path] = doors[f"{path}/"] = door

    routes: list[BaseRoute] = [Route(path, door, methods=["POST"]) for path, door in doors.items()]
    app = FastAPI(
        title="Tidemark collector",
        routes=routes,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        max_age=86_400,
    )
    _add_settings(app)
    _add_health(app, edges)
    return app


def _add_settings(app: FastAPI) -> None:
    async def settings(request: Request) -> Response:
        host = request.headers.get("host", request.url.netloc)
        return _json(200, segment.settings(request.path_params["key"], request.url.scheme, host))

    app.router.routes.append(Route("/v1/projects/{key}/settings", settings, methods=["GET"]))


def _add_health(app: FastAPI, edges: Edges) -> None:
    async def healthz(_: Request) -> Response:
        return _json(200, {"alive": True})

    async def readyz(_: Request) -> Response:
        problem = edges.problem()
        return _json(200 if problem is None else 503, {"ready": problem is None, "problem": problem})

    async def metrics(_: Request) -> Response:
        return Response(edges.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    endpoints: Mapping[str, Callable[[Request], Awaitable[Response]]]
    endpoints = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}
    for path, endpoint in endpoints.items():
        app.router.routes.append(Route(path, endpoint, methods=["GET"]))


def _own_answer(parsed: Parsed, status: int) -> tuple[int, bytes]:
    """What was accepted and, of the rest, which event, which field and why."""
    if not parsed.refusals:
        return status, b'{"accepted":%d,"rejected":[]}' % len(parsed.events)
    if status == 200 and not parsed.events:  # noqa: PLR2004
        status = 413 if all(refusal.kind == "size" for refusal in parsed.refusals) else 400
    rejected = [{"index": r.index, "field": r.field, "reason": r.reason} for r in parsed.refusals]
    return status, msgspec.json.encode({"accepted": len(parsed.events), "rejected": rejected})


def _segment_answer(parsed: Parsed, status: int) -> tuple[int, bytes]:
    """Success also when some calls were refused: the SDKs would send the others again and again."""
    if status == 200:  # noqa: PLR2004
        return 200, b'{"success": true}'
    refusal = parsed.refusals[0]
    return status, msgspec.json.encode({"success": False, "code": refusal.kind, "message": refusal.reason})


def _posthog_answer(parsed: Parsed, status: int) -> tuple[int, bytes]:
    if status == 200:  # noqa: PLR2004
        return 200, b'{"status": 1}'
    refusal = parsed.refusals[0]
    answer = {"type": "validation_error", "code": refusal.kind, "detail": refusal.reason, "attr": None}
    return status, msgspec.json.encode(answer)


def _content_length(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return str(value, "latin-1")
    return None


def _unavailable(problem: str) -> bytes:
    message = f"nothing was stored: {problem}; send it again, with the same event ids"
    return msgspec.json.encode(
        {"error": message, "code": "unavailable", "message": message, "detail": message}
    )


def _json(status: int, content: Mapping[str, Any]) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
