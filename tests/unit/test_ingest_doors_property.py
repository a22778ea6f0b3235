"""Whatever a client sends to an SDK's door, each call is accepted or refused, once, and nothing crashes."""

from functools import partial

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tidemark.ingest.doors import posthog, segment
from tidemark.ingest.doors.calls import Taker
from tidemark.ingest.event import Event, Unreadable, encode
from tidemark.ingest.tracking import load
from tidemark.settings import Settings

NOW = 1_795_470_300_000
TRACKING = load(Settings().catalogue / "tracking.yaml")
SEGMENT = Taker(TRACKING.segment, NOW, "USD")
POSTHOG = Taker(TRACKING.posthog, NOW, "USD")

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = [
    "campaign_id",
    "revenue",
    "quantity",
    "currency",
    "cost",
    "$time",
    "$lib",
    "$insert_id",
    "experiment_id",
]
calls = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from([*segment.CALLS, "x"]),
        "event": st.sampled_from(["Ad Clicked", "Order Completed", "Order Refunded", "heartbeat"]) | values,
        "messageId": values,
        "uuid": values,
        "timestamp": st.just("2026-11-23T21:44:04.448Z") | values,
        "sentAt": values,
        "offset": values,
        "context": st.dictionaries(st.sampled_from(["campaign", "library", "location"]), values, max_size=3)
        | values,
        "properties": st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), values, max_size=4)
        | values,
        "traits": values,
        "distinct_id": values,
    },
)


@given(st.lists(calls | values, max_size=4), st.booleans())
def test_each_call_is_accepted_or_refused_exactly_once(items: list[object], browser: bool) -> None:
    body = msgspec.json.encode({"batch": items})
    parsed = posthog.parse(body, {}, POSTHOG) if browser else segment.parse(body, "batch", SEGMENT)
    assert len(parsed.events) + len(parsed.refusals) == len(items)
    for event in parsed.events:
        assert msgspec.json.decode(encode(event), type=Event) == event
        assert event.quantity != 0
        assert event.event_time <= event.received_at
    for refusal in parsed.refusals:
        assert msgspec.json.decode(refusal.raw) == msgspec.json.decode(
            msgspec.json.encode(items[refusal.index])
        )


@given(st.binary(max_size=100) | st.text(alphabet='[]{}",:batch\n 0e-', max_size=50).map(str.encode))
def test_no_bytes_crash_the_doors(body: bytes) -> None:
    for parse in (
        partial(segment.parse, body, "batch", SEGMENT),
        partial(segment.parse, body, "track", SEGMENT),
        partial(posthog.parse, body, {"_": "x"}, POSTHOG),
        partial(posthog.parse, b"data=" + body, {}, POSTHOG),
    ):
        try:
            parsed = parse()
        except Unreadable as error:
            assert error.reason  # noqa: PT017 - either outcome is right
        else:
            assert len(parsed.events) + len(parsed.refusals) <= 50
