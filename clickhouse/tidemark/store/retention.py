"""How long each table keeps its rows. What retention may have taken is never compared, repaired or rolled.

The tables' TTL is what is in force; it drops whole parts. It goes by ``received_at`` for raw events (a
replayed file is old by its events' times) and by the bucket for the others. ``Retention.floor`` says from
where on a table surely holds everything, and keeps saying so after a retention was made longer or taken
away: what it took does not come back.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from tidemark.store.database import Parameters, Table

log = logging.getLogger("tidemark.retention")

_MARGIN = timedelta(days=1)
"""The last day before rows may go counts as gone, whatever the clocks say."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST_RAW_DAYS = 2
_LEAST_DAYS = 3

# DateTime would wrap in 2106 and take a bucket of the year 2099 at once
_TIMES: Mapping[str, str] = {
    "events": "received_at",
    "campaign_minute": "toDateTime64(minute, 0, 'UTC')",
    "campaign_hour": "toDateTime64(hour, 0, 'UTC')",
    "campaign_day": "toDateTime64(day, 0, 'UTC')",
}
_ROLLED_FROM = ("campaign_minute", "campaign_hour")


class RetentionError(RuntimeError):
    """The settings of retention cannot be; the message says which, why and what to do."""


class Store(Protocol):
    """What retention needs of ClickHouse."""

    def query(self, sql: str, parameters: Parameters | None = None) -> Table: ...  # noqa: D102
    def execute(self, sql: str, parameters: Parameters | None = None) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class KeptDays:
    """For how many days each table keeps its rows; 0: for ever."""

    raw: int = 0
    minute: int = 0
    hour: int = 0
    day: int = 0

    def check(self, horizon: timedelta) -> None:
        """See that nothing goes while it is still needed; ``horizon`` is that of the campaign job's state.

        Raises:
            RetentionError: something would.
        """
        least = max(timedelta(days=_LEAST_DAYS), horizon + 2 * _MARGIN)
        if 0 < self.raw < _LEAST_RAW_DAYS:
            raise RetentionError(
                f"TIDEMARK_RETENTION_RAW_DAYS is {self.raw}, but the audit needs raw events of at least"
                f" {_LEAST_RAW_DAYS} days; set {_LEAST_RAW_DAYS} or more, or 0 to keep them for ever"
            )
        for name, days in (("MINUTE", self.minute), ("HOUR", self.hour), ("DAY", self.day)):
            if days and timedelta(days=days) < least:
                raise RetentionError(
                    f"TIDEMARK_RETENTION_{name}_DAYS is {days}, but buckets of the last"
                    f" {-(-least // timedelta(days=1))} days are still written; set that or more, or 0 to"
                    " keep them for ever"
                )
        finer_name, finer = "MINUTE", self.minute
        for name, days in (("HOUR", self.hour), ("DAY", self.day)):
            if days and not 0 < finer <= days:
                raise RetentionError(
                    f"TIDEMARK_RETENTION_{name}_DAYS is {days}, shorter than"
                    f" TIDEMARK_RETENTION_{finer_name}_DAYS ({finer or '0, for ever'}), so long ranges"
                    " would lack what short ones show; set it no shorter"
                )
            finer_name, finer = name, days

    def by_table(self) -> dict[str, int]:
        """The same, by the name of the table."""
        return dict(zip(_TIMES, (self.raw, self.minute, self.hour, self.day), strict=True))


class Retention:
    """What is in force, and what is to be. One thread calls ``apply``, any may ask for ``floor``."""

    def __init__(self, store: Store, kept: KeptDays) -> None:
        self._store = store
        self._days = {table: self._read_days(table) for table in _TIMES}
        self._wanted = {table: days for table, days in kept.by_table().items() if days != self._days[table]}
        rows = store.query("SELECT name, gone_before FROM tidemark.retained FINAL").rows()
        self._gone_before: dict[str, datetime] = dict(rows)

    def floor(self, *tables: str, now: datetime) -> datetime:
        """All of these tables hold every row from this instant on."""
        return max(self._floor(table, now) for table in tables)

    def apply(self, now: datetime, *, oldest_dirty: datetime | None) -> None:
        """Bring into force what differs from the settings.

        What rollups are made from waits until they hold it; ``oldest_dirty``: their first bucket that
        does not.
        """
        for table, days in list(self._wanted.items()):
            gone_before = now - timedelta(days=days) + _MARGIN if days else _EPOCH
            if table in _ROLLED_FROM and oldest_dirty is not None and oldest_dirty < gone_before:
                continue
            # remembered first: whoever asks meanwhile never hears of less than went
            self._remember(table, now)
            self._days[table] = days  # before it is so: from then on rows may go
            ttl = f"MODIFY TTL {_TIMES[table]} + toIntervalDay({days})" if days else "REMOVE TTL"
            self._store.execute(f"ALTER TABLE tidemark.{table} {ttl}")
            del self._wanted[table]
            log.info("%s keeps its rows %s", table, f"for {days} days" if days else "for ever")

    def _floor(self, table: str, now: datetime) -> datetime:
        days = self._days[table]
        in_force = now - timedelta(days=days) + _MARGIN if days else _EPOCH
        return max(in_force, self._gone_before.get(table, _EPOCH))

    def _remember(self, table: str, now: datetime) -> None:
        """What was in force until now may have taken rows that no longer retention brings back."""
        floor = self._floor(table, now)
        if floor > _EPOCH:
            self._store.execute(
                "INSERT INTO tidemark.retained VALUES ({table:String}, {floor:DateTime('UTC')})",
                {"table": table, "floor": floor},
            )
            self._gone_before[table] = floor

    def _read_days(self, table: str) -> int:
        engine: str = self._store.query(
            "SELECT engine_full FROM system.tables WHERE database = 'tidemark' AND name = {table:String}",
            {"table": table},
        ).columns[0][0]
        found = re.search(r" TTL .*toIntervalDay\((\d+)\)", engine)
        return int(found[1]) if found else 0
