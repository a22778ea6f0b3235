"""Alerts within the service's process: the engine's thread, the delivery's, and what is served of them."""

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import Histogram

from tidemark.alerts import receivers
from tidemark.alerts.addresses import Allowed, networks
from tidemark.alerts.ask import Asker
from tidemark.alerts.bell import Bell
from tidemark.alerts.delivery import Delivery, senders
from tidemark.alerts.engine import Engine, Pace
from tidemark.alerts.late import Late
from tidemark.alerts.metrics import AlertMetrics
from tidemark.alerts.post import Post
from tidemark.alerts.previews import Previews
from tidemark.alerts.receiver import Receiver
from tidemark.alerts.routing import Router
from tidemark.alerts.rulebook import Rulebook
from tidemark.alerts.serving import Serving
from tidemark.alerts.store.engine import connect
from tidemark.alerts.store.migrate import upgrade
from tidemark.alerts.store.outbox import Outbox
from tidemark.alerts.store.records import Records
from tidemark.alerts.store.ticks import Ticks
from tidemark.declared.problem import Problem
from tidemark.experiments.experiment import Experiments
from tidemark.query.answer import Answerer
from tidemark.query.catalogue import Catalogue
from tidemark.settings import Settings
from tidemark.store.database import Database

log = logging.getLogger("tidemark.alerts")

MOST_TICKS = 1_440
"""Ticks that were missed and are judged: a day of minutes."""
FORGET_SECONDS = 3_600.0
"""How often it is looked for what may be forgotten."""
_DAY_MS = 86_400_000
# a transaction of so many takes about as long as a tick's; then whoever waits for the lock has it
_FORGOTTEN_AT_ONCE, _FORGET_PAUSE_SECONDS = 500, 0.1
_RECEIVERS = "receivers.yaml"
_DEAD_LETTERS = """
SELECT count() FROM tidemark.rejected FINAL
WHERE at >= {start:DateTime64(3, 'UTC')} AND at < {end:DateTime64(3, 'UTC')}
"""


@dataclass(frozen=True, slots=True)
class Alerts:
    """What the service runs and serves.

    Attributes:
        engine: decides.
        delivery: tells.
        serving: shows, and keeps what people say.
        metrics: for Prometheus.
        records: what is forgotten after ``kept_days``.
        seconds: what a step of the engine takes.
    """

    engine: Engine
    delivery: Delivery
    serving: Serving
    metrics: AlertMetrics
    previews: Previews
    records: Records
    kept_days: int
    seconds: Histogram

    def step(self) -> None:
        """Decide what can be decided now.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: it could not be kept; the next step decides it again.
        """
        with self.seconds.time():
            self.engine.step()

    def forget(self) -> None:
        """Take away what ended so many days ago, a little at a time."""
        before_ms = time.time_ns() // 1_000_000 - self.kept_days * _DAY_MS
        while self.records.forget(ended_before_ms=before_ms, limit=_FORGOTTEN_AT_ONCE):
            time.sleep(_FORGET_PAUSE_SECONDS)


def assemble(
    settings: Settings, database: Database, answerer: Answerer, experiments: Experiments, catalogue: Catalogue
) -> Alerts:
    """Open the store, read the receivers and put the parts together; nothing runs yet.

    A wrong file of receivers is logged: alerts are then kept and shown, and nobody is told.

    Raises:
        ValueError: the store cannot be opened.
    """
    allowed = Allowed(networks(settings.alert_networks))
    known = _receivers(settings, allowed)
    router = Router(tuple(known), settings.external_url or settings.service_url)
    engine = connect(settings.alerts_store)
    upgrade(engine)
    outbox, records, ticks, bell = Outbox(engine), Records(engine), Ticks(engine), Bell()
    delivery = Delivery(outbox, router, senders(known, Post(allowed)))
    bell.listen(delivery.wake)
    asker = asker_of(settings, database, answerer, experiments, catalogue)
    judging = Engine(
        asker,
        Rulebook(settings.catalogue),
        ticks,
        router,
        Late(database),
        Pace(round(settings.stale_seconds * 1000), MOST_TICKS),
        wake=bell.ring,
        currency=settings.currency,
    )
    seconds = Histogram(
        "tidemark_alert_step_seconds",
        "What a look at what can be decided takes, whether something was due or not.",
        buckets=(0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
        registry=None,
    )
    return Alerts(
        engine=judging,
        delivery=delivery,
        serving=Serving(judging, records, outbox, bell, {one.name for one in known}),
        metrics=AlertMetrics(judging, ticks, records, outbox, (seconds, delivery.seconds)),
        previews=Previews(asker, settings.catalogue),
        records=records,
        kept_days=settings.alerts_days,
        seconds=seconds,
    )


def asker_of(
    settings: Settings, database: Database, answerer: Answerer, experiments: Experiments, catalogue: Catalogue
) -> Asker:
    """Who asks for rules."""
    return Asker(
        answerer,
        catalogue,
        experiments,
        dead_letters=lambda start, end: _dead_letters(database, start, end),
        lag_seconds=lambda: (answerer.freshness().lag_ms or 0.0) / 1000,
        most=settings.limits.rows,
    )


def _receivers(settings: Settings, allowed: Allowed) -> Sequence[Receiver]:
    path = settings.receivers or settings.catalogue / _RECEIVERS
    if settings.receivers is None and not path.exists():
        log.info("nobody is told of alerts: there is no %s", path.name)
        return ()
    found = receivers.load(path, receivers.Surroundings(os.environ, allowed))
    for one in found:
        if isinstance(one, Problem):
            log.error("nobody is told of alerts: %s", one)
    return [one for one in found if isinstance(one, Receiver)]


def _dead_letters(database: Database, start: datetime, end: datetime) -> int:
    return int(database.query(_DEAD_LETTERS, {"start": start, "end": end}).columns[0][0])
