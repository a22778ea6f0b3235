"""``python -m tidemark``: the service. It owns the ClickHouse data path, answers GraphQL and audits."""

import logging
import sys

import uvicorn

from tidemark.settings import settings
from tidemark.store.database import Database


def main() -> None:
    """Run until ended."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    own = settings()
    # the engine first: whatever imports chdb before it is opened kills the Kafka tables (DESIGN section 5)
    database = Database(own.home / "clickhouse", brokers=own.bootstrap)

    from tidemark.app import create_app  # noqa: PLC0415
    from tidemark.background import Background  # noqa: PLC0415
    from tidemark.experiments.topic import Followed  # noqa: PLC0415
    from tidemark.front import SERVER_OPTIONS  # noqa: PLC0415
    from tidemark.query.catalogue import load  # noqa: PLC0415
    from tidemark.rejected.endpoint import endpoint  # noqa: PLC0415
    from tidemark.store.migrate import upgrade  # noqa: PLC0415

    upgrade(database)
    background = Background(database, own)
    background.start()
    experiments = Followed(own.bootstrap)
    experiments.start()
    app = create_app(
        database=database,
        freshness=background.freshness,
        catalogue=load(own.catalogue),
        settings=own,
        readiness=background.unready,
        rollups=lambda: background.rollups,
        kept=background.kept,
        experiments=experiments,
        experiments_freshness=background.experiment_freshness,
    )
    app.add_route("/rejected", endpoint(database))
    uvicorn.run(
        app,
        host=own.host,
        port=own.service_port,
        log_level="warning",
        access_log=False,
        **SERVER_OPTIONS,
    )
    experiments.stop()
    background.stop()


main()
