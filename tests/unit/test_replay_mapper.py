import csv
import datetime as dt
import io
import json
import sys
from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal
from importlib import util
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.ingest.replay.cells import UnreadableError
from tidemark.ingest.replay.document import MapError, Node
from tidemark.ingest.replay.event import Event, Sums
from tidemark.ingest.replay.mapper import Mapper, Replayed
from tidemark.ingest.replay.mapping import load_map, parse_map
from tidemark.ingest.replay.rows import open_rows

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
TRUTHS = json.loads((DATA / "truths.json").read_text(encoding="utf-8"))
CLICKS = load_map(ROOT / "examples" / "ad_clicks.yaml")
CAMPAIGNS = load_map(ROOT / "examples" / "ad_campaigns.yaml")
CLICK_COLUMNS = ("ip", "app", "device", "os", "channel", "click_time", "attributed_time", "is_attributed")
CAMPAIGN_COLUMNS = tuple(
    (DATA / "ad_campaigns_sample.csv").read_text(encoding="utf-8").partition("\n")[0].split(",")
)


def mapped(name: str, map_path: Path) -> tuple[list[Event], list[UnreadableError]]:
    replay_map = load_map(map_path)
    outcomes: list[Event | UnreadableError] = []
    with open_rows(str(DATA / name), replay_map) as rows:
        mapper = Mapper(replay_map, rows.columns)
        for number, record in rows:
            assert not isinstance(record, UnreadableError)
            outcomes += mapper.events(record, number)
    events = [outcome for outcome in outcomes if isinstance(outcome, Event)]
    return events, [outcome for outcome in outcomes if isinstance(outcome, UnreadableError)]


def summed(events: list[Event]) -> dict[str, Sums]:
    sums: defaultdict[str, Sums] = defaultdict(Sums)
    for event in events:
        sums[event.event].add(event)
    return sums


def identities(events: list[Event]) -> set[tuple[str, str, str, int]]:
    return {(event.event_id, event.event, event.campaign_id, event.original_time) for event in events}


def test_the_sample_files_are_what_their_script_makes() -> None:
    spec = util.spec_from_file_location("make_samples", DATA / "make_samples.py")
    assert spec
    assert spec.loader
    script = util.module_from_spec(spec)
    sys.modules["make_samples"] = script
    spec.loader.exec_module(script)
    for name, text in script.samples().items():
        assert (DATA / name).read_text(encoding="utf-8") == text


def test_each_click_row_is_a_click_and_an_attributed_one_a_conversion_too() -> None:
    events, unreadable = mapped("ad_clicks_sample.csv", ROOT / "examples" / "ad_clicks.yaml")
    truth, sums = TRUTHS["ad_clicks_sample.csv"], summed(events)
    assert not unreadable
    assert sums["click"].quantity == truth["clicks"]
    assert sums["conversion"].quantity == truth["conversions"]
    assert len(identities(events)) == len(events) == truth["clicks"] + truth["conversions"]
    for campaign, clicks in truth["clicks_by_campaign"].items():
        assert sum(e.event == "click" and e.campaign_id == campaign for e in events) == clicks


def test_an_ad_row_is_up_to_four_events_and_a_zero_none() -> None:
    events, unreadable = mapped("ad_campaigns_sample.csv", ROOT / "examples" / "ad_campaigns.yaml")
    truth, sums = TRUTHS["ad_campaigns_sample.csv"], summed(events)
    assert not unreadable
    assert len(identities(events)) == len(events) == truth["events"]
    assert sums["impression"].quantity == truth["impressions"]
    assert sums["click"].quantity == truth["clicks"]
    assert sums["conversion"].quantity == truth["conversions"]
    assert sum(one.cost_micros for one in sums.values()) == truth["spend_micros"]
    assert sums["spend"].cost_micros == truth["spend_micros"]


def test_an_export_in_ndjson_is_mapped_by_paths_of_keys() -> None:
    events, unreadable = mapped("export_sample.ndjson", DATA / "export.yaml")
    truth, sums = TRUTHS["export_sample.ndjson"], summed(events)
    assert not unreadable
    assert len(events) == truth["rows"]
    assert sums["refund"].events == truth["refunds"]
    assert sum(one.value_micros for one in sums.values()) == truth["revenue_micros"]
    assert events[1].user_id == "ü-1"
    assert events[1].properties == {"items": "2"}
    assert events[0].user_id == ""


def test_a_row_that_cannot_be_read_says_why_and_the_others_are_mapped() -> None:
    events, unreadable = mapped("ad_clicks_bad_rows.csv", ROOT / "examples" / "ad_clicks.yaml")
    truth, sums = TRUTHS["ad_clicks_bad_rows.csv"], summed(events)
    assert sums["click"].events == truth["clicks"]
    assert "conversion" not in sums
    assert [(problem.path, problem.reason, problem.cell) for problem in unreadable] == [
        ("row", "has not the 8 cells that the header has", "6"),
        ("events[0].event_time", "is no time of the format %Y-%m-%d %H:%M", "yesterday"),
        ("events[1].event_time", "is no time of the format %Y-%m-%d %H:%M", "never"),
        ("events[0].event_time", "lies outside the years 2000 to 2099", "2187-11-07 9:30"),
        ("events[0].event_time", "is no time of the format %Y-%m-%d %H:%M", "2017-02-30 9:30"),
    ]


def test_a_shift_moves_the_time_and_keeps_the_original_and_so_the_identity() -> None:
    row = ["1", "2", "3", "4", "5", "2017-11-07 9:30", "2017-11-07 9:40", "1"]
    plain = [e for e in Mapper(CLICKS, CLICK_COLUMNS).events(row, 7) if isinstance(e, Event)]
    shifted = [
        e for e in Mapper(CLICKS, CLICK_COLUMNS, Replayed(1000)).events(row, 7) if isinstance(e, Event)
    ]
    assert identities(plain) == identities(shifted)
    assert [e.event_time for e in shifted] == [e.original_time + 1000 for e in plain]
    assert [e.event_time for e in plain] == [e.original_time for e in plain]
    assert plain[1].original_time - plain[0].original_time == 600_000


def test_another_run_makes_other_events_of_the_same_row() -> None:
    row = ["1", "2", "3", "4", "5", "2017-11-07 9:30", "", "0"]
    (one,) = Mapper(CLICKS, CLICK_COLUMNS, Replayed(run="monday")).events(row, 7)
    assert isinstance(one, Event)
    assert one.event_id == "ad-clicks-7@monday"


def test_a_column_that_is_not_in_the_file_is_named_with_those_that_are() -> None:
    event = {
        "event": "x",
        "event_id": "{row}",
        "event_time": {"column": "t", "format": "rfc3339"},
        "ad_id": "{foo}",
    }
    replay_map = parse_map(Node({"events": [event, event]}, ""))
    with pytest.raises(MapError) as caught:
        Mapper(replay_map, ("t", "bar"))
    assert str(caught.value) == "events[0].ad_id: column 'foo' is not in the file; it has: t, bar"


def test_an_event_without_an_id_or_a_name_is_refused() -> None:
    event = {"event": "{n}", "event_id": "{i}", "event_time": {"column": "t", "format": "rfc3339"}}
    mapper = Mapper(parse_map(Node({"events": [event]}, "")), ("n", "i", "t"))
    problems = [*mapper.events(["", "1", ""], 1), *mapper.events(["n", "", ""], 2)]
    assert [str(problem) for problem in problems] == [
        "events[0].event: is empty",
        "events[0].event_id: is empty",
    ]


def test_an_empty_property_is_left_out_and_the_event_can_name_itself() -> None:
    event = {
        "event": "x",
        "event_id": "{event}-{row}",
        "event_time": {"column": "t", "format": "rfc3339"},
        "properties": {"a": "{a}", "b": "{b}!"},
    }
    mapper = Mapper(parse_map(Node({"events": [event]}, "")), ("a", "b", "t"))
    (one,) = mapper.events(["", "2", "2020-01-01T00:00:00Z"], 3)
    assert isinstance(one, Event)
    assert (one.event_id, one.properties) == ("x-3", {"b": "2!"})


@st.composite
def ad_rows(draw: st.DrawFn) -> list[list[str]]:
    number = st.integers(0, 100_000).map(lambda n: n if n % 3 else 0)
    nanos = st.integers(0, 10**12).map(lambda n: n // 500 * 500)
    return [
        [
            f"{draw(st.integers(1, 28)):02}-08-2023",
            str(row),
            draw(st.sampled_from(["916", "936"])),
            "1",
            "30-34",
            "M",
            "15",
            str(draw(number)),
            str(draw(number)),
            f"{Decimal(draw(nanos)).scaleb(-9):f}",
            str(draw(number)),
            "0",
        ]
        for row in range(draw(st.integers(0, 12)))
    ]


@given(ad_rows())
def test_the_totals_of_any_ad_file_are_those_of_a_plain_recomputation(rows: list[list[str]]) -> None:
    mapper = Mapper(CAMPAIGNS, CAMPAIGN_COLUMNS)
    outcomes = [outcome for number, row in enumerate(rows, 1) for outcome in mapper.events(row, number)]
    events = [outcome for outcome in outcomes if isinstance(outcome, Event)]
    assert len(events) == len(outcomes)
    text = io.StringIO()
    csv.writer(text).writerows([CAMPAIGN_COLUMNS, *rows])
    text.seek(0)
    expected = {"impression": 0, "click": 0, "conversion": 0}
    spend = Decimal(0)
    for record in csv.DictReader(text):
        expected["impression"] += int(record["Impressions"])
        expected["click"] += int(record["Clicks"])
        expected["conversion"] += int(record["Total_Conversion"])
        spend += Decimal(record["Spent"]).quantize(Decimal("0.000001"), ROUND_HALF_EVEN)
    sums = summed(events)
    assert {name: sums[name].quantity for name in expected} == expected
    assert Decimal(sum(event.cost_micros for event in events)) / 1_000_000 == spend
    assert all(event.quantity != 0 for event in events)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40))
def test_rows_that_are_equal_byte_for_byte_are_events_of_their_own(rows: list[tuple[int, bool]]) -> None:
    start = dt.datetime(2017, 11, 6, tzinfo=dt.UTC)
    mapper = Mapper(CLICKS, CLICK_COLUMNS)
    events: list[Event] = []
    for number, (minute, attributed) in enumerate(rows, 1):
        at = f"{start + dt.timedelta(minutes=minute):%Y-%m-%d %H:%M}"
        row = ["1", "2", "3", "4", "5", at, at if attributed else "", str(int(attributed))]
        events += [event for event in mapper.events(row, number) if isinstance(event, Event)]
    assert len(identities(events)) == len(rows) + sum(attributed for _, attributed in rows)
