"""What runs beside the queries in the service's process.

The feeds, the watermark, the audit with the rollups and retention, the offsets.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from tidemark.freshness import Freshness
from tidemark.ingest.topics import topics
from tidemark.query.instant import to_ms
from tidemark.query.source import Kept
from tidemark.settings import Settings
from tidemark.store import migrate
from tidemark.store.audit import Audit
from tidemark.store.database import Database
from tidemark.store.offsets import OffsetWatch
from tidemark.store.retention import KeptDays, Retention
from tidemark.store.rollup import Rollups, RollupState
from tidemark.store.watermark import CAMPAIGN, Heartbeat, Path, Tide

log = logging.getLogger("tidemark.background")

_TIDE_SECONDS = 0.25
_OBSERVE_SECONDS = 0.5
_OFFSETS_SECONDS = 1.0
_HEARTBEATS = """
SELECT path, block, collector, partition, partitions, at, goodbye
FROM tidemark.heartbeats
WHERE (path = 'raw' AND block > {raw:DateTime64(6, 'UTC')})
    OR (path = 'folded' AND block > {folded:DateTime64(6, 'UTC')})
    OR (path = 'experiment' AND block > {experiment:DateTime64(6, 'UTC')})
ORDER BY block
"""


class Periodic:
    """A thread that calls ``step`` every ``seconds``; a step that fails is logged and tried again.

    Attributes:
        failure: why the last step failed; None when it did not.
    """

    def __init__(self, name: str, seconds: float, step: Callable[[], object]) -> None:
        self.failure: str | None = None
        self._name, self._seconds, self._step = name, seconds, step
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the step that is under way."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._step()
                self.failure = None
            except Exception as error:
                if self.failure is None:
                    log.exception("%s failed, tried again every %s s", self._name, self._seconds)
                self.failure = f"{self._name}: {error}"
            self._ended.wait(self._seconds)


def failures(threads: Iterable[Periodic]) -> list[str]:
    """Why the last steps of those failed whose did, one sentence each."""
    return [thread.failure for thread in threads if thread.failure is not None]


class Background:
    """Owns the threads; answers how fresh the tables are."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._tide = Tide()
        self._seen = dict.fromkeys(Path, datetime(1970, 1, 1, tzinfo=UTC))
        self._feeding = False
        self._next_look = self._next_roll = 0.0
        horizon = timedelta(seconds=settings.state_horizon_seconds)
        self._retention = Retention(database, _kept_days(settings, horizon))
        self.audit = Audit(
            database,
            self._tide,
            horizon=horizon,
            floor=lambda now: self._retention.floor("events", "campaign_minute", now=now),
        )
        self._rollups = Rollups(database, self._tide, self._claims, self._retention, now=datetime.now(UTC))
        self._offsets = OffsetWatch(database)
        self._threads = [
            Periodic("feeds", 1.0, self._start_feeds),
            Periodic("watermark", _TIDE_SECONDS, self._read_heartbeats),
            Periodic("audit", _OBSERVE_SECONDS, self._audit),
            Periodic("offsets", _OFFSETS_SECONDS, self._offsets.step),
        ]

    def start(self) -> None:
        """Begin to read from Kafka and to look after what came."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End all threads."""
        for thread in self._threads:
            thread.stop()

    def freshness(self) -> Freshness:
        """How far the tables are complete now. Ask before reading them.

        What is read later is at least as complete.
        """
        now = datetime.now(UTC)
        instants = [self._tide.through(path) for path in CAMPAIGN]
        known = [at for at in instants if at is not None]
        # the audit's instants last: what it takes over later, it reads from raw events that hold all of this
        cap, audited = self.audit.cap, self.audit.audited_through
        # before the audit has looked once, nobody knows which cells are its own
        complete = min(known) if len(known) == len(CAMPAIGN) and self.audit.has_observed else None
        if complete is not None and cap is not None:
            complete = min(complete, cap)
        return Freshness(now=now, complete_through=complete, audited_through=audited)

    def experiment_freshness(self) -> Freshness:
        """How far the increments of experiments are complete now. Ask before reading them."""
        through = self._tide.through(Path.EXPERIMENT)
        return Freshness(now=datetime.now(UTC), complete_through=through, audited_through=None)

    @property
    def rollups(self) -> RollupState:
        """What may be answered from the rollups. Ask before reading them, as for ``freshness``."""
        return self._rollups.snapshot

    def kept(self, now: datetime) -> Kept:
        """Since when each table surely holds everything."""
        return kept_by(self._retention, now)

    def raw_floor(self) -> datetime:
        """Since when raw events are surely all there."""
        return self._retention.floor("events", now=datetime.now(UTC))

    def unready(self) -> list[str]:
        """Why the service cannot answer with fresh numbers yet; empty when it can."""
        reasons = failures(self._threads)
        if not self._feeding:
            reasons.append("the topics are not there yet, so nothing is read from Kafka")
        elif self.freshness().complete_through is None:
            reasons.append(
                "no heartbeat has come through Flink yet, so no answer can say how far it is complete"
            )
        return reasons

    def _start_feeds(self) -> None:
        if self._feeding or not _topics_exist(self._settings):
            return
        migrate.start_feeds(self._database)
        self._feeding = True
        log.info("reading from Kafka at %s", self._settings.bootstrap)

    def _read_heartbeats(self) -> None:
        bounds = {path.value: block for path, block in self._seen.items()}
        beats = [
            Heartbeat(Path(path), *rest) for path, *rest in self._database.query(_HEARTBEATS, bounds).rows()
        ]
        self._tide.observe(beats)
        for beat in beats:
            self._seen[beat.path] = max(beat.block, self._seen[beat.path])

    def _audit(self) -> None:
        # one thread for all of these: what the audit wrote is whole when the rollups look, and what retention
        # takes is known to both before it goes
        self.audit.observe(datetime.now(UTC))
        self._observe_rollups()
        if time.monotonic() >= self._next_look:
            self.audit.look(lambda: datetime.now(UTC), on_batch=self._observe_rollups)
            self._next_look = time.monotonic() + self._settings.audit_seconds
        if time.monotonic() >= self._next_roll:
            more = self._rollups.roll(datetime.now(UTC))
            self._retention.apply(datetime.now(UTC), oldest_dirty=self._rollups.oldest_dirty)
            self._next_roll = time.monotonic() + (0.0 if more else self._settings.rollup_seconds)

    def _observe_rollups(self) -> None:
        self._rollups.observe(datetime.now(UTC))

    def _claims(self) -> tuple[datetime | None, datetime | None]:
        fresh = self.freshness()
        return fresh.complete_through, fresh.audited_through


def kept_by(retention: Retention, now: datetime) -> Kept:
    """Since when each table surely holds everything.

    Not from the settings: what a shorter retention took before does not come back.
    """
    tables = ("events", "campaign_minute", "campaign_hour", "campaign_day")
    return Kept(*(to_ms(retention.floor(table, now=now)) for table in tables))


def _kept_days(settings: Settings, horizon: timedelta) -> KeptDays:
    kept = KeptDays(
        raw=settings.retention_raw_days,
        minute=settings.retention_minute_days,
        hour=settings.retention_hour_days,
        day=settings.retention_day_days,
    )
    kept.check(horizon)
    return kept


def _topics_exist(settings: Settings) -> bool:
    from confluent_kafka import KafkaException  # noqa: PLC0415
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415

    admin = AdminClient({"bootstrap.servers": settings.bootstrap, "log_level": 0})
    try:
        found = admin.list_topics(timeout=3).topics
    except KafkaException:
        return False
    return all(name in found for name in topics(settings))
