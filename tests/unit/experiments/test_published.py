"""The canonical form and the messages: the same bytes for the same definition, both directions."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declared import TEXT, read, with_line
from tidemark.experiments.definition import (
    SLICEABLE,
    Better,
    Covariate,
    Definition,
    Guardrail,
    Kind,
    Margin,
    Metric,
    Phase,
    Status,
    Total,
    UserKey,
    Variant,
)
from tidemark.experiments.message import fingerprint, messages
from tidemark.experiments.published import (
    Published,
    PublishedError,
    anew,
    decode,
    decode_beginning,
    encode,
    encode_beginning,
    publish,
)
from tidemark.query.catalogue import Unit
from tidemark.query.formula import Measure

BUTTON = read(TEXT)
NOW = 1_800_000_000_000
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_WHOLE = st.integers(1, 2**62)
_TOTALS = st.builds(Total, st.sampled_from(Measure), st.lists(_TEXTS, max_size=3).map(tuple))
_METRICS = st.builds(
    Metric,
    *(_TEXTS, _TEXTS, _TEXTS, st.sampled_from(Kind), _TOTALS, st.none() | _TOTALS, st.none() | _WHOLE),
    *(st.sampled_from(Better), st.none() | st.sampled_from(Unit)),
)
_MARGINS = st.builds(Margin, st.floats(0, 1e12), is_relative=st.booleans())
DEFINITIONS = st.builds(
    Definition,
    id=_TEXTS,
    name=_TEXTS,
    description=_TEXTS,
    status=st.sampled_from(Status),
    start_ms=st.none() | _WHOLE,
    end_ms=st.none() | _WHOLE,
    unit=st.sampled_from(UserKey),
    variants=st.lists(st.builds(Variant, _TEXTS, _WHOLE, st.booleans()), max_size=3).map(tuple),
    phases=st.lists(st.builds(Phase, _WHOLE, st.lists(_WHOLE, max_size=3).map(tuple)), max_size=2).map(tuple),
    planned_users=_WHOLE,
    alpha=st.floats(0, 0.2),
    window_ms=_WHOLE,
    goals=st.lists(_METRICS, max_size=2).map(tuple),
    guardrails=st.lists(st.builds(Guardrail, _METRICS, _MARGINS), max_size=2).map(tuple),
    slices=st.lists(st.sampled_from(SLICEABLE), max_size=3).map(tuple),
    covariate=st.none() | st.builds(Covariate, _WHOLE, st.none() | _TEXTS),
)


@given(DEFINITIONS, _WHOLE)
def test_what_is_published_is_read_back_and_written_the_same(definition: Definition, generation: int) -> None:
    published = Published(definition, generation)
    written = encode(published)
    assert decode(written) == published
    assert encode(decode(written)) == written
    assert b"\n" not in written


def test_the_canonical_form_has_sorted_keys_and_no_blanks() -> None:
    written = encode(Published(BUTTON, 7))
    assert written == json.dumps(json.loads(written), sort_keys=True, separators=(",", ":")).encode()
    assert written.endswith(b'"format":1,"generation":7,"is_removed":false}')


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "a published experiment cannot be read ("),
        (b"{}", "a published experiment cannot be read (Object missing required field `format`"),
        (b"\xff", "a published experiment cannot be read ("),
        (
            encode(Published(BUTTON, 7)).replace(b'"format":1', b'"format":2'),
            "a published experiment has the format 2, this version reads 1; ",
        ),
    ],
)
def test_what_cannot_be_read_is_told(content: bytes, says: str) -> None:
    with pytest.raises(PublishedError) as error:
        decode(content)
    assert str(error.value).startswith(says)


def test_what_is_read_by_people_or_by_the_verdict_leaves_the_numbers() -> None:
    first = publish(None, BUTTON, NOW)
    assert first.generation == NOW // 1000
    for old, new in (
        ("name: The button", "name: A button"),
        ("alpha: 0.05", "alpha: 0.01"),
        ("planned_users: 20000", "planned_users: 500"),
        ("{control: 1, green: 1}", "{control: 1, green: 9}"),
        ("{relative: 10%}", "{relative: 5%}"),
        ("status: running", "status: stopped"),
        ("[refund, conversion]", "[conversion, refund]"),
        ("[country, platform]", "[platform, country]"),
    ):
        assert publish(first, read(with_line(old, new)), NOW + 10_000).generation == first.generation


def test_the_order_of_metrics_changes_no_number() -> None:
    assert fingerprint(dataclasses.replace(BUTTON, goals=BUTTON.goals[::-1])) == fingerprint(BUTTON)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("start: 2026-11-01", "start: 2026-11-02"),
        ("end: 2026-12-01", "end: 2026-12-02"),
        ("name: The button", "unit: anonymous_id"),
        ("window: 7d", "window: 8d"),
        ("cap: 500", "cap: 501"),
        ("event: conversion}", "event: [conversion, click]}"),
        ("slices: [country, platform]", "slices: [country]"),
        ("{days: 14}", "{days: 13}"),
        ("{days: 14}", "{metric: purchase}"),
        ("guardrails:", "  - {name: more, kind: proportion, event: click}\nguardrails:"),
    ],
)
def test_what_the_numbers_depend_on_begins_a_new_generation(old: str, new: str) -> None:
    first = publish(None, BUTTON, NOW)
    changed = read(with_line(old, new))
    assert publish(first, changed, NOW + 10_000).generation == NOW // 1000 + 10
    assert publish(first, changed, NOW - 10_000).generation == first.generation + 1, "whatever the clock says"


def test_numbers_that_are_asked_for_anew_are_a_new_generation_whatever_the_clock_says() -> None:
    first = publish(None, BUTTON, NOW)
    assert anew(first, NOW + 60_000) == Published(BUTTON, NOW // 1000 + 60)
    assert anew(first, NOW - 60_000) == Published(BUTTON, first.generation + 1)
    draft = Published(read(with_line("status: running", "status: draft")), 0)
    assert anew(draft, NOW) == draft


def test_what_was_removed_is_read_as_such() -> None:
    removed = dataclasses.replace(publish(None, BUTTON, NOW), is_removed=True)
    assert decode(encode(removed)) == removed


def test_the_beginning_of_the_job_is_read_as_it_was_written_and_is_no_experiment() -> None:
    assert decode_beginning(encode_beginning(NOW)) == NOW
    with pytest.raises(PublishedError, match="cannot be read"):
        decode(encode_beginning(NOW))


def test_a_draft_has_no_numbers() -> None:
    draft = read(with_line("status: running", "status: draft"))
    assert fingerprint(draft) == ""
    assert publish(None, draft, NOW).generation == 0
    told = messages([], [(draft, 0)])
    assert (told.experiments, told.metrics) == ((), ())
    assert publish(Published(draft, 0), BUTTON, NOW).generation == NOW // 1000


def test_the_fingerprint_does_not_change_from_one_process_to_the_next() -> None:
    assert fingerprint(BUTTON) == "513e4150ecdbf237"


def test_the_job_is_told_all_that_determines_its_numbers() -> None:
    told = messages([], [(BUTTON, 7)])
    [experiment] = told.experiments
    assert json.loads(experiment.key) == {"experiment_id": "button", "generation": 7}
    assert json.loads(experiment.value or b"") == {
        "experiment_id": "button",
        "generation": 7,
        "start_ms": BUTTON.start_ms,
        "end_ms": BUTTON.end_ms,
        "window_ms": 7 * 86_400_000,
        "unit": "user_id",
        "covariate_ms": 14 * 86_400_000,
        "slice_campaign_id": 0,
        "slice_ad_id": 0,
        "slice_channel": 0,
        "slice_source": 0,
        "slice_platform": 1,
        "slice_country": 1,
    }
    rows = {
        (row["metric"], row["event"]): row for row in (json.loads(one.value or b"") for one in told.metrics)
    }
    assert list(rows) == [
        ("purchase", "conversion"),
        ("revenue", "conversion"),
        ("revenue", "refund"),
        ("click_rate", "click"),
        ("click_rate", "impression"),
        ("refunds", "refund"),
    ]

    def counted(row: dict[str, object]) -> list[str]:
        return [name for name, value in row.items() if name[:4] in {"num_", "den_"} and value]

    assert [counted(row) for row in rows.values()] == [
        ["num_quantity"],
        ["num_value"],
        ["num_value"],
        ["num_quantity"],
        ["den_quantity"],
        ["num_quantity"],
    ]
    limits = {metric: (row["floor"], row["cap"]) for (metric, _), row in rows.items()}
    assert limits["purchase"] == (0, 1), "a user has bought or has not"
    assert limits["revenue"] == (-(2**63 - 1), 500_000_000)
    assert limits["click_rate"] == (-(2**63 - 1), 2**63 - 1)
    before = {name: [key for key in row if key.startswith("pre_") and row[key]] for name, row in rows.items()}
    assert before["revenue", "refund"] == ["pre_value"], "its own numerator before the exposure"
    assert before["click_rate", "impression"] == [], "no denominator"


def test_one_metric_can_be_the_covariate_of_all() -> None:
    told = messages([], [(read(with_line("{days: 14}", "{metric: purchase}")), 7)])
    rows = [json.loads(one.value or b"") for one in told.metrics]
    assert {(row["metric"], row["event"]) for row in rows if row["pre_quantity"]} == {
        (metric, "conversion") for metric in ("purchase", "revenue", "click_rate", "refunds")
    }
    assert not any(row[name] for row in rows for name in ("pre_events", "pre_value", "pre_cost"))


def test_an_event_may_stand_above_and_below() -> None:
    text = with_line("{sum: quantity, event: impression}", "{sum: events, event: [click, impression]}")
    rows = [json.loads(one.value or b"") for one in messages([], [(read(text), 7)]).metrics]
    [click] = [row for row in rows if row["metric"] == "click_rate" and row["event"] == "click"]
    assert (click["num_quantity"], click["den_events"]) == (1, 1)


def test_nothing_is_sent_twice() -> None:
    told = messages([(BUTTON, 7)], [(BUTTON, 7)])
    assert (told.experiments, told.metrics) == ((), ())


def test_only_what_changed_is_sent() -> None:
    ended = dataclasses.replace(BUTTON, end_ms=None)
    told = messages([(BUTTON, 7)], [(ended, 7)])
    assert (len(told.experiments), len(told.metrics)) == (1, 0)


def test_what_vanishes_is_a_tombstone() -> None:
    sent = messages([], [(BUTTON, 7)])
    gone = messages([(BUTTON, 7)], [])
    assert [(one.key, one.value) for one in gone.experiments] == [(one.key, None) for one in sent.experiments]
    assert [(one.key, one.value) for one in gone.metrics] == [(one.key, None) for one in sent.metrics]


def test_both_generations_stay_until_the_older_is_dropped() -> None:
    changed = dataclasses.replace(BUTTON, end_ms=None)
    both = messages([(BUTTON, 7)], [(BUTTON, 7), (changed, 9)])
    assert [json.loads(one.key)["generation"] for one in both.experiments] == [9]
    assert all(one.value is not None for one in both.metrics)
    dropped = messages([(BUTTON, 7), (changed, 9)], [(changed, 9)])
    assert [(json.loads(one.key)["generation"], one.value) for one in dropped.experiments] == [(7, None)]
