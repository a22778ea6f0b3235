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

    from tidemark.alerts.service import assemble  # noqa: PLC0415
    from tidemark.app import create_app  # noqa: PLC0415
    from tidemark.background import Background, Periodic  # noqa: PLC0415
    from tidemark.experiments.experiment import Experiments  # noqa: PLC0415
    from tidemark.experiments.followed import Followed  # noqa: PLC0415
    from tidemark.experiments.history import History  # noqa: PLC0415
    from tidemark.front import SERVER_OPTIONS  # noqa: PLC0415
    from tidemark.query.answer import Answerer  # noqa: PLC0415
    from tidemark.query.catalogue import load  # noqa: PLC0415
    from tidemark.rejected.endpoint import endpoint  # noqa: PLC0415
    from tidemark.store.migrate import upgrade  # noqa: PLC0415

    upgrade(database)
    background = Background(database, own)
    background.start()
    experiments = Followed(own.bootstrap)
    experiments.start()
    history = History(database, own.bootstrap, experiments, floor=background.raw_floor)
    reading = Periodic("history", 1.0, history.step)
    reading.start()
    catalogue = load(own.catalogue)
    answerer = Answerer(
        database, background.freshness, own.currency, own.limits,
        rollups=lambda: background.rollups, kept=background.kept,
    )  # fmt: skip
    tests = Experiments(database, experiments, background.experiment_freshness, catalogue, own.limits)
    alerts = assemble(own, database, answerer, tests, catalogue)
    judging = Periodic("alerts", 0.5, alerts.engine.step)
    alerts.delivery.start()
    judging.start()
    app = create_app(
        database=database,
        freshness=background.freshness,
        catalogue=catalogue,
        settings=own,
        readiness=background.unready,
        rollups=lambda: background.rollups,
        kept=background.kept,
        experiments=experiments,
        experiments_freshness=background.experiment_freshness,
        alerts=alerts.serving,
        previews=alerts.previews,
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
    judging.stop()
    alerts.delivery.stop()
    reading.stop()
    experiments.stop()
    background.stop()


main()
