"""Hour and day rollups of ``campaign_minute``, and which of their buckets may be used (DESIGN section 5).

Not a refreshable view: a refresh has to take exactly the buckets that were touched since its last success,
which needs a cursor that moves only after a success, and such a view has none. Taking "the last hours"
instead would miss a late event of an older hour, or pay for all of them each time.

A bucket is rolled as a whole from the next finer table, by one statement for the refresh and for the
backfill, which is a refresh of every hour there is. ``DirtyBuckets`` knows which await it: those that
folded rows touched, and those that the audit repaired (it says so in ``repairs`` before it repairs).
``RollupState`` tells the planner, which answers dirty buckets and the open hour from minutes, so a rollup
makes no answer older.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from string import Template
from typing import Protocol

from tidemark.store import script
from tidemark.store.database import Parameters, Table
from tidemark.store.dirty import DAY, FINISHED, HOUR, DirtyBuckets, pack
from tidemark.store.watermark import Path, Tide

log = logging.getLogger("tidemark.rollup")

_ROWS = 500_000
"""Rows read by one statement, so that observing goes on between them; a greater bucket is read alone."""

_BUCKETS = 500
"""Buckets rolled by one statement."""

_TOUCHES_KEPT = timedelta(days=6)
"""``touched`` keeps seven days. After a longer pause touches may be lost, so everything is rolled anew."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PROGRESS = ("block", "repaired_at", "dirty_hours", "dirty_days", "written_at")
_TOUCHED = script.read("rollup_sql/touched.sql")

Claims = Callable[[], tuple[datetime | None, datetime | None]]
"""``complete_through`` and ``audited_through``, as an answer from minutes may claim them now."""


class Store(Protocol):
    """What the rollups need of ClickHouse."""

    def query(self, sql: str, parameters: Parameters | None = None) -> Table: ...  # noqa: D102
    def execute(self, sql: str, parameters: Parameters | None = None) -> None: ...  # noqa: D102
    def insert(self, table: str, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None: ...  # noqa: D102


class Floors(Protocol):
    """What the rollups need of ``Retention``."""

    def floor(self, *tables: str, now: datetime) -> datetime: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class RollupState:
    """What may be answered from the rollups. Hours and days by their first second since 1970, UTC.

    Each hour ``h`` with ``since <= h``, ``h + 3600 <= until`` and not in ``dirty_hours`` is answered right by
    ``campaign_hour``, and so are days by ``campaign_day``: with every event accepted before ``through``, and
    with all that the audit found about those accepted before ``audited_through``. Buckets that never had an
    event have no rows, and are right. Rows with ``events = 0`` are cells that were taken away.

    Attributes:
        through: None while nothing can be claimed.
        audited_through: None likewise.
        since: None until it is known which hours are dirty: no bucket may be used; then 1970.
        until: the start of the open hour.
        dirty_hours: hours to be answered from minutes.
        dirty_days: days to be answered from hours, but for the dirty ones.
    """

    through: datetime | None
    audited_through: datetime | None
    since: datetime | None
    until: datetime
    dirty_hours: frozenset[int]
    dirty_days: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Grain:
    """A rollup's two statements, bound to its tables, and the length of its buckets in seconds."""

    roll: str
    size: str
    seconds: int


def _grain(seconds: int, names: dict[str, str]) -> _Grain:
    roll, size = (
        Template(script.read(f"rollup_sql/{each}.sql")).substitute(names) for each in ("roll", "size")
    )
    return _Grain(roll, size, seconds)


_HOURS = _grain(
    HOUR, {"to": "campaign_hour", "from": "campaign_minute", "time": "minute", "start": "toStartOfHour"}
)
_DAYS = _grain(DAY, {"to": "campaign_day", "from": "campaign_hour", "time": "hour", "start": "toStartOfDay"})


class Rollups:
    """Rolls what is dirty; the audit's thread calls ``observe`` and ``roll``, any may read ``snapshot``.

    Attributes:
        snapshot: what may be used, replaced as a whole.
        too_old: dirty buckets that were left as they are, since what they are made from may be gone.
    """

    def __init__(self, store: Store, tide: Tide, claims: Claims, floors: Floors, *, now: datetime) -> None:
        self._store, self._tide, self._claims, self._floors = store, tide, claims, floors
        rows = store.query(f"SELECT {', '.join(_PROGRESS)} FROM tidemark.rollup_progress FINAL").rows()  # noqa: S608
        *self._saved, written_at = rows[0] if rows else (_EPOCH, _EPOCH, [], [], _EPOCH)
        self._block: datetime = self._saved[0]
        self._repaired_at: datetime = self._saved[1]
        self._dirty = DirtyBuckets(*self._saved[2:])
        if written_at < now - _TOUCHES_KEPT:
            self._take_all()
        self._version = max(self._newest_version("campaign_hour"), self._newest_version("campaign_day"))
        self.snapshot = RollupState(None, None, None, _hour(now), *self._dirty.told())
        self.too_old = 0

    @property
    def oldest_dirty(self) -> datetime | None:
        """Before this instant the rollups hold all that there is; None: everywhere."""
        _, days = self._dirty.told()
        return _instant(min(days)) if days else None

    def observe(self, now: datetime) -> None:
        """See which hours were touched since the last time. Cheap."""
        # in this order: what is claimed was touched before, and a touch in a finished block is visible
        through, audited = self._claims()
        finished = self._tide.newest_block(Path.FOLDED) or self._block
        cursors = {"block": self._block, "repaired_at": self._repaired_at}
        for what, hour, newest in self._store.query(_TOUCHED, cursors).rows():
            if what == "repair":
                # what it announced is done: one thread repairs and comes here
                self._dirty.touch(_seconds(hour), FINISHED)
                self._repaired_at = max(newest, self._repaired_at)
            else:
                self._dirty.touch(_seconds(hour), newest)
        # touches of later blocks may still become visible; they are read again
        self._block = max(finished, self._block)
        self._leave_too_old(now)
        self.snapshot = RollupState(through, audited, _EPOCH, _hour(now), *self._dirty.told())

    def roll(self, now: datetime) -> bool:
        """Roll some of the dirty hours that ended, and of the days whose hours are clean, oldest first.

        Returns whether more of them wait.
        """
        until, finished = _seconds(self.snapshot.until), self._block
        hours = self._dirty.ready_hours(finished=finished, until=until)
        rolled = self._roll(_HOURS, hours, now)
        self._dirty.rolled_hours(rolled, finished=finished)
        days = self._dirty.ready_days(until=until)
        rolled_days = self._roll(_DAYS, days, now)
        self._dirty.rolled_days(rolled_days)
        self._save_progress(now)
        dirty_hours, dirty_days = self._dirty.told()
        self.snapshot = replace(self.snapshot, dirty_hours=dirty_hours, dirty_days=dirty_days)
        return len(rolled) < len(hours) or len(rolled_days) < len(days)

    def _roll(self, grain: _Grain, buckets: list[int], now: datetime) -> list[int]:
        """Roll as many of the buckets as one statement may, from the first on, and return those."""
        some = buckets[:_BUCKETS]
        if not some:
            return []
        found = self._store.query(grain.size, _bounds(some, grain)).rows()
        taken = pack(some, {_seconds(bucket): count for bucket, count in found}, most=_ROWS)
        # there is one writer, so that a version which only grows is enough; the clock alone may go back
        self._version = max(self._version + 1, int(now.timestamp() * 1_000_000))
        self._store.execute(grain.roll, {**_bounds(taken, grain), "version": self._version})
        return taken

    def _leave_too_old(self, now: datetime) -> None:
        """Forget dirty buckets that a roll would take something from, since what makes them may be gone."""
        minutes, hours = (
            self._floors.floor(table, now=now) for table in ("campaign_minute", "campaign_hour")
        )
        left = self._dirty.leave_before(hour=_seconds(minutes), day=_seconds(hours))
        if left:
            self.too_old += left
            log.warning(
                "%s touched rollups stay as they are: retention may have taken what hours before %s and days"
                " before %s are made from",
                left,
                minutes,
                hours,
            )

    def _take_all(self) -> None:
        """Let every hour that there are minutes of be rolled."""
        held = self._store.query("SELECT DISTINCT toStartOfHour(minute) FROM tidemark.campaign_minute")
        for (hour,) in held.rows():
            self._dirty.touch(_seconds(hour), FINISHED)
        if held.row_count:
            log.info("%s hours await their rollup", held.row_count)

    def _save_progress(self, now: datetime) -> None:
        hours, days = self._dirty.told()
        progress = [self._block, self._repaired_at, sorted(hours), sorted(days)]
        if progress != self._saved:
            self._store.insert("tidemark.rollup_progress", _PROGRESS, [(*progress, now)])
            self._saved = progress

    def _newest_version(self, table: str) -> int:
        newest: int = self._store.query(f"SELECT max(version) FROM tidemark.{table}").columns[0][0]  # noqa: S608
        return newest


def _bounds(buckets: list[int], grain: _Grain) -> dict[str, object]:
    return {
        "buckets": [_instant(bucket) for bucket in buckets],
        "from": _instant(min(buckets)),
        "to": _instant(max(buckets) + grain.seconds),
    }


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
