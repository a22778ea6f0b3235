"""``python whole_service.py FOLDER DAY SETTINGS``: services as they are, over one engine with 600,000 events.

The events happened evenly over DAY. SETTINGS is JSON: for each service its name, with the ``limits`` that
differ from the defaults, and other settings. Each listens on a port of its own; the ports are printed as
JSON. What tests need beside them is a server of its own, ``control``: ``POST /sql`` runs a statement on
another handle of the engine and gives its rows, ``POST /tide`` moves the watermark on, which stands still
otherwise. Ends when its input does.
"""

import asyncio
import json
import os
import socket
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tidemark.store.database import Database

_INSERT = """
INSERT INTO tidemark.events (event_id, event, event_time, original_time, received_at, appended_at, quantity,
    campaign_id, ad_id, channel, country, user_id, rank)
SELECT
    toString(number), 'click', toDateTime64({day:String}, 3, 'UTC') + number % 86400 AS at, at, at, at, 1,
    concat('campaign-', toString(number % 7)), concat('ad-', toString(number % 11)), 'search',
    ['DE', 'FR', 'US'][1 + number % 3], concat('user-', toString(number % 5000)), 1
FROM numbers(600000)
"""


def previews_of(own: Any, database: Database, freshness: Any, catalogue: Any) -> Any:
    """As the service makes them, without experiments."""
    from tidemark.alerts.previews import Previews  # noqa: PLC0415 - after the engine
    from tidemark.alerts.service import asker_of  # noqa: PLC0415
    from tidemark.experiments.experiment import Experiments  # noqa: PLC0415
    from tidemark.experiments.registry import NOTHING  # noqa: PLC0415
    from tidemark.query.answer import Answerer  # noqa: PLC0415

    answerer = Answerer(database, freshness, own.currency, own.limits)
    tests = Experiments(database, NOTHING, freshness, catalogue, own.limits)
    return Previews(asker_of(own, database, answerer, tests, catalogue), own.catalogue)


def main(folder: Path, day: str, given: dict[str, Any]) -> None:
    """Serve until the input ends."""
    database = Database(folder, brokers="127.0.0.1:9")

    import uvicorn  # noqa: PLC0415 - the engine is opened before anything else
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.requests import Request  # noqa: PLC0415
    from starlette.responses import JSONResponse, Response  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    from tidemark.app import create_app  # noqa: PLC0415
    from tidemark.freshness import Freshness  # noqa: PLC0415
    from tidemark.front import SERVER_OPTIONS  # noqa: PLC0415
    from tidemark.query.catalogue import load  # noqa: PLC0415
    from tidemark.query.instant import to_ms  # noqa: PLC0415
    from tidemark.query.limits import DEFAULT_LIMITS  # noqa: PLC0415
    from tidemark.query.source import Kept  # noqa: PLC0415
    from tidemark.settings import Settings  # noqa: PLC0415
    from tidemark.store.migrate import upgrade  # noqa: PLC0415

    upgrade(database)
    database.execute(_INSERT, {"day": day})
    through = datetime.now(UTC)

    async def sql(request: Request) -> Response:
        asked = await request.json()
        if not asked["sql"].startswith("SELECT"):
            await asyncio.to_thread(database.execute, asked["sql"], asked["parameters"])
            return JSONResponse([])
        return JSONResponse((await asyncio.to_thread(database.query, asked["sql"])).rows())

    async def tide(_: Request) -> Response:
        nonlocal through
        through += timedelta(seconds=1)
        return Response()

    def service(limits: dict[str, Any], **more: Any) -> Any:
        own = Settings(home=folder, limits=replace(DEFAULT_LIMITS, **limits), **more)
        days = own.retention_raw_days

        def kept(now: datetime) -> Kept:
            return Kept(events=to_ms(now - timedelta(days=days)) if days else None)

        def freshness() -> Freshness:
            return Freshness(datetime.now(UTC), through, through)

        catalogue = load(own.catalogue)
        previews = previews_of(own, database, freshness, catalogue)
        return create_app(database, freshness, catalogue, own, list, kept=kept, previews=previews)

    apps = {name: service(**settings) for name, settings in given.items()}
    apps["control"] = Starlette(
        routes=[Route("/sql", sql, methods=["POST"]), Route("/tide", tide, methods=["POST"])]
    )
    sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in apps}

    async def serve() -> None:
        servers = {
            name: uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, **SERVER_OPTIONS))
            for name, app in apps.items()
        }
        serving = [asyncio.create_task(server.serve([sockets[name]])) for name, server in servers.items()]
        # they listen already: who comes before its server does waits
        print(json.dumps({name: one.getsockname()[1] for name, one in sockets.items()}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        for server in servers.values():
            server.should_exit = True
        await asyncio.gather(*serving)

    asyncio.run(serve())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
    sys.stdout.flush()
    os._exit(0)  # the engine's threads need no orderly end here
