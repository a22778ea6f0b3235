"""``python rollup_stories.py STORY FOLDER``: one story on an embedded engine, what was seen as JSON."""

import json
import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path as Folder
from typing import Any

from tidemark.store.audit import Audit
from tidemark.store.database import Database
from tidemark.store.migrate import upgrade
from tidemark.store.retention import KeptDays, Retention
from tidemark.store.rollup import Rollups
from tidemark.store.watermark import Heartbeat, Path, Tide

NOW = datetime.now(UTC)
HOUR = NOW.replace(minute=0, second=0, microsecond=0)
THREE_DAYS_AGO = HOUR - timedelta(days=3)
MINUTE = timedelta(minutes=1)


class Scene:
    """The store's parts as the service puts them together, with a tide that has come in."""

    def __init__(self, database: Database, kept: KeptDays) -> None:
        self.database = database
        self.tide = Tide()
        self.retention = Retention(database, kept)
        self.audit = Audit(database, self.tide, horizon=timedelta(hours=1), floor=self._floor)
        self.rollups = Rollups(database, self.tide, lambda: (None, None), self.retention, now=NOW)

    def _floor(self, now: datetime) -> datetime:
        return self.retention.floor("events", "campaign_minute", now=now)

    def flow(self) -> None:
        """Heartbeats that finish every block so far, and what the audit's thread does with it."""
        for _ in range(4):
            at = datetime.now(UTC)
            self.tide.observe([Heartbeat(path, at, "collector", 0, 1, at) for path in Path])
        self.audit.observe(datetime.now(UTC))
        self.rollups.observe(datetime.now(UTC))

    def minute(self, minute: datetime, events: int, *, version: int | None = None, value: int = 0) -> None:
        """A row of Flink's."""
        self.database.execute(
            "INSERT INTO tidemark.campaign_minute SELECT {minute:DateTime('UTC')}, 'click', 'c', '', '', '',"
            " '', '', {events:Int64}, {events:Int64}, {value:Int64}, 0, now64(3), {version:UInt64}",
            {"minute": minute, "events": events, "value": value, "version": version or events},
        )
        self.touch(Path.FOLDED, minute)

    def touch(self, path: Path, minute: datetime) -> None:
        self.database.execute(
            "INSERT INTO tidemark.touched SELECT {path:String}, now64(6), {minute:DateTime('UTC')}, now64(3)",
            {"path": path.value, "minute": minute},
        )

    def raw(self, minute: datetime, event_id: str, received_at: datetime | None = None) -> None:
        names = ("event_id", "event", "event_time", "original_time", "received_at", "quantity", "campaign_id")
        row = (event_id, "click", minute, minute, received_at or minute, 1, "c")
        self.database.insert("tidemark.events", (*names, "appended_at", "rank"), [(*row, minute, 1)])
        self.touch(Path.RAW, minute)

    def roll_all(self) -> None:
        while self.rollups.roll(datetime.now(UTC)):
            self.flow()

    def dirty(self) -> list[int]:
        state = self.rollups.snapshot
        return [len(state.dirty_hours), len(state.dirty_days)]

    def total(self, grain: str, what: str = "events") -> int:
        total: int = self.database.query(
            f"SELECT sum(toInt128({what})) FROM tidemark.campaign_{grain} FINAL"  # noqa: S608
        ).columns[0][0]
        return total

    def totals(self) -> dict[str, int]:
        return {grain: self.total(grain) for grain in ("minute", "hour", "day")}

    def count(self, table: str) -> int:
        count: int = self.database.query(f"SELECT count() FROM tidemark.{table}").columns[0][0]  # noqa: S608
        return count

    def ttl(self) -> dict[str, int]:
        found = {}
        for table in ("events", "campaign_minute", "campaign_hour", "campaign_day"):
            engine = self.database.query(
                "SELECT engine_full FROM system.tables WHERE database = 'tidemark' AND name = {name:String}",
                {"name": table},
            ).columns[0][0]
            days = re.search(r"toIntervalDay\((\d+)\)", engine)
            found[table] = int(days[1]) if days else 0
        return found


def late_repair(database: Database) -> Any:
    """Events three days old that went past Flink: the audit finds them, one roll brings them in."""
    scene = Scene(database, KeptDays())
    for number in range(7):
        scene.raw(THREE_DAYS_AGO, f"e{number}")
    scene.minute(THREE_DAYS_AGO, 5)
    scene.rollups.observe(datetime.now(UTC))
    scene.tide.observe([Heartbeat(Path.FOLDED, datetime.now(UTC), "collector", 0, 1, NOW)])
    scene.rollups.observe(datetime.now(UTC))
    scene.rollups.roll(datetime.now(UTC))
    before = scene.totals()
    scene.flow()
    scene.audit.look(lambda: datetime.now(UTC), on_batch=lambda: scene.rollups.observe(datetime.now(UTC)))
    dirty = scene.dirty()
    scene.rollups.roll(datetime.now(UTC))
    return {
        "before": before,
        "dirty_after_the_repair": dirty,
        "after": scene.totals(),
        "dirty_at_the_end": scene.dirty(),
    }


def zeroed_cell(database: Database) -> Any:
    """Flink counted what no raw event stands for."""
    scene = Scene(database, KeptDays())
    scene.minute(THREE_DAYS_AGO, 4)
    scene.flow()
    scene.rollups.roll(datetime.now(UTC))
    scene.audit.look(lambda: datetime.now(UTC), on_batch=lambda: scene.rollups.observe(datetime.now(UTC)))
    scene.rollups.roll(datetime.now(UTC))
    rows = {
        grain: database.query(f"SELECT event, events, quantity FROM tidemark.campaign_{grain} FINAL").rows()  # noqa: S608
        for grain in ("minute", "hour", "day")
    }
    return {"rows": rows}


def old_folder(database: Database) -> Any:
    """Minutes of ten days that no rollup knows, more than a statement takes; the process ends early."""
    database.execute(
        "INSERT INTO tidemark.campaign_minute SELECT {hour:DateTime('UTC')} - 60 * (1 + number % 14400),"
        " 'click', concat('c', toString(intDiv(number, 14400))), '', '', '', '', '', 1, 1, 0, 0, now64(3), 1"
        " FROM numbers(1440000)",
        {"hour": HOUR},
    )
    scene = Scene(database, KeptDays())
    scene.rollups.observe(datetime.now(UTC))
    hours = len(scene.rollups.snapshot.dirty_hours)
    scene.rollups.roll(datetime.now(UTC))
    scene.rollups.roll(datetime.now(UTC))
    dirty = scene.rollups.snapshot.dirty_hours
    disagreeing = database.query(
        "SELECT count() FROM (SELECT toStartOfHour(minute) AS hour, sum(events) AS events FROM"
        " tidemark.campaign_minute FINAL WHERE toUnixTimestamp(hour) NOT IN {dirty:Array(UInt32)} GROUP BY"
        " hour) AS m"
        " LEFT JOIN (SELECT hour, sum(events) AS events FROM tidemark.campaign_hour FINAL GROUP BY hour) AS h"
        " USING hour WHERE m.events != h.events",
        {"dirty": sorted(dirty)},
    ).columns[0][0]
    return {"hours": hours, "dirty_after_two_rolls": len(dirty), "disagreeing_clean_hours": disagreeing}


def old_folder_again(database: Database) -> Any:
    """The same folder, another process."""
    scene = Scene(database, KeptDays())
    start = len(scene.rollups.snapshot.dirty_hours)
    scene.rollups.observe(datetime.now(UTC))
    scene.roll_all()
    dirty = scene.rollups.snapshot
    closed = int(HOUR.timestamp()) // 86_400 * 86_400
    left = [len(dirty.dirty_hours), len([day for day in dirty.dirty_days if day < closed])]
    total = {
        grain: database.query(
            f"SELECT sum(events) FROM tidemark.campaign_{grain} FINAL"  # noqa: S608
            f" WHERE {grain} < toDateTime({closed}, 'UTC')"
        ).columns[0][0]
        for grain in ("minute", "hour", "day")
    }
    return {"dirty_at_the_start": start, "dirty_at_the_end": left, **total}


def great_sums(database: Database) -> Any:
    """Two minutes that fill 64 bits."""
    scene = Scene(database, KeptDays())
    for offset in range(2):
        scene.minute(THREE_DAYS_AGO + offset * MINUTE, 1, value=9_000_000_000_000_000_000)
    scene.flow()
    scene.rollups.roll(datetime.now(UTC))
    return {grain: str(scene.total(grain, "value_micros")) for grain in ("hour", "day")}


def retention(database: Database) -> Any:
    """Raw 35 days, minutes 400: what is older goes; a late event of then changes nothing."""
    scene = Scene(database, KeptDays(raw=35, minute=400))
    old, raw_gone = HOUR - timedelta(days=500), HOUR - timedelta(days=60)
    scene.minute(old, 5)
    scene.minute(raw_gone, 7)
    scene.raw(raw_gone, "gone")
    scene.raw(raw_gone - timedelta(days=40), "kept", received_at=NOW)
    scene.rollups.observe(datetime.now(UTC))
    scene.tide.observe([Heartbeat(Path.FOLDED, datetime.now(UTC), "collector", 0, 1, NOW)])
    scene.rollups.observe(datetime.now(UTC))
    scene.roll_all()
    before = scene.count("campaign_minute")
    scene.retention.apply(datetime.now(UTC), oldest_dirty=scene.rollups.oldest_dirty)
    for table in ("events", "campaign_minute"):
        database.execute(f"OPTIMIZE TABLE tidemark.{table} FINAL")
    after = scene.count("campaign_minute")
    database.execute("TRUNCATE TABLE tidemark.touched")
    scene.touch(Path.RAW, raw_gone)
    scene.minute(old, 1, version=9)
    scene.audit.look(lambda: datetime.now(UTC), on_batch=lambda: None)
    scene.flow()
    scene.audit.look(lambda: datetime.now(UTC), on_batch=lambda: None)
    scene.roll_all()
    return {
        "ttl": scene.ttl(),
        "raw_rows": list(database.query("SELECT event_id FROM tidemark.events").columns[0]),
        "minute_rows_before": before,
        "minute_rows_after": after,
        "repairs": scene.count("repairs"),
        "audit_too_old": scene.audit.too_old,
        "rollups_too_old": scene.rollups.too_old,
        "hour_events": scene.total("hour"),
    }


def retention_ended(database: Database) -> Any:
    """Kept for ever again: what went does not come back, so the floors stay."""
    scene = Scene(database, KeptDays())
    scene.retention.apply(NOW, oldest_dirty=None)
    later = NOW + timedelta(days=100)
    floors: dict[str, int | None] = {}
    for table in ("events", "campaign_minute", "campaign_hour"):
        floor = Retention(database, KeptDays()).floor(table, now=later)
        floors[table] = (NOW - floor).days if floor.year > 1970 else None
    return {"ttl": scene.ttl(), "floor_days_ago": floors}


def minutes_wait(database: Database) -> Any:
    """Minutes older than they are to be kept, which no rollup holds yet."""
    database.execute(
        "INSERT INTO tidemark.campaign_minute SELECT {minute:DateTime('UTC')}, 'click', 'c', '', '', '', '',"
        " '', 1, 1, 0, 0, now64(3), 1",
        {"minute": HOUR - timedelta(days=500)},
    )
    scene = Scene(database, KeptDays(minute=400))
    scene.flow()
    scene.retention.apply(datetime.now(UTC), oldest_dirty=scene.rollups.oldest_dirty)
    before = scene.ttl()["campaign_minute"]
    scene.roll_all()
    scene.retention.apply(datetime.now(UTC), oldest_dirty=scene.rollups.oldest_dirty)
    return {"before_the_roll": before, "after_the_roll": scene.ttl()["campaign_minute"]}


def days(database: Database) -> Any:
    """Thirty days of minutes of one campaign, merged; an hour of them is asked for without a campaign."""
    database.execute(
        "INSERT INTO tidemark.campaign_minute SELECT toDateTime('2026-03-02', 'UTC') + 60 * number, 'click',"
        " 'c', '', '', '', '', '', 1, 1, 0, 0, now64(3), 1 FROM numbers(30 * 1440)"
    )
    database.execute("OPTIMIZE TABLE tidemark.campaign_minute FINAL")
    plan = "\n".join(
        database.query(
            "EXPLAIN indexes = 1 SELECT sum(events) FROM tidemark.campaign_minute FINAL"
            " WHERE minute >= '2026-03-12 10:00:00' AND minute < '2026-03-12 11:00:00'"
        ).columns[0]
    )
    read, parts = re.findall(r"Parts: (\d+)/(\d+)", plan)[0]
    return {"read": int(read), "parts": int(parts)}


STORIES: dict[str, Callable[[Database], Any]] = {
    story.__name__: story
    for story in (
        late_repair,
        zeroed_cell,
        old_folder,
        old_folder_again,
        great_sums,
        retention,
        retention_ended,
        minutes_wait,
        days,
    )
}


def main() -> None:
    """Open, upgrade, tell."""
    database = Database(Folder(sys.argv[2]), brokers="127.0.0.1:9")
    upgrade(database)
    sys.stdout.write(json.dumps(STORIES[sys.argv[1]](database)))
    sys.stdout.flush()
    os._exit(0)  # the engine's threads need no orderly end here


main()
