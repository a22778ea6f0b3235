import decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tidemark.ingest.replay.document import MapError, Node
from tidemark.ingest.replay.mapping import load_map, parse_map
from tidemark.ingest.replay.spec import Column, EventName, Predicate, ReplayMap, TimeFormat, Unit

ROOT = Path(__file__).parents[2]
EVENT: dict[str, object] = {
    "event": "click",
    "event_id": "{row}",
    "event_time": {"column": "at", "format": "rfc3339"},
}


def parse(**changes: object) -> ReplayMap:
    return parse_map(Node({"events": [{**EVENT, **changes}]}, ""))


def problem(document: object) -> str:
    with pytest.raises(MapError) as caught:
        parse_map(Node(document, ""))
    return str(caught.value)


def problem_of(**changes: object) -> str:
    return problem({"events": [{**EVENT, **changes}]})


@pytest.mark.parametrize("name", ["ad_clicks", "ad_campaigns"])
def test_the_examples_are_maps(name: str) -> None:
    assert load_map(ROOT / "examples" / f"{name}.yaml").events


def test_a_template_holds_literals_columns_and_the_events_name() -> None:
    (event,) = parse(event_id="{event}/{a b}-{row}", campaign_id=916, ad_id="{{x}}").events
    assert event.event_id.parts == (EventName(), "/", Column("a b"), "-", Column("row"))
    assert dict(event.texts)["campaign_id"].parts == ("916",)
    assert "".join(str(part) for part in dict(event.texts)["ad_id"].parts) == "{x}"


def test_a_columns_name_may_hold_a_colon_or_an_exclamation_mark() -> None:
    (event,) = parse(campaign_id="{utm: campaign}", ad_id="{ad!r}").events
    texts = dict(event.texts)
    assert texts["campaign_id"].parts == (Column("utm: campaign"),)
    assert texts["ad_id"].parts == (Column("ad!r"),)


def test_what_is_common_holds_for_all_events_and_an_events_own_word_wins() -> None:
    common = {**EVENT, "campaign_id": "a", "properties": {"x": "1", "y": "1"}}
    del common["event"]
    own = {"event": "click", "campaign_id": "b", "properties": {"y": "2"}}
    one, two = parse_map(Node({"common": common, "events": [own, {"event": "view"}]}, "")).events
    assert [dict(event.texts)["campaign_id"].parts for event in (one, two)] == [("b",), ("a",)]
    assert {name: text.parts for name, text in one.properties} == {"x": ("1",), "y": ("2",)}


def test_conditions_of_common_and_event_must_all_hold() -> None:
    common = {"when": {"column": "a", "not_empty": True}}
    event = {**EVENT, "when": [{"column": "b", "equals": [1, "x"]}, {"column": "c", "greater_than": 0.5}]}
    conditions = parse_map(Node({"common": common, "events": [event]}, "")).events[0].when
    assert [(condition.test, condition.values) for condition in conditions] == [
        (Predicate.NOT_EMPTY, ()),
        (Predicate.EQUALS, ("1", "x")),
        (Predicate.GREATER_THAN, ("0.5",)),
    ]


def test_money_is_rounded_half_to_even_unless_the_map_says_otherwise() -> None:
    cost = {"column": "spent", "unit": "cents"}
    assert parse(cost_micros=cost).events[0].cost_micros.rounding == decimal.ROUND_HALF_EVEN
    strict = parse(cost_micros={**cost, "rounding": "none"}).events[0].cost_micros
    assert (strict.unit, strict.rounding) == (Unit.CENTS, None)


def test_a_time_takes_the_maps_timezone_or_its_own() -> None:
    event = {**EVENT, "event_time": {"column": "at", "format": "%Y"}}
    document = {"timezone": "Europe/Berlin", "events": [event]}
    assert parse_map(Node(document, "")).events[0].event_time.timezone == ZoneInfo("Europe/Berlin")
    event["event_time"] = {"column": "at", "format": "%Y", "timezone": "UTC"}
    assert parse_map(Node(document, "")).events[0].event_time.timezone == ZoneInfo("UTC")
    assert parse().events[0].event_time.format is TimeFormat.RFC3339


def test_the_columns_are_all_that_any_event_reads_but_the_rows_number() -> None:
    columns = parse(
        campaign_id="{c}",
        quantity={"column": "q"},
        cost_micros={"column": "m", "unit": "micros"},
        when={"column": "w", "not_zero": True},
        properties={"p": "{pp}"},
    ).columns
    assert columns == ("c", "pp", "at", "q", "m", "w")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"campain_id": "x"}, "events[0].campain_id: there is no such key; did you mean campaign_id?"),
        (
            {"campaign_id": {"app": None}},
            'events[0].campaign_id: YAML wants quotes around a template: "{app}"',
        ),
        ({"campaign_id": True}, "events[0].campaign_id: must be a text (put it in quotes), not True"),
        ({"campaign_id": "{"}, "events[0].campaign_id: '{' is no template"),
        ({"campaign_id": "{}"}, "events[0].campaign_id: an empty pair of braces names no column"),
        ({"event": "{event}"}, "events[0].event: the name of an event cannot hold {event}"),
        ({"event_time": "at"}, "events[0].event_time: must say column and format"),
        ({"event_time": {"column": "at"}}, "events[0].event_time: format is missing"),
        ({"event_time": {"format": "%Y"}}, "events[0].event_time: column is missing"),
        ({"event_time": {"column": "at", "format": "%Y"}}, "events[0].event_time: '%Y' names no offset"),
        (
            {"event_time": {"column": "at", "format": "iso"}},
            "events[0].event_time.format: 'iso' is not known",
        ),
        (
            {"event_time": {"column": "at", "format": "%Y", "timezone": "Mars"}},
            "events[0].event_time.timezone: 'Mars' is no time zone",
        ),
        ({"quantity": 0}, "events[0].quantity: a quantity of 0 is no event"),
        ({"quantity": 1.5}, "events[0].quantity: must be a whole number, not 1.5"),
        ({"cost_micros": {"column": "x"}}, "events[0].cost_micros: unit is missing"),
        ({"cost_micros": {"column": "x", "unit": "euro"}}, "events[0].cost_micros.unit: 'euro' is not known"),
        ({"when": {"column": "x"}}, "events[0].when: must ask one thing of the column"),
        (
            {"when": [{"column": "x", "not_zero": False}]},
            "events[0].when[0].not_zero: must be true, not False",
        ),
        ({"when": {"column": "x", "greater_than": "many"}}, "events[0].when.greater_than: must be a number"),
        ({"properties": ["a"]}, "events[0].properties: must be a mapping of keys to values, not a list"),
    ],
)
def test_a_wrong_map_is_refused_by_the_place_and_the_reason(changes: dict[str, object], message: str) -> None:
    assert problem_of(**changes).startswith(message)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (None, "must be a mapping of keys to values, not nothing"),
        ({}, "events: a list of what a row becomes is missing"),
        ({"events": []}, "events: a list of what a row becomes is missing"),
        ({"events": [{"event": "x"}]}, "events[0]: event_id is missing"),
        ({"format": "xml", "events": [EVENT]}, "format: 'xml' is not known; there are: csv, ndjson"),
        ({"delimiter": ";;", "events": [EVENT]}, "delimiter: must be one character"),
        ({"encoding": "klingon", "events": [EVENT]}, "encoding: 'klingon' is no encoding"),
    ],
)
def test_a_wrong_document_is_refused(document: object, message: str) -> None:
    assert problem(document).startswith(message)


def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("timezone: UTC\ntimezone: UTC\n", encoding="utf-8")
    with pytest.raises(MapError, match="line 2 is no YAML: the key 'timezone' stands there twice"):
        load_map(path)


def test_a_file_that_is_no_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("events:\n  - [\n", encoding="utf-8")
    with pytest.raises(MapError, match="line 3 is no YAML"):
        load_map(path)


def test_a_map_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MapError, match="cannot be read"):
        load_map(tmp_path / "none.yaml")
