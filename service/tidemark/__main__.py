"""``python -m tidemark``: the service. It owns the ClickHouse data path, answers GraphQL and audits."""

import logging
import signal
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

    from tidemark.alerts.service import FORGET_SECONDS, assemble  # noqa: PLC0415
    from tidemark.app import create_app  # noqa: PLC0415
    from tidemark.background import Background, Periodic, failures  # noqa: PLC0415
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
    catalogue = load(own.catalogue)
    answerer = Answerer(
        database, background.freshness, own.currency, own.limits,
        rollups=lambda: background.rollups, kept=background.kept,
    )  # fmt: skip
    tests = Experiments(database, experiments, background.experiment_freshness, catalogue, own.limits)
    alerts = assemble(own, database, answerer, tests, catalogue)
    needed = (Periodic("history", 1.0, history.step), Periodic("alerts", 0.5, alerts.step))
    forgetting = Periodic("alerts of long ago", FORGET_SECONDS, alerts.forget)
    alerts.delivery.start()
    for thread in (*needed, forgetting):
        thread.start()
    app = create_app(
        database=database,
        freshness=background.freshness,
        catalogue=catalogue,
        settings=own,
        readiness=lambda: [*background.unready(), *failures(needed)],
        rollups=lambda: background.rollups,
        kept=background.kept,
        experiments=experiments,
        experiments_freshness=background.experiment_freshness,
        alerts=alerts.serving,
        collectors=[alerts.metrics],
        previews=alerts.previews,
    )
    app.add_route("/rejected", endpoint(database))
    # uvicorn sends the signal that ended it to this process again, whose own handling would skip what follows
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        uvicorn.run(
            app,
            host=own.host,
            port=own.service_port,
            log_level="warning",
            access_log=False,
            **SERVER_OPTIONS,
        )
    finally:
        for thread in (*needed, forgetting):
            thread.stop()
        alerts.delivery.stop()
        experiments.stop()
        background.stop()


main()
