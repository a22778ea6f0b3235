"""The service's HTTP application: GraphQL, health, metrics."""

import ipaddress
import logging
from collections.abc import Callable, Sequence

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from tidemark.api.explorer import Explorer
from tidemark.api.schema import Context, build_schema
from tidemark.api.view import View, json_response
from tidemark.body import LimitBody
from tidemark.freshness import Freshness, FreshnessReader
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
    view = View(
        build_schema(catalogue),
        Context(answer, read_freshness),
        explorer=explorer.page() if explorer else None,
        count_error=telemetry.count_error,
    )
    app.add_route("/graphql", LimitBody(view, MAX_BODY_BYTES), methods=["GET", "POST"])  # type: ignore[arg-type]

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


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
