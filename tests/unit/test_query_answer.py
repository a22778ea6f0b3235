"""Plans and frames: what SQL is written, what becomes of its result, and in which order things are read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.freshness import Freshness
from tidemark.query.answer import Answerer
from tidemark.query.catalogue import load
from tidemark.query.errors import Code, QueryError
from tidemark.query.frame import ColumnKind, Frame
from tidemark.query.grain import Grain
from tidemark.query.interval import wilson
from tidemark.query.parse import parse_request
from tidemark.query.plan import Plan, plan
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
    rows_read: int = 9
    bytes_read: int = 99
    elapsed_ms: float = 1.5


@dataclass
class FakeDatabase:
    """Answers everything with the same columns, and keeps what it was asked in `read`."""

    columns: list[list[Any]] = field(default_factory=list)
    failure: Exception | None = None
    read: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def query(
        self, sql: str, parameters: Mapping[str, object] | None = None, *, query_id: str | None = None
    ) -> Rows:
        self.read.append(f"{query_id}: {sql}" if query_id else sql)
        assert set(re.findall(r"{(\w+):", sql)) == set(parameters or {}), (
            "every parameter is bound, none too many"
        )
        if self.failure:
            raise self.failure
        return Rows(self.columns, len(self.columns[0]) if self.columns else 0)

    def cancel(self, query_id: str) -> None:
        self.cancelled.append(query_id)

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
    found = planned(metrics=["CTR"], dimensions=["CAMPAIGN"], where=[("COUNTRY", "NOT_IN", ["DE"])])
    assert found.sql == (
        "WITH campaign_id AS d0\n"
        "SELECT\n"
        "    d0 AS dim0,\n"
        "    sumIf(toInt128(quantity), event = 'click') AS s0,\n"
        "    sumIf(toInt128(quantity), event = 'impression') AS s1\n"
        "FROM tidemark.campaign_minute FINAL\n"
        "PREWHERE (minute >= toDateTime({campaign_minute_0_0_from:UInt32}, 'UTC')"
        " AND minute < toDateTime({campaign_minute_0_0_to:UInt32}, 'UTC'))\n"
        "    AND event IN ('click', 'impression')\n"
        "    AND country NOT IN {where_0:Array(String)}\n"
        "WHERE events != 0\n"
        "GROUP BY dim0\n"
        "ORDER BY if(s1 = 0, NULL, toFloat64(s0) / toFloat64(s1)) DESC NULLS LAST, dim0\n"
        "LIMIT {rows:UInt32}\n"
        "SETTINGS max_execution_time = 10, max_memory_usage = 2000000000"
    )
    assert found.parameters == {
        "rows": 1001,
        "where_0": ["DE"],
        "campaign_minute_0_0_from": NOON.timestamp(),
        "campaign_minute_0_0_to": NOON.timestamp() + 3600,
    }
    assert found.source == "campaign_minute"


EVERYTHING: dict[str, Any] = {
    "metrics": ["CTR", "REACH"],
    "dimensions": ["AD", "UTM_SOURCE"],
    "grain": "DAY",
    "timezone": "Europe/Berlin",
    "compare": "PREVIOUS_WEEK",
    "top": (3, "SPEND", True),
    "having": [("CPM", 0.5, 9.0)],
    "order_by": [("CPA", None, False, "ASC"), (None, "AD", False, "DESC"), (None, None, True, "DESC")],
}


def test_all_options_together_are_one_statement_with_every_parameter_bound() -> None:
    found = planned(**EVERYTHING)
    assert set(re.findall(r"{(\w+):", found.sql)) == found.parameters.keys()
    assert set(re.findall(r"{(\w+):", found.estimate_sql)) <= found.estimate_parameters.keys()
    assert found.sql.count("WITH FILL") == 1
    assert found.sql.count("FROM tidemark.events FINAL") == 1, "the top are found in what is read once"


def test_overlapping_ranges_are_read_one_by_one_and_others_together() -> None:
    week = TimeRange(NOON - timedelta(days=7), NOON)
    one = planned(time_range=week, compare="PREVIOUS_PERIOD")
    two = planned(time_range=week, compare="PREVIOUS_DAY")
    assert one.sql.count("FROM tidemark.campaign_minute FINAL") == 1
    assert two.sql.count("FROM tidemark.campaign_minute FINAL") == 2


@given(
    values=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1),
    dimension=st.sampled_from(list(CATALOGUE.dimensions)),
    operator=st.sampled_from(["IN", "NOT_IN", "CONTAINS"]),
    grain=st.sampled_from([None, *Grain]),
)
def test_no_value_ever_reaches_the_text_of_the_sql(
    values: list[str], dimension: str, operator: str, grain: str | None
) -> None:
    options = {"dimensions": ["AD"], "grain": grain}
    found = planned(where=[(dimension, operator, values)], **options)
    assert found.sql == planned(where=[(dimension, operator, ["x"])], **options).sql
    assert found.parameters["where_0"] == sorted(set(values))


def test_prefixes_are_bound_one_by_one() -> None:
    found = planned(where=[("CAMPAIGN", "PREFIX", ["b'", "a"])])
    assert (
        "AND (startsWith(campaign_id, {where_0_0:String}) OR startsWith(campaign_id, {where_0_1:String}))"
        in found.sql
    )
    assert (found.parameters["where_0_0"], found.parameters["where_0_1"]) == ("a", "b'")


def test_ranges_that_begin_before_any_event_do_not_share_an_answer_that_names_its_range() -> None:
    end = datetime(2001, 1, 1, tzinfo=UTC)
    begins = (datetime(year, 1, 1, tzinfo=UTC) for year in (1998, 1999))
    one, other = (planned(time_range=TimeRange(start, end)) for start in begins)
    assert one.parameters == other.parameters
    assert one.key != other.key


def test_many_prefixes_do_not_make_the_statement_longer_than_the_engine_reads() -> None:
    values = [f"{number:04d}" for number in range(1_000)]
    found = planned(where=[("CAMPAIGN", "PREFIX", values)] * 15)
    assert "arrayExists(part -> startsWith(campaign_id, part), {where_14:Array(String)})" in found.sql
    assert len(found.sql) < 10_000
    assert found.parameters["where_0"] == values


def test_money_and_event_counts_read_every_event() -> None:
    for metric in ("SPEND", "REVENUE", "EVENTS", "CPC"):
        assert "event IN" not in planned(metrics=["CLICKS", metric]).sql


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ({"dimensions": ["AD", "EVENT"]}, "ORDER BY s0 DESC NULLS LAST, dim0, dim1"),
        ({"dimensions": ["AD"], "metrics": []}, "ORDER BY dim0"),
        ({"dimensions": ["AD"], "grain": "DAY"}, "ORDER BY bucket, dim0"),
        ({"grain": "MONTH"}, "ORDER BY bucket"),
        ({"dimensions": ["AD"], "metrics": ["CTR"]}, "ORDER BY if(s1 = 0, NULL, toFloat64("),
        (
            {"dimensions": ["AD"], "top": (2, "CTR", True)},
            "ORDER BY other, s0 DESC NULLS LAST, other, dim0",
        ),
        (
            {"dimensions": ["AD"], "order_by": [(None, "AD", False, "DESC"), ("SPEND", None, False, "ASC")]},
            "ORDER BY dim0 DESC, toFloat64(s1) / toFloat64(toInt256(1000000)) ASC NULLS LAST, dim0",
        ),
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
    assert found.sql.count("event_time >= ") == 4, "both edges, and the keys of both"
    assert found.parameters["events_0_2_to"] == to_milliseconds(edges.end)


def to_milliseconds(instant: datetime | None) -> int:
    assert instant is not None
    return round(instant.timestamp() * 1000)


def test_sums_become_metrics_and_numbers_become_buckets() -> None:
    database = FakeDatabase([[0, 0], ["a", "b"], [7, 0], [58_705_229_957, 1]])
    frame = answer(database, metrics=["CLICKS", "SPEND", "CPC"], dimensions=["CAMPAIGN"], grain="HOUR")
    assert [(column.name, column.kind, column.unit, list(column.values)) for column in frame.columns] == [
        ("bucket", ColumnKind.BUCKET, None, ["2026-11-23T12:00:00Z"] * 2),
        ("campaign", ColumnKind.DIMENSION, None, ["a", "b"]),
        ("clicks", ColumnKind.METRIC, None, [7, 0]),
        ("spend", ColumnKind.METRIC, "EUR", [58705.229957, 1e-06]),
        ("cpc", ColumnKind.METRIC, "EUR", [58_705_229_957 / 7_000_000, None]),
    ]
    assert (frame.row_count, frame.truncated) == (2, False)
    assert (frame.rows_read, frame.bytes_read, frame.elapsed_ms) == (9, 99, 1.5)


def test_a_comparison_has_the_earlier_value_and_the_change() -> None:
    database = FakeDatabase([[6, 5, 1], [10, 0, 2], [4, 0, 1], [8, 5, 0]])
    frame = answer(database, metrics=["CLICKS", "CTR"], dimensions=[], compare="PREVIOUS_DAY", grain=None)
    assert {column.name: list(column.values)[:3] for column in frame.columns} == {
        "clicks": [6, 5, 1],
        "ctr": [0.6, None, 0.5],
        "previous.clicks": [4, 0, 1],
        "previous.ctr": [0.5, 0.0, None],
        "change.clicks": [0.5, None, 0.0],
        "change.ctr": [(0.6 - 0.5) / 0.5, None, None],
        "lower.ctr": [pytest.approx(0.312674, abs=1e-6), None, pytest.approx(0.094531, abs=1e-6)],
        "upper.ctr": [pytest.approx(0.831820, abs=1e-6), None, pytest.approx(0.905469, abs=1e-6)],
    }


def test_a_bucket_without_a_counterpart_has_no_earlier_value() -> None:
    zone = ZoneInfo("Europe/Berlin")
    night = TimeRange(datetime(2026, 10, 25, 2, tzinfo=zone), datetime(2026, 10, 25, 3, tzinfo=zone))
    database = FakeDatabase([[0, 1], [5, 5], [2, 0]])
    frame = answer(database, grain="HOUR", timezone="Europe/Berlin", compare="PREVIOUS_DAY", time_range=night)
    assert {column.name: list(column.values) for column in frame.columns} == {
        "bucket": ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"],
        "clicks": [5, 5],
        "previous.clicks": [2, None],
        "change.clicks": [1.5, None],
    }


def test_the_remainder_has_no_name() -> None:
    database = FakeDatabase([[0, 0, 1], ["a", "", ""], [3, 2, 9]])
    frame = answer(database, dimensions=["CAMPAIGN"], top=(2, "CLICKS", True))
    assert {column.name: list(column.values) for column in frame.columns} == {
        "other": [False, False, True],
        "campaign": ["a", "", None],
        "clicks": [3, 2, 9],
    }


@pytest.mark.parametrize(
    ("successes", "trials", "bounds"),
    [
        (0, 0, (None, None)),
        (-1, 10, (None, None)),
        (11, 10, (None, None)),
        (0, 10, (0.0, 0.2775327998628892)),
        (10, 10, (0.7224672001371107, 1.0)),
        (1, 10**12, (1.7652e-13, 5.6649e-12)),
    ],
)
def test_a_rate_has_wilsons_interval_where_it_is_a_share(
    successes: int, trials: int, bounds: tuple[float | None, float | None]
) -> None:
    """The figures for 0 and 10 of 10 are statsmodels' proportion_confint(method="wilson")."""
    [low], [high] = wilson([successes], [trials])
    assert (low, high) == tuple(
        bound if bound is None else pytest.approx(bound, rel=1e-4) for bound in bounds
    )


def test_one_row_more_than_the_limit_is_cut_off_and_told() -> None:
    database = FakeDatabase([["a", "b", "c"], [3, 2, 1]])
    frame = answer(database, dimensions=["AD"], limit=2)
    assert (frame.row_count, frame.truncated) == (2, True)
    assert [list(column.values) for column in frame.columns] == [["a", "b"], [3, 2]]


def test_an_empty_result_without_columns_is_an_empty_frame() -> None:
    frame = answer(FakeDatabase([]), metrics=["CLICKS", "CTR"], dimensions=["AD"], grain="DAY")
    assert [(column.name, list(column.values)) for column in frame.columns] == [
        *(("bucket", []), ("ad", []), ("clicks", []), ("ctr", []), ("lower.ctr", []), ("upper.ctr", []))
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
            "The query took longer than 10 s and was ended; ask for",
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
