"""The service's HTTP application: GraphQL, plain doors, health, metrics."""

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from anyio import to_thread
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.responses import Response

from tidemark.alerts.previews import Previews
from tidemark.alerts.serving import Serving
from tidemark.api.asker import caller_of
from tidemark.api.explorer import Explorer
from tidemark.api.reply import json_response
from tidemark.api.schema import build_schema
from tidemark.desk.desk import Desk
from tidemark.doors.preview import add_preview
from tidemark.doors.routes import add_doors
from tidemark.experiments.experiment import Experiments
from tidemark.experiments.registry import NOTHING, Registry
from tidemark.freshness import FreshnessReader
from tidemark.front import add_graphql, protect
from tidemark.hosts import is_loopback
from tidemark.query.answer import Answerer, KeptReader, RollupsReader, no_rollups, nothing_dropped
from tidemark.query.catalogue import Catalogue
from tidemark.query.database import Database
from tidemark.settings import Settings
from tidemark.telemetry import Telemetry

_LOG = logging.getLogger(__name__)

Readiness = Callable[[], Sequence[str]]


def create_app(
    database: Database,
    freshness: FreshnessReader,
    catalogue: Catalogue,
    settings: Settings,
    readiness: Readiness,
    *,
    rollups: RollupsReader = no_rollups,
    kept: KeptReader = nothing_dropped,
    experiments: Registry = NOTHING,
    experiments_freshness: FreshnessReader | None = None,
    alerts: Serving | None = None,
    collectors: Iterable[Collector] = (),
    previews: Previews | None = None,
) -> FastAPI:
    """The application.

    Args:
        database: Where the data is; its calls block and run in threads.
        freshness: Reads the watermark from memory.
        catalogue: What can be asked for.
        settings: What the deployment decides.
        readiness: Says why it is not ready, one sentence a reason; nothing means it is.
        rollups: Reads from memory what hours and days hold right.
        kept: Likewise since when each table surely holds everything.
        experiments: Which experiments are published; none unless given.
        experiments_freshness: Reads the watermark of their path; that of the other tables unless given.
        alerts: What fires, and what people say about it; nothing can be asked of alerts unless given.
        collectors: What else Prometheus is told; they are asked in a thread.
        alerts: What fires; nothing unless given.
        previews: Judges the past with rules that are not switched on; no door for that unless given.
    """
    telemetry = Telemetry(collectors)
    answerer = Answerer(database, freshness, settings.currency, settings.limits, rollups=rollups, kept=kept)
    desk = Desk(
        answerer,
        telemetry,
        cache_bytes=settings.cache_bytes,
        limits=settings.limits,
        experiments=Experiments(
            database, experiments, experiments_freshness or freshness, catalogue, settings.limits
        ),
        alerts=alerts,
    )
    explorer = Explorer(settings.libraries / "graphiql") if is_loopback(settings.host) else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await desk.close()

    app = FastAPI(title="Tidemark", openapi_url=None, lifespan=lifespan)
    add_graphql(
        app,
        build_schema(catalogue, currency=settings.currency, max_aliases=settings.limits.aliases),
        desk,
        settings,
        explorer=explorer.page() if explorer else None,
        count_error=telemetry.count_error,
    )
    add_doors(app, desk, catalogue, caller_of, currency=settings.currency, count_error=telemetry.count_error)
    if previews is not None:
        add_preview(app, previews, desk, caller_of, count_error=telemetry.count_error)
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
            known = freshness()
        except Exception:  # noqa: BLE001 - the other figures are needed most when the database fails
            _LOG.exception("the watermark cannot be read")
            known = None
        told = await to_thread.run_sync(telemetry.exposition, known)
        return Response(told, media_type=CONTENT_TYPE_LATEST)

    @app.get("/graphiql/{name}")
    async def graphiql(name: str) -> Response:
        found = explorer.asset(name) if explorer else None
        if found is None:
            return json_response({"detail": "Not Found"}, 404)
        return Response(found[0], media_type=found[1], headers={"Cache-Control": "max-age=86400"})

    return app
