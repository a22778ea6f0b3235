import gzip
import json
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.ingest.doors import own
from tidemark.ingest.event import EARLIEST_MS, LATEST_MS, MAX_EVENT_BYTES, Event, Parsed, Unreadable, encode

NOW = 1_795_470_000_000
GOOD = {"event_id": "a", "event": "click", "event_time": NOW - 1000}

TWO_ON_A_LINE = "more follows after the first value; put each event on a line of its own"


def parse(body: object, currency: str = "USD") -> Parsed:
    return own.parse(body if isinstance(body, bytes) else json.dumps(body).encode(), NOW, currency)


def only(body: object) -> Event:
    parsed = parse(body)
    assert parsed.refusals == []
    assert len(parsed.events) == 1
    return parsed.events[0]


def reason(**changes: object) -> tuple[str, str]:
    item = {name: value for name, value in {**GOOD, **changes}.items() if value != "ABSENT"}
    parsed = parse(item)
    assert parsed.events == []
    (refusal,) = parsed.refusals
    assert json.loads(refusal.raw) == item
    return refusal.field, refusal.reason


def test_an_event_of_the_required_fields_gets_every_other_by_default() -> None:
    assert json.loads(encode(only(GOOD))) == {
        "event_id": "a", "event": "click", "event_time": NOW - 1000, "original_time": NOW - 1000,
        "received_at": NOW, "quantity": 1, "value_micros": 0, "cost_micros": 0, "campaign_id": "",
        "ad_id": "", "channel": "", "source": "", "platform": "", "country": "", "user_id": "",
        "anonymous_id": "", "experiment_id": "", "variant": "", "properties": {},
    }  # fmt: skip


def test_every_field_is_kept_as_it_was_sent() -> None:
    texts = {
        name: f"the {name}"
        for name in (
            "campaign_id", "ad_id", "channel", "source", "platform", "country", "user_id", "anonymous_id",
            "experiment_id", "variant",
        )
    }  # fmt: skip
    sent = {**GOOD, **texts, "quantity": -1000, "value_micros": -5, "cost_micros": 10**13, "currency": "usd"}
    event = msgspec.to_builtins(only({**sent, "original_time": 946_684_800_000, "properties": {"é": "ü"}}))
    assert {name: event[name] for name in sent if name != "currency"} == {
        name: value for name, value in sent.items() if name != "currency"
    }
    assert event["original_time"] == 946_684_800_000
    assert event["properties"] == {"é": "ü"}


@pytest.mark.parametrize(
    ("given_time", "expected"),
    [
        ("2026-11-23T10:00:00Z", 1_795_428_000_000),
        ("2026-11-23T10:00:00.123456789+01:00", 1_795_424_400_123),
        (EARLIEST_MS, EARLIEST_MS),
    ],
)
def test_a_time_may_be_rfc_3339_or_unix_milliseconds(given_time: object, expected: int) -> None:
    event = only({**GOOD, "event_time": given_time})
    assert (event.event_time, event.original_time) == (expected, expected)


def test_a_clients_clock_is_corrected_by_sent_at_and_the_original_time_stays() -> None:
    an_hour = 3_600_000
    event = only({**GOOD, "event_time": NOW + an_hour - 5000, "sent_at": NOW + an_hour})
    assert (event.event_time, event.original_time, event.received_at) == (
        NOW - 5000,
        NOW + an_hour - 5000,
        NOW,
    )


def test_a_future_time_is_clamped_to_now_and_kept_as_the_original() -> None:
    event = only({**GOOD, "event_time": NOW + 1})
    assert (event.event_time, event.original_time) == (NOW, NOW + 1)


def test_numbers_and_nested_values_of_properties_become_text_with_every_digit() -> None:
    body = (
        b'{"event_id":"a","event":"click","event_time":1795469999000,"properties":'
        b'{"n":12.50,"i":123456789012345678901234567890,"b":true,"o":{"a":[1,null,"x"]},"z":null,"e":1e400}}'
    )
    assert only(body).properties == {
        "n": "12.50", "i": "123456789012345678901234567890", "b": "true", "o": '{"a":[1,null,"x"]}',
        "e": "1E+400",
    }  # fmt: skip


def test_null_is_the_same_as_absent() -> None:
    assert only({**GOOD, "campaign_id": None, "quantity": None, "sent_at": None}) == only(GOOD)


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        (
            {"event_id": "ABSENT"},
            "event_id",
            "event_id is missing; every event needs an id of your own that every retry",
        ),
        ({"event": None}, "event", "event is missing; every event needs its name"),
        ({"event_time": "ABSENT"}, "event_time", "event_time is missing"),
        ({"event_id": ""}, "event_id", "event_id is empty; it must have 1 to 200 characters"),
        ({"event": "x" * 201}, "event", "event has 201 characters; it must have 1 to 200 characters"),
        (
            {"event": "heartbeat"},
            "event",
            'event is "heartbeat", a name that only collectors use; choose another',
        ),
        ({"event_id": 12}, "event_id", "event_id is 12, a number; it must be a string"),
        ({"campaign_id": "x" * 1001}, "campaign_id", "campaign_id has 1,001 characters; at most 1,000 fit"),
        (
            {"quantity": 0},
            "quantity",
            "it says how many the event stands for, from -1,000,000,000 to 1,000,000,000 but never 0",
        ),
        ({"quantity": 10**9 + 1}, "quantity", "quantity is 1000000001; it must be from -1,000,000,000 to"),
        ({"quantity": 10**30}, "quantity", "it must be from -1,000,000,000 to 1,000,000,000"),
        ({"quantity": 1.5}, "quantity", "quantity is 1.5; it must be a whole number"),
        ({"quantity": True}, "quantity", "quantity is true; it must be a whole number"),
        ({"value_micros": "12"}, "value_micros", 'value_micros is "12"; it must be a whole number'),
        ({"cost_micros": -(10**13) - 1}, "cost_micros", "to 10,000,000,000,000 millionths of the currency"),
        (
            {"event_time": NOW // 1000},
            "event_time",
            "must lie in the years 2000 to 2099; it looks like seconds",
        ),
        ({"event_time": LATEST_MS}, "event_time", "must lie in the years 2000 to 2099"),
        ({"event_time": "yesterday"}, "event_time", 'event_time is "yesterday"; it must be Unix ms such as'),
        (
            {"event_time": "2026-11-23T10:00:00"},
            "event_time",
            "without an offset; end it with Z when it is UTC",
        ),
        ({"event_time": 1.5}, "event_time", "it must be Unix ms"),
        ({"original_time": -1}, "original_time", "original_time is -1; it must lie in the years"),
        ({"sent_at": 5}, "sent_at", "sent_at is 5; it must lie in the years"),
        ({"properties": []}, "properties", "properties is []; it must be an object of names and values"),
        ({"colour": "red"}, "colour", '"colour" is no field of an event; put it into properties'),
        ({"received_at": NOW}, "received_at", "received_at is set by the collector; leave it out"),
        ({"currency": "EUR"}, "currency", 'currency is "EUR"; this deployment counts in USD only'),
        ({"currency": 5}, "currency", 'currency is 5; it must be a code such as "USD"'),
        ({"user_id": "a\0b"}, "user_id", "user_id holds a NUL character (U+0000); remove it"),
        ({"properties": {"a": ["\0"]}}, "properties", "properties holds a NUL character"),
    ],
)
def test_a_refused_event_says_which_field_and_why(
    changes: Mapping[str, object], field: str, said: str
) -> None:
    refused_field, sentence = reason(**changes)
    assert refused_field == field
    assert said in sentence


@pytest.mark.parametrize("join", [b"\n", b"\r\n", b"\n\n \n"])
def test_ndjson_is_one_event_a_line(join: bytes) -> None:
    lines = [json.dumps({**GOOD, "event_id": str(n)}).encode() for n in range(3)]
    assert [event.event_id for event in parse(join.join(lines) + join).events] == ["0", "1", "2"]


def test_a_bad_line_of_ndjson_does_not_take_the_others_with_it() -> None:
    good = json.dumps(GOOD).encode()
    parsed = parse(b"\n".join((b"{bad", good, b'"text"', good + good, b"\xff\xfe", good)))
    assert len(parsed.events) == 2
    assert [(refusal.index, refusal.reason) for refusal in parsed.refusals] == [
        (0, "this is not a JSON object: object keys must be strings (byte 1)"),
        (2, "an event is a JSON object, and this is a string"),
        (
            3,
            f"this is not a JSON object: {TWO_ON_A_LINE}",
        ),
        (4, "this is not a JSON object: invalid character (byte 0)"),
    ]


def test_two_objects_on_one_line_are_refused_as_one_event() -> None:
    good = json.dumps(GOOD).encode()
    for body in (good + good, good + b" " + good, good + b"\n" + good + good):
        parsed = parse(body)
        assert [refusal.kind for refusal in parsed.refusals] == ["json"]
        assert "put each event on a line of its own" in parsed.refusals[0].reason


def test_a_pretty_printed_object_and_array_are_read() -> None:
    assert len(parse(json.dumps(GOOD, indent=2).encode()).events) == 1
    assert len(parse(json.dumps([GOOD, GOOD], indent=2).encode()).events) == 2


def test_in_an_array_each_refusal_has_its_index_and_its_bytes() -> None:
    parsed = parse(b'[{"event_id":"a","event":"c","event_time":1795469999000}, 17, {"event":"x"}]')
    assert len(parsed.events) == 1
    assert [(r.index, r.field, r.raw) for r in parsed.refusals] == [
        (1, "", b"17"),
        (2, "event_id", b'{"event":"x"}'),
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the body is empty"),
        (b" \n ", "the body is empty"),
        (b"[]", "the array is empty"),
        (b'[{"event_id":"a"},', "the body is not JSON"),
        (b'{\n  "event_id": "a",\n  oops\n}', "the body is not JSON"),
    ],
)
def test_a_body_without_events_is_unreadable(body: bytes, said: str) -> None:
    with pytest.raises(Unreadable, match=said) as raised:
        parse(body)
    assert (raised.value.status, raised.value.raw) == (400, body)


def test_an_event_that_is_too_large_is_refused_alone() -> None:
    large = {**GOOD, "properties": {"text": "x" * MAX_EVENT_BYTES}}
    for body in (
        json.dumps([GOOD, large]).encode(),
        json.dumps(GOOD).encode() + b"\n" + json.dumps(large).encode(),
    ):
        parsed = parse(body)
        assert len(parsed.events) == 1
        (refusal,) = parsed.refusals
        assert (refusal.index, refusal.kind) == (1, "size")
        assert "at most 32,768 fit" in refusal.reason


def test_many_events_beyond_the_size_of_one_are_taken() -> None:
    assert len(parse([GOOD] * 2000).events) == 2000


def test_too_many_events_are_a_413() -> None:
    with pytest.raises(Unreadable, match="holds 10,001 events; at most 10,000 fit") as raised:
        parse(b"[" + b",".join([b"1"] * 10_001) + b"]")
    assert raised.value.status == 413


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 100_000, b'{"event_id":"\xff"}', b'{"event_id":"\\ud800"}']
)
def test_nesting_and_broken_text_are_refused_and_crash_nothing(body: bytes) -> None:
    try:
        parsed = parse(body)
    except Unreadable:
        return
    assert parsed.events == []
    assert len(parsed.refusals) == 1


def test_deep_properties_are_refused() -> None:
    body = b'{"event_id":"a","event":"c","event_time":1795469999000,"properties":{"x":%s}}'
    parsed = parse(body % (b"[" * 5000 + b"]" * 5000))
    assert [refusal.kind for refusal in parsed.refusals] == ["json"]


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
times = st.integers(EARLIEST_MS - 10, LATEST_MS + 10) | st.just(0) | values
nearly_events = st.fixed_dictionaries(
    {},
    optional={
        "event_id": st.text(min_size=1, max_size=5) | values,
        "event": st.sampled_from(["click", "heartbeat", ""]) | values,
        "event_time": times,
        "original_time": times,
        "sent_at": times,
        "quantity": st.integers(-(10**9) - 1, 10**9 + 1) | values,
        "value_micros": st.integers(-(10**13) - 1, 10**13 + 1) | values,
        "campaign_id": st.text(max_size=5) | values,
        "currency": st.sampled_from(["USD", "usd", "EUR", ""]) | values,
        "properties": st.dictionaries(st.text(max_size=5), values, max_size=3) | values,
        "colour": values,
    },
)


@given(st.lists(nearly_events, min_size=1, max_size=4))
def test_each_event_is_accepted_or_refused_exactly_once_and_alone_as_in_company(
    items: list[dict[str, object]],
) -> None:
    together = parse(items)
    assert len(together.events) + len(together.refusals) == len(items)
    alone = [parse(item) for item in items]
    assert together.events == [event for parsed in alone for event in parsed.events]
    assert [r.index for r in together.refusals] == [n for n, parsed in enumerate(alone) if parsed.refusals]
    lines = parse(b"\n".join(json.dumps(item).encode() for item in items))
    assert lines.events == together.events
    assert all(refusal.reason for refusal in together.refusals)


@given(st.lists(nearly_events, min_size=1, max_size=3))
def test_the_fast_way_and_the_way_with_reasons_take_the_same_events(items: list[dict[str, object]]) -> None:
    """One bad event among them forces the slow way for all."""
    assert parse(items).events == parse([*items, 0]).events


@given(st.binary(max_size=200) | st.text(alphabet='[]{}",:\n 0e-\\u', max_size=60).map(str.encode))
def test_no_bytes_crash_the_parser(body: bytes) -> None:
    try:
        parsed = parse(body)
    except Unreadable as error:
        assert error.reason  # noqa: PT017 - either outcome is right
        return
    assert parsed.events or parsed.refusals


@given(nearly_events)
def test_what_is_accepted_conforms_to_the_event_on_the_topic(item: dict[str, object]) -> None:
    for event in parse(item).events:
        assert msgspec.json.decode(encode(event), type=Event) == event
        assert event.quantity != 0
        assert event.event_time <= event.received_at


def test_gzip_is_not_this_modules_business() -> None:
    parsed = parse(gzip.compress(json.dumps(GOOD).encode()))
    assert parsed.events == []
