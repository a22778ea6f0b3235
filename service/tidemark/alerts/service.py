"""Alerts within the service's process: the engine's thread, the delivery's, and what is served of them."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tidemark.alerts import receivers
from tidemark.alerts.addresses import Allowed, networks
from tidemark.alerts.ask import Asker
from tidemark.alerts.delivery import Delivery, senders
from tidemark.alerts.engine import Engine, Pace
from tidemark.alerts.late import Late
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
_RECEIVERS = "receivers.yaml"
_DEAD_LETTERS = """
SELECT count() FROM tidemark.rejected FINAL
WHERE at >= {start:DateTime64(3, 'UTC')} AND at < {end:DateTime64(3, 'UTC')}
"""


@dataclass(frozen=True, slots=True)
class Alerts:
    """What the service runs and serves."""

    engine: Engine
    delivery: Delivery
    records: Records
    outbox: Outbox
    serving: Serving
    previews: Previews


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
    outbox = Outbox(engine)
    delivery = Delivery(outbox, router, senders(known, Post(allowed)))
    asker = asker_of(settings, database, answerer, experiments, catalogue)
    judging = Engine(
        asker,
        Rulebook(settings.catalogue),
        Ticks(engine),
        router,
        Late(database),
        Pace(round(settings.stale_seconds * 1000), MOST_TICKS),
        wake=delivery.wake,
        currency=settings.currency,
    )
    records = Records(engine)
    previews = Previews(asker, settings.catalogue)
    return Alerts(judging, delivery, records, outbox, Serving(judging, records), previews)


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
