"""Fills a new Tidemark's ClickHouse with millions of events over 30 days, as if Kafka had brought them.

Raw events and folded minutes agree, to the cell, so the audit finds nothing to mend. Hours and days are
rolled by the service's own code. All but today's minutes is merged as ClickHouse merges it after an hour's
rest, so that a Tidemark is measured that has run for a month, not one that was born an hour ago. Afterwards
`TIDEMARK_HOME=FOLDER make up` starts a Tidemark on it.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import population

if TYPE_CHECKING:
    from tidemark.store.database import Database

DAYS = 30
_DAY = timedelta(days=1)
_MILLION = 1_000_000
_ROOM = 300 * _MILLION
"""Bytes to have free for a million events: some times what stays, since merges and rollups come on top."""

_HERE = Path(__file__).resolve().parent
_PATIENCE = 600.0
"""Seconds that merges may take after the last insert."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What stands in the folder now.

    Attributes:
        events: Rows of ``events``.
        minute_rows: Rows of ``campaign_minute``.
        campaigns: Different campaigns.
        parts: Active parts of both tables.
        data_bytes: Bytes of both tables on disk.
        seconds: How long loading took, merges included.
    """

    events: int
    minute_rows: int
    campaigns: int
    parts: int
    data_bytes: int
    seconds: float


def main() -> None:
    """Load and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folder", type=Path, help="the home folder (TIDEMARK_HOME); its clickhouse/ must not exist"
    )
    parser.add_argument("--millions", type=float, default=10.0, help="how many million events")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args()
    loaded = load(options.folder, round(options.millions * _MILLION), datetime.now(UTC))
    if options.json:
        print(json.dumps(asdict(loaded)))
    else:
        print(
            f"{loaded.events:,} events of {loaded.campaigns:,} campaigns and"
            f" {loaded.minute_rows:,} minute rows in {loaded.seconds:.0f} s;"
            f" {loaded.data_bytes / _MILLION:,.0f} MB in {loaded.parts} parts,"
            f" {loaded.data_bytes / loaded.events:.0f} bytes an event"
        )
    sys.stdout.flush()
    os._exit(0)  # the engine's threads need no orderly end


def load_apart(folder: Path, events: int) -> Loaded:
    """``load`` in a process of its own, since one process owns one data path; progress on standard error."""
    command = [
        sys.executable,
        str(Path(__file__)),
        str(folder),
        "--millions",
        str(events / _MILLION),
        "--json",
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return Loaded(**json.loads(done.stdout))


def load(folder: Path, events: int, until: datetime) -> Loaded:
    """Insert ``events`` events that happened in the 30 days before the minute of ``until``.

    Raises:
        SystemExit: the folder has data already, or the disk has no room; the message says which.
    """
    _require_room(folder, events)
    start = time.monotonic()
    from tidemark.store.database import Database  # noqa: PLC0415 - opening it is the first thing done with an engine

    database = Database(folder / "clickhouse", brokers="127.0.0.1:9")
    from tidemark.store.migrate import upgrade  # noqa: PLC0415 - after the engine

    upgrade(database)
    make_events, make_minutes = (
        (_HERE / name).read_text() for name in ("load_events.sql", "load_minutes.sql")
    )
    laws = population.parameters()
    first_day = until.replace(second=0, microsecond=0) - DAYS * _DAY
    for day in range(DAYS):
        first, after = events * day // DAYS, events * (day + 1) // DAYS
        span = {"from": first_day + day * _DAY, "to": first_day + (day + 1) * _DAY}
        numbers = {"first": first, "count": after - first, "seconds": int(_DAY.total_seconds())}
        database.execute(make_events, {**laws, **numbers, "from": span["from"]})
        database.execute(make_minutes, span)
        _say(f"day {day + 1} of {DAYS}: {after:,} events, {time.monotonic() - start:.0f} s")
    _say(f"rolling hours and days, {time.monotonic() - start:.0f} s")
    _roll(database, until)
    _say(f"merging what rests, {time.monotonic() - start:.0f} s")
    _merge(database, until)
    _settle(lambda: int(database.query("SELECT count() FROM system.merges").columns[0][0]))
    raw, folded = database.query((_HERE / "load_check.sql").read_text()).rows()
    if raw[:-1] != folded[:-1]:
        raise SystemExit(
            f"the tables differ: events has {raw}, campaign_minute {folded}; load_minutes.sql is wrong"
        )
    parts, data_bytes = database.query(
        "SELECT count(), sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'tidemark'"
        " AND table IN ('events', 'campaign_minute')"
    ).rows()[0]
    return Loaded(raw[-1], folded[-1], raw[-2], parts, data_bytes, time.monotonic() - start)


def _roll(database: "Database", now: datetime) -> None:
    """Fill both rollups, as the service does in its first minutes."""
    from tidemark.store.retention import KeptDays, Retention  # noqa: PLC0415
    from tidemark.store.rollup import Rollups  # noqa: PLC0415
    from tidemark.store.watermark import Tide  # noqa: PLC0415

    kept = Retention(database, KeptDays())
    rollups = Rollups(database, Tide(), lambda: (now, now), kept, now=now)
    rollups.observe(now)
    while rollups.roll(now):
        pass


def _merge(database: "Database", now: datetime) -> None:
    """Merge what ClickHouse merges by itself when a partition rests: all but the minutes of today."""
    today = database.query(
        "SELECT toString(toRelativeDayNum({now:DateTime('UTC')}) % 96)", {"now": now}
    ).columns[0][0]
    partitions = database.query(
        "SELECT DISTINCT table, partition_id FROM system.parts WHERE active AND database = 'tidemark'"
        " AND table IN ('campaign_minute', 'campaign_hour', 'campaign_day')"
    ).rows()
    for table, partition in partitions:
        if (table, partition) != ("campaign_minute", today):
            database.execute(f"OPTIMIZE TABLE tidemark.{table} PARTITION ID '{partition}' FINAL")


def _require_room(folder: Path, events: int) -> None:
    if (folder / "clickhouse").exists():
        raise SystemExit(f"{folder / 'clickhouse'} exists; name a new folder, or remove that one first.")
    folder.mkdir(parents=True, exist_ok=True)
    free, needed = shutil.disk_usage(folder).free, events * _ROOM // _MILLION
    if free < needed:
        raise SystemExit(
            f"{events:,} events need about {needed / 1e9:.1f} GB, and the disk of {folder} has"
            f" {free / 1e9:.1f} GB free; load at most {free // _ROOM} million,"
            " or name a folder on another disk."
        )


def _settle(merges: Callable[[], int]) -> None:
    """Wait until no merge has run for two seconds, so that every run finds the tables in the same state."""
    start = quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 2.0:  # noqa: PLR2004
        if merges():
            quiet_since = time.monotonic()
        if quiet_since - start > _PATIENCE:
            raise SystemExit(f"merges still run {_PATIENCE:.0f} s after the last insert; load fewer events.")
        time.sleep(0.1)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
