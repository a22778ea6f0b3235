import json
from importlib.resources import files
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.ingest.event import EARLIEST_MS, LATEST_MS, TEXT_FIELDS, Event, encode

SCHEMA: dict[str, Any] = json.loads(
    files("tidemark.ingest").joinpath("events.v1.schema.json").read_text("utf-8")
)
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
times = st.integers(EARLIEST_MS, LATEST_MS - 1)
texts = st.text(max_size=20)
events = st.builds(
    Event,
    event_id=st.text(min_size=1, max_size=200),
    event=st.text(min_size=1, max_size=200),
    event_time=times,
    original_time=times | st.just(0),
    received_at=times,
    quantity=st.integers(-(10**9), 10**9).filter(bool),
    value_micros=st.integers(-(10**13), 10**13),
    cost_micros=st.integers(-(10**13), 10**13),
    properties=st.dictionaries(texts, texts, max_size=3),
    **dict.fromkeys(TEXT_FIELDS, texts),
)
GOOD = json.loads(encode(Event("a", "click", EARLIEST_MS, 0, EARLIEST_MS)))


def test_the_schema_is_a_schema_and_closed() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["additionalProperties"] is False


def test_the_schema_has_the_fields_of_the_event_in_its_order() -> None:
    fields = msgspec.structs.fields(Event)
    assert list(SCHEMA["properties"]) == [field.name for field in fields]
    assert SCHEMA["required"] == [field.name for field in fields if field.required]


@given(events)
def test_every_valid_event_conforms(event: Event) -> None:
    VALIDATOR.validate(json.loads(encode(event)))


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "red"},
        {"event_id": ""},
        {"event_id": "x" * 201},
        {"event_time": 0},
        {"event_time": LATEST_MS},
        {"original_time": 5},
        {"quantity": 0},
        {"quantity": 1.5},
        {"quantity": 10**9 + 1},
        {"value_micros": "1"},
        {"campaign_id": None},
        {"campaign_id": "x" * 1001},
        {"properties": {"a": 1}},
    ],
)
def test_what_is_no_event_does_not_conform(change: dict[str, object]) -> None:
    VALIDATOR.validate(GOOD)
    assert not VALIDATOR.is_valid({**GOOD, **change})
