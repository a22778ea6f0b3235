"""The audit: raw events against folded rows, in both directions (DESIGN rule 5).

Raw events are the truth. Whatever makes a folded row differ from them — an event older than Flink's state, a
state that was lost, a copy counted again after the deduplication's horizon, a message that Flink's parser
took and ClickHouse's did not — is found here and the cell is written from raw events. ``Backlog`` says which
minutes await a look; ``Audit`` looks, repairs, and knows through which instant of acceptance everything has
been compared. Minutes that retention may have taken raw events of are never compared: what is left of those
would take away what was counted.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from string import Template
from typing import Protocol

from tidemark.store import script
from tidemark.store.database import Parameters, Table
from tidemark.store.watermark import CAMPAIGN, Path, Tide

log = logging.getLogger("tidemark.audit")

_BATCH = 500
"""Minutes compared by one query."""

_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DIFFERENCE = script.read("audit_sql/difference.sql")
_COMPARE = Template(script.read("audit_sql/compare.sql")).substitute(difference=_DIFFERENCE)
_REPAIR = Template(script.read("audit_sql/repair.sql")).substitute(difference=_DIFFERENCE)
_TOUCHED = script.read("audit_sql/touched.sql")


class Store(Protocol):
    """What the audit needs of ClickHouse."""

    def query(self, sql: str, parameters: Parameters | None = None) -> Table: ...  # noqa: D102
    def execute(self, sql: str, parameters: Parameters | None = None) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Touch:
    """A minute that rows of one path touched: in which block first, and how early they were accepted."""

    path: Path
    minute: datetime
    block: datetime
    first_at: datetime


class Backlog:
    """The minutes that await a look. Pure."""

    def __init__(self) -> None:
        self._waiting: dict[datetime, dict[Path, Touch]] = {}

    def add(self, touch: Touch) -> None:
        """Let a minute wait; of each path the oldest block and the earliest acceptance count."""
        paths = self._waiting.setdefault(touch.minute, {})
        known = paths.get(touch.path, touch)
        block, first_at = min(touch.block, known.block), min(touch.first_at, known.first_at)
        paths[touch.path] = Touch(touch.path, touch.minute, block, first_at)

    def done(self, minute: datetime) -> None:
        """The minute was looked at and agrees, or may have been left meanwhile."""
        self._waiting.pop(minute, None)

    def leave_before(self, minute: datetime) -> int:
        """Let no minute before this one wait; returns how many did."""
        left = [each for each in self._waiting if each < minute]
        for each in left:
            del self._waiting[each]
        return len(left)

    def batches(self) -> Iterator[list[datetime]]:
        """The waiting minutes in order of time, some hundred at once."""
        minutes = sorted(self._waiting)
        for start in range(0, len(minutes), _BATCH):
            yield minutes[start : start + _BATCH]

    def oldest_block(self, path: Path) -> datetime | None:
        """The first block of the path whose touches still wait."""
        return min((paths[path].block for paths in self._waiting.values() if path in paths), default=None)

    def first_at(self, *, among: set[datetime] | None = None) -> datetime | None:
        """When the earliest waiting touch was accepted; of the minutes ``among``, if given."""
        return min(
            (
                touch.first_at
                for minute, paths in self._waiting.items()
                if among is None or minute in among
                for touch in paths.values()
            ),
            default=None,
        )

    def __len__(self) -> int:
        return len(self._waiting)


class Audit:
    """Compares and repairs; one thread calls ``observe`` and ``look``, any may read the instants.

    Attributes:
        audited_through: every event accepted before this instant was compared and agrees; None before the
            first look.
        cap: while a recent minute belongs to the audit, Flink's rows for it do not count, and no answer may
            claim to be complete beyond this instant; None while there is no such minute.
        repaired: cells written since the start.
        too_old: touched minutes that were left uncompared, since retention may have taken raw events of them.
        has_observed: whether ``cap`` is known, so that claims may be made.
    """

    def __init__(
        self, store: Store, tide: Tide, *, horizon: timedelta, floor: Callable[[datetime], datetime]
    ) -> None:
        """``floor``: from which minute on the tables surely hold everything, at an instant."""
        self._store, self._tide, self._horizon, self._floor = store, tide, horizon, floor
        self._backlog = Backlog()
        self._cursor = self._load_progress()
        self._saved = dict(self._cursor)
        self._owned: set[datetime] | None = None
        self._complete: datetime | None = None
        self.audited_through: datetime | None = None
        self.cap: datetime | None = None
        self.repaired = 0
        self.too_old = 0
        self.has_observed = False

    def observe(self, now: datetime) -> None:
        """See which minutes finished blocks touched since the last time.

        Cheap, so that ``cap`` lags little.
        """
        owned = self._load_owned(now) if self._owned is None else self._owned
        through = [self._tide.through(path) for path in CAMPAIGN]
        finished = {path: self._tide.newest_block(path) for path in CAMPAIGN}
        self._read_touches({path: block for path, block in finished.items() if block is not None})
        self._leave_too_old(self._floor(now))
        if None not in through:
            self._complete = min(at for at in through if at is not None)
        self._owned = {minute for minute in owned if self._is_recent(minute)}
        self._claim()
        self.has_observed = True

    def look(self, now: Callable[[], datetime], on_batch: Callable[[], object]) -> None:
        """Compare every waiting minute and repair what differs; a repaired one waits for another look.

        ``on_batch`` is called between batches, so that nothing else of this thread waits for a long look.
        """
        if self._complete is None:
            return
        for minutes in self._backlog.batches():
            self._compare(minutes, self._complete)
            self.observe(now())
            on_batch()
        self._save_progress()

    def _claim(self) -> None:
        complete = self._complete
        if complete is None:
            return
        waiting = self._backlog.first_at()
        proved = complete if waiting is None else min(complete, waiting)
        self.audited_through = max(proved, self.audited_through or proved)
        if self._owned:
            pending = self._backlog.first_at(among=self._owned)
            self.cap = complete if pending is None else min(complete, pending)
        else:
            self.cap = None

    def _read_touches(self, finished: dict[Path, datetime]) -> None:
        upto = self._cursor | finished
        bounds = {
            "raw_from": self._cursor[Path.RAW],
            "raw_to": upto[Path.RAW],
            "folded_from": self._cursor[Path.FOLDED],
            "folded_to": upto[Path.FOLDED],
        }
        for path, minute, block, first_at in self._store.query(_TOUCHED, bounds).rows():
            self._backlog.add(Touch(Path(path), minute, block, first_at))
        self._cursor = upto

    def _compare(self, minutes: list[datetime], complete: datetime) -> None:
        parameters = {
            "minutes": minutes,
            "from": minutes[0],
            "to": minutes[-1] + _MINUTE,
            "through": complete,
        }
        found = {
            minute: (wrong, under_way)
            for minute, wrong, under_way in self._store.query(_COMPARE, parameters).rows()
        }
        wrong = {minute: cells for minute, (cells, _) in found.items() if cells}
        if wrong:
            repair = sorted(wrong)
            bounds = {"minutes": repair, "from": repair[0], "to": repair[-1] + _MINUTE, "through": complete}
            # claimed before it is written: from the first repaired row on, Flink's later rows for the cell do
            # not count
            self._owned = (self._owned or set()) | {minute for minute in wrong if self._is_recent(minute)}
            self._claim()
            # written down before it is done: a crash between the two costs the rollups a needless roll, where
            # the other way round it would leave them without the repair for good
            self._write_down(wrong)
            self._store.execute(_REPAIR, bounds)
            self.repaired += sum(wrong.values())
        for minute in minutes:
            if minute not in found:
                self._backlog.done(minute)

    def _leave_too_old(self, floor: datetime) -> None:
        left = self._backlog.leave_before(floor)
        if left:
            self.too_old += left
            log.warning(
                "%s touched minutes before %s stay as they are: retention may have taken raw events of them",
                left,
                floor,
            )

    def _write_down(self, wrong: dict[datetime, int]) -> None:
        # growing, whatever the clock does: the rollups look for repairs after the newest that they know
        self._store.execute(
            "INSERT INTO tidemark.repairs"
            " SELECT greatest(now64(6), (SELECT max(at) + INTERVAL 1 MICROSECOND FROM tidemark.repairs)),"
            " minute, cells FROM"
            " (SELECT arrayJoin(arrayZip({minutes:Array(DateTime('UTC'))}, {cells:Array(UInt64)})) AS pair,"
            " pair.1 AS minute, pair.2 AS cells)",
            {"minutes": list(wrong), "cells": list(wrong.values())},
        )

    def _is_recent(self, minute: datetime) -> bool:
        """Whether Flink may still write rows for the minute, which for a repaired cell do not count."""
        return self._complete is None or minute >= self._complete - self._horizon - _MINUTE

    def _load_progress(self) -> dict[Path, datetime]:
        rows = self._store.query("SELECT path, block FROM tidemark.audit_progress FINAL").rows()
        return dict.fromkeys(Path, _EPOCH) | {Path(path): block for path, block in rows}

    def _save_progress(self) -> None:
        progress = {path: self._backlog.oldest_block(path) or self._cursor[path] for path in CAMPAIGN}
        if progress != self._saved:
            self._store.execute(
                "INSERT INTO tidemark.audit_progress VALUES ('raw', {raw:DateTime64(6, 'UTC')}, now64(6)),"
                " ('folded', {folded:DateTime64(6, 'UTC')}, now64(6))",
                {path.value: block for path, block in progress.items()},
            )
            self._saved = progress

    def _load_owned(self, now: datetime) -> set[datetime]:
        rows = self._store.query(
            "SELECT DISTINCT minute FROM tidemark.campaign_minute FINAL"
            " WHERE version >= 1099511627776 AND minute >= {since:DateTime('UTC')}",
            {"since": now - self._horizon - _MINUTE},
        ).rows()
        return {minute for (minute,) in rows}
