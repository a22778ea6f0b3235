"""Plans and frames: what SQL is written, what becomes of its result, and in which order things are read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.freshness import Freshness
from tidemark.query.answer import Answerer
from tidemark.query.catalogue import load
from tidemark.query.errors import Code, QueryError
from tidemark.query.frame import ColumnKind, Frame
from tidemark.query.grain import Grain
from tidemark.query.plan import Plan, plan
from tidemark.query.parse import parse_request
from tidemark.query.request import Request, TimeRange
from tidemark.query.resolve import resolve
from tidemark.settings import Settings

CATALOGUE = load(Settings().catalogue)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = TimeRange(NOON, NOON + timedelta(hours=1))


@dataclass
class Rows:
    columns: list[list[Any]]
    row_count: int


@dataclass
class FakeDatabase:
    """Answers everything with the same columns, and keeps what it was asked in `read`."""

    columns: list[list[Any]] = field(default_factory=list)
    failure: Exception | None = None
    read: list[str] = field(default_factory=list)

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> Rows:
        self.read.append(sql)
        assert set(re.findall(r"{(\w+):", sql)) == set(parameters or {}), (
            "every parameter is bound, none too many"
        )
        if self.failure:
            raise self.failure
        return Rows(self.columns, len(self.columns[0]) if self.columns else 0)

    def freshness(self) -> Freshness:
        self.read.append("freshness")
        return Freshness(NOON, NOON - timedelta(seconds=2), None)


def ask(**options: Any) -> Request:
    asked: dict[str, Any] = {"metrics": ["CLICKS"], "time_range": HOUR} | options
    return parse_request(CATALOGUE, **asked)


def planned(**options: Any) -> Plan:
    return plan(resolve(ask(**options), NOON))


def answer(database: FakeDatabase, **options: Any) -> Frame:
    return Answerer(database, database.freshness, "EUR").answer(ask(**options))


def test_a_small_question_is_this_sql() -> None:
    found = planned(
        metrics=["CTR"], dimensions=["CAMPAIGN"], where=[("COUNTRY", "NOT_IN", ["DE"])], grain="HOUR"
    )
    assert found.sql == (
        "SELECT\n"
        "    toUnixTimestamp(toDateTime(toStartOfHour(minute), 'UTC')) AS bucket,\n"
        "    campaign_id,\n"
        "    sumIf(toInt128(quantity), event = {event_0:String}) AS sum_0,\n"
        "    sumIf(toInt128(quantity), event = {event_1:String}) AS sum_1\n"
        "FROM\n"
        "(\n"
        "    SELECT\n"
        "        minute, event, campaign_id, ad_id, channel, source, platform, country,\n"
        "        events, quantity, value_micros, cost_micros\n"
        "    FROM tidemark.campaign_minute FINAL\n"
        "    WHERE (minute >= toDateTime({start_0:UInt32}, 'UTC') "
        "AND minute < toDateTime({end_0:UInt32}, 'UTC'))\n"
        "        AND events != 0\n"
        "        AND event IN {events:Array(String)}\n"
        "        AND country NOT IN {where_0:Array(String)}\n"
        ")\n"
        "GROUP BY bucket, campaign_id\n"
        "ORDER BY bucket, campaign_id\n"
        "LIMIT {rows:UInt32}\n"
        "SETTINGS max_execution_time = 10, max_memory_usage = 2000000000"
    )
    assert found.parameters == {
        "rows": 1001,
        "events": ["click", "impression"],
        "where_0": ["DE"],
        "start_0": NOON.timestamp(),
        "end_0": NOON.timestamp() + 3600,
        "event_0": "click",
        "event_1": "impression",
    }
    assert found.source == "campaign_minute"


@given(
    values=st.lists(st.text(), min_size=1),
    dimension=st.sampled_from(list(CATALOGUE.dimensions)),
    operator=st.sampled_from(["IN", "NOT_IN"]),
    grain=st.sampled_from([None, *Grain]),
)
def test_no_value_ever_reaches_the_text_of_the_sql(
    values: list[str], dimension: str, operator: str, grain: str | None
) -> None:
    options = {"dimensions": ["AD"], "grain": grain}
    found = planned(where=[(dimension, operator, values)], **options)
    assert found.sql == planned(where=[(dimension, operator, ["x"])], **options).sql
    assert found.parameters["where_0"] == list(dict.fromkeys(values))


def test_money_and_event_counts_read_every_event() -> None:
    for metric in ("SPEND", "REVENUE", "EVENTS", "CPC"):
        assert "events" not in planned(metrics=["CLICKS", metric]).parameters


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ({"dimensions": ["AD", "EVENT"]}, "ORDER BY sum_0 DESC NULLS LAST, ad_id, event"),
        ({"dimensions": ["AD"], "metrics": []}, "ORDER BY ad_id"),
        ({"dimensions": ["AD"], "grain": "DAY"}, "ORDER BY bucket, ad_id"),
        ({"grain": "MONTH"}, "ORDER BY bucket"),
        ({"dimensions": ["AD"], "metrics": ["CTR"]}, "ORDER BY if(sum_1 = 0, NULL, toFloat64("),
    ],
)
def test_rows_have_one_order(options: dict[str, Any], order: str) -> None:
    assert f"\n{order}" in planned(**options).sql


def test_a_total_has_no_groups_and_so_always_a_row() -> None:
    assert "GROUP BY" not in planned().sql
    assert "ORDER BY" not in planned().sql


def test_both_edges_are_read_from_raw_events_at_once() -> None:
    edges = TimeRange(NOON + timedelta(seconds=1), NOON + timedelta(minutes=3, seconds=1))
    found = planned(time_range=edges)
    assert found.source == "campaign_minute+events"
    assert found.sql.count("FROM tidemark.events FINAL") == 1
    assert found.sql.count("event_time >= ") == 2
    assert found.parameters["end_2"] == to_milliseconds(edges.end)


def to_milliseconds(instant: datetime | None) -> int:
    assert instant is not None
    return round(instant.timestamp() * 1000)


def test_sums_become_metrics_and_seconds_become_instants() -> None:
    seconds = round(NOON.timestamp())
    database = FakeDatabase([[seconds, seconds], ["a", "b"], [7, 0], [58_705_229_957, 1]])
    frame = answer(database, metrics=["CLICKS", "SPEND", "CPC"], dimensions=["CAMPAIGN"], grain="HOUR")
    assert [(column.name, column.kind, column.unit, list(column.values)) for column in frame.columns] == [
        ("bucket", ColumnKind.BUCKET, None, ["2026-11-23T12:00:00Z"] * 2),
        ("campaign", ColumnKind.DIMENSION, None, ["a", "b"]),
        ("clicks", ColumnKind.METRIC, None, [7, 0]),
        ("spend", ColumnKind.METRIC, "EUR", [58705.229957, 1e-06]),
        ("cpc", ColumnKind.METRIC, "EUR", [58_705_229_957 / 7_000_000, None]),
    ]
    assert (frame.row_count, frame.truncated) == (2, False)


def test_one_row_more_than_the_limit_is_cut_off_and_told() -> None:
    database = FakeDatabase([["a", "b", "c"], [3, 2, 1]])
    frame = answer(database, dimensions=["AD"], limit=2)
    assert (frame.row_count, frame.truncated) == (2, True)
    assert [list(column.values) for column in frame.columns] == [["a", "b"], [3, 2]]


def test_an_empty_result_without_columns_is_an_empty_frame() -> None:
    frame = answer(FakeDatabase([]), metrics=["CLICKS", "CTR"], dimensions=["AD"], grain="DAY")
    assert [(column.name, list(column.values)) for column in frame.columns] == [
        *(("bucket", []), ("ad", []), ("clicks", []), ("ctr", []))
    ]
    assert frame.row_count == 0


def test_the_watermark_is_read_before_the_data() -> None:
    database = FakeDatabase([[1]])
    answer(database)
    assert database.read[0] == "freshness"
    assert len(database.read) == 2


@pytest.mark.parametrize(
    ("engine", "code", "says"),
    [
        (
            "Code: 159. DB::Exception: Timeout exceeded (TIMEOUT_EXCEEDED)",
            Code.QUERY_TIMEOUT,
            "The query took longer than 10 s; ask for",
        ),
        (
            "Code: 241. (MEMORY_LIMIT_EXCEEDED)",
            Code.QUERY_TOO_LARGE,
            "The query needed more than 2,000 MB; ask for",
        ),
    ],
)
def test_a_query_that_is_too_much_says_what_to_ask_instead(engine: str, code: Code, says: str) -> None:
    with pytest.raises(QueryError, match=says) as error:
        answer(FakeDatabase(failure=RuntimeError(engine)))
    assert error.value.code is code


def test_other_errors_of_the_database_pass_through() -> None:
    with pytest.raises(RuntimeError, match="gone"):
        answer(FakeDatabase(failure=RuntimeError("gone")))


def test_freshness_tells_its_lag_and_whether_the_last_bucket_fills() -> None:
    known = Freshness(NOON, NOON - timedelta(seconds=2), None)
    assert known.lag_ms == 2000
    assert Freshness(NOON, NOON + timedelta(seconds=1), None).lag_ms == 0
    assert Freshness(NOON, None, None).lag_ms is None
    assert not known.is_open(NOON - timedelta(seconds=2))
    assert known.is_open(NOON)
    assert Freshness(NOON, None, None).is_open(NOON)
