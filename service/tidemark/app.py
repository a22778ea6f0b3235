"""The service's HTTP application: GraphQL, health, metrics."""

import logging
from collections.abc import Callable, Sequence

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import WebSocketRoute

from tidemark.api.explorer import Explorer
from tidemark.api.persisted import AllowList, Operations
from tidemark.api.reply import json_response
from tidemark.api.schema import Context, build_schema
from tidemark.api.view import View
from tidemark.body import LimitBody
from tidemark.freshness import Freshness, FreshnessReader
from tidemark.hangup import CancelOnHangUp
from tidemark.hosts import KnownHosts, is_loopback
from tidemark.query.answer import Answerer
from tidemark.query.catalogue import Catalogue
from tidemark.query.database import Database
from tidemark.query.frame import Frame
from tidemark.query.request import Request as Question
from tidemark.settings import Settings
from tidemark.telemetry import Telemetry

MAX_BODY_BYTES = 100_000
# Queries that run at once; more wait. Each is a thread and a handle of the database, whose pool has 8: the
# watermark and the audit must never wait for dashboards.
MAX_CONCURRENT_QUERIES = 6
_LOG = logging.getLogger(__name__)

Readiness = Callable[[], Sequence[str]]


def create_app(
    database: Database,
    freshness: FreshnessReader,
    catalogue: Catalogue,
    settings: Settings,
    readiness: Readiness,
) -> FastAPI:
    """The application. ``readiness`` says why it is not ready, one sentence a reason; nothing means it is.

    All three callables may block; they run in threads.
    """
    answerer = Answerer(database, freshness, settings.currency)
    telemetry = Telemetry()
    explorer = Explorer(settings.libraries / "graphiql") if is_loopback(settings.host) else None
    turn = CapacityLimiter(MAX_CONCURRENT_QUERIES)

    async def answer(question: Question) -> Frame:
        with telemetry.timed():
            frame = await to_thread.run_sync(answerer.answer, question, limiter=turn)
        telemetry.count_answer(frame.source)
        return frame

    async def read_freshness() -> Freshness:
        return await to_thread.run_sync(freshness)

    app = FastAPI(title="Tidemark", openapi_url=None)
    context = Context(answer, read_freshness)
    view = View(
        build_schema(catalogue),
        lambda _caller, _request_id: context,
        Operations(AllowList.load(settings.operations), only=settings.persisted_only),
        explorer=explorer.page() if explorer else None,
        count_error=telemetry.count_error,
        allowed_origins=settings.allowed_origins,
    )
    app.add_route("/graphql", LimitBody(CancelOnHangUp(view), MAX_BODY_BYTES))  # type: ignore[arg-type]
    app.router.routes.append(WebSocketRoute("/graphql", view))
    protect(app, settings)

    @app.get("/healthz")
    async def healthz() -> Response:
        return json_response({"status": "alive"})

    @app.get("/readyz")
    async def readyz() -> Response:
        reasons = list(await to_thread.run_sync(readiness))
        return json_response({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    @app.get("/metrics")
    async def metrics() -> Response:
        try:
            known = await read_freshness()
        except Exception:  # noqa: BLE001 - the other figures are needed most when the database fails
            _LOG.exception("the watermark cannot be read")
            known = None
        return Response(telemetry.exposition(known), media_type=CONTENT_TYPE_LATEST)

    @app.get("/graphiql/{name}")
    async def graphiql(name: str) -> Response:
        found = explorer.asset(name) if explorer else None
        if found is None:
            return json_response({"detail": "Not Found"}, 404)
        return Response(found[0], media_type=found[1], headers={"Cache-Control": "max-age=86400"})

    return app


def protect(app: FastAPI, settings: Settings) -> None:
    """Refuse names that are not this service's, and let the pages of allowed origins read answers."""
    anybody = () if is_loopback(settings.host) else ("*",)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "X-Api-Key", "X-Request-Id"],
            expose_headers=["ETag", "Retry-After", "X-Request-Id"],
        )
    # added last, it is asked first
    app.add_middleware(KnownHosts, allowed=settings.allowed_hosts or anybody)
