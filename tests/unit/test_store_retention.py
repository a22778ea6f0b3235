"""What retention refuses, and what it never lets go too early."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from tidemark.background import kept_by
from tidemark.query.instant import to_ms
from tidemark.store.database import Table
from tidemark.store.retention import KeptDays, Retention, RetentionError

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Store:
    """Tables with the TTL they have; what was executed is kept, and may fail."""

    def __init__(self, **days: int) -> None:
        self.days = days
        self.retained: list[tuple[object, ...]] = []
        self.executed: list[str] = []

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> Table:
        if "retained" in sql:
            return Table(
                (), [list(column) for column in zip(*self.retained, strict=True)], len(self.retained)
            )
        assert parameters
        days = self.days.get(str(parameters["table"]))
        engine = f"ReplacingMergeTree TTL x + toIntervalDay({days}) SETTINGS y = 1" if days else "MergeTree"
        return Table((), [[engine]], 1)

    def execute(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        self.executed.append(sql)
        if parameters:
            self.retained.append((parameters["table"], parameters["floor"]))


@pytest.mark.parametrize(
    ("kept", "horizon", "says"),
    [
        (KeptDays(raw=1), HOUR, "RAW_DAYS is 1"),
        (KeptDays(minute=2), HOUR, "MINUTE_DAYS is 2, but buckets of the last 3 days"),
        (KeptDays(minute=9), timedelta(days=8), "MINUTE_DAYS is 9, but buckets of the last 10 days"),
        (
            KeptDays(hour=400),
            HOUR,
            "HOUR_DAYS is 400, shorter than TIDEMARK_RETENTION_MINUTE_DAYS (0, for ever)",
        ),
        (
            KeptDays(minute=90, hour=80),
            HOUR,
            "HOUR_DAYS is 80, shorter than TIDEMARK_RETENTION_MINUTE_DAYS (90)",
        ),
        (KeptDays(minute=90, day=900), HOUR, "DAY_DAYS is 900, shorter than TIDEMARK_RETENTION_HOUR_DAYS"),
    ],
)
def test_a_retention_that_takes_what_is_still_needed_is_refused_with_the_reason(
    kept: KeptDays, horizon: timedelta, says: str
) -> None:
    with pytest.raises(RetentionError) as refused:
        kept.check(horizon)
    assert says in str(refused.value)


@pytest.mark.parametrize("kept", [KeptDays(), KeptDays(raw=35, minute=400), KeptDays(2, 3, 3, 3)])
def test_what_is_recommended_and_the_least_are_taken(kept: KeptDays) -> None:
    kept.check(HOUR)


def test_only_what_differs_is_altered() -> None:
    store = Store(events=35)
    retention = Retention(store, KeptDays(raw=35, minute=400))
    retention.apply(NOW, oldest_dirty=None)
    retention.apply(NOW, oldest_dirty=None)
    assert [sql.split(" MODIFY")[0] for sql in store.executed] == ["ALTER TABLE tidemark.campaign_minute"]


def test_minutes_stay_until_the_rollups_hold_them_and_raw_events_go_at_once() -> None:
    store = Store()
    retention = Retention(store, KeptDays(raw=35, minute=400))
    retention.apply(NOW, oldest_dirty=NOW - timedelta(days=401))
    assert [sql.split(" MODIFY")[0] for sql in store.executed] == ["ALTER TABLE tidemark.events"]
    assert retention.floor("campaign_minute", now=NOW).year == 1970
    retention.apply(NOW, oldest_dirty=NOW - timedelta(days=398))
    assert retention.floor("campaign_minute", now=NOW) == NOW - timedelta(days=399)


def test_the_floor_is_a_day_later_than_what_goes_and_the_latest_of_the_tables_counts() -> None:
    retention = Retention(Store(events=35, campaign_minute=400), KeptDays(raw=35, minute=400))
    assert retention.floor("events", "campaign_minute", now=NOW) == NOW - timedelta(days=34)
    assert retention.floor("campaign_hour", now=NOW).year == 1970


def test_what_went_is_remembered_when_a_retention_becomes_longer() -> None:
    store = Store(events=35)
    Retention(store, KeptDays(raw=90)).apply(NOW, oldest_dirty=None)
    store.days["events"] = 90
    again = Retention(store, KeptDays(raw=90))
    assert again.floor("events", now=NOW) == NOW - timedelta(days=34)
    assert again.floor("events", now=NOW + timedelta(days=80)) == NOW - timedelta(days=9)


def test_the_planner_hears_of_what_went_before_a_retention_became_longer_or_ended() -> None:
    store = Store(events=35, campaign_day=800)
    Retention(store, KeptDays()).apply(NOW, oldest_dirty=None)
    store.days = dict.fromkeys(store.days, 0)
    kept = kept_by(Retention(store, KeptDays()), NOW + timedelta(days=80))
    assert kept.events == to_ms(NOW - timedelta(days=34))
    assert kept.day == to_ms(NOW - timedelta(days=799))
    assert kept.minute == 0
