"""The SDKs' doors with the bodies that the real clients sent, as a recording server saw them."""

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

from tidemark.ingest.doors import posthog, segment
from tidemark.ingest.doors.calls import Taker
from tidemark.ingest.event import MAX_EVENT_BYTES, Event, Parsed, Unreadable
from tidemark.ingest.tracking import load
from tidemark.settings import Settings

NOW = 1_795_470_300_000
TRACKING = load(Settings().catalogue / "tracking.yaml")
SEGMENT = Taker(TRACKING.segment, NOW, "USD")
POSTHOG = Taker(TRACKING.posthog, NOW, "USD")

ANALYTICS_NODE = b"""{
"batch": [{"timestamp": "2026-11-23T21:44:04.448Z", "integrations": {}, "event": "Ad Clicked",
"type": "track", "properties": {"campaign_id": "camp-1", "ad_id": "ad-1"}, "context": {
"library": {"name": "@segment/analytics-node", "version": "3.1.0"}}, "userId": "segment-node",
"messageId": "msg-1", "_metadata": {"nodeVersion": "v20.20.2", "jsRuntime": "node"}}],
"writeKey": "tidemark", "sentAt": "2026-11-23T21:44:04.454Z"}"""
RUDDER_NODE = b"""{
"batch": [{"messageId": "msg-1", "userId": "rudder-node", "event": "Ad Clicked", "properties": {
"campaign_id": "camp-1", "ad_id": "ad-1"}, "timestamp": "2026-11-23T21:44:04.723Z", "type":
"track", "context": {"library": {"name": "analytics-node", "version": "3.0.13"}}, "channel":
"server", "_metadata": {"nodeVersion": "20.20.2"}, "originalTimestamp":
"2026-11-23T21:44:04.724Z", "sentAt": "2026-11-23T21:44:04.740Z"}], "timestamp":
"2026-11-23T21:44:04.740Z", "sentAt": "2026-11-23T21:44:04.740Z"}"""
ANALYTICS_NEXT = b"""{
"timestamp": "2026-11-23T21:44:05.601Z", "integrations": {}, "event": "Ad Clicked", "type":
"track", "properties": {"ad_id": "ad-1"}, "context": {"page": {"path": "/sale", "referrer": "",
"search": "?utm_campaign=camp-1", "title": "Shop", "url":
"http://shop.example/sale?utm_campaign=camp-1"}, "userAgent": "Mozilla/5.0 (linux) jsdom/29.1.1",
"locale": "en-US", "library": {"name": "analytics.js", "version": "npm:next-1.84.3"}, "campaign":
{"name": "camp-1", "source": "newsletter", "medium": "email"}, "timezone": "UTC"}, "messageId":
"msg-1", "anonymousId": "c8369833-4dfd-4a80-9cb1-b280146a56a2", "writeKey": "k", "userId":null,
"sentAt": "2026-11-23T21:44:05.631Z", "_metadata": {"bundled": ["Segment.io"], "unbundled": [],
"bundledIds": []}}"""
ANALYTICS_PYTHON = b"""{
"batch": [{"integrations": {}, "anonymousId":  null, "properties": {"campaign_id": "camp-1",
"ad_id": "ad-1"}, "timestamp": "2026-11-23T21:44:38.512+00:00", "context": {"library": {"name":
"analytics-python", "version": "2.4.0"}}, "userId": "segment-python", "type": "track", "event":
"Ad Clicked", "messageId": "msg-1"}], "sentAt": "2026-11-23T21:44:39.013085+00:00", "writeKey":
"tidemark"}"""
RUDDER_PYTHON = b"""{
"batch": [{"integrations": {"All":  true}, "anonymousId":  null, "properties": {"campaign_id":
"camp-1", "ad_id": "ad-1"}, "timestamp": "2026-11-23T21:44:40.199417+00:00", "context": {
"library": {"name": "analytics-python", "version": "2.1.9"}}, "userId": "rudder-python", "type":
"track", "event": "Ad Clicked", "messageId": "msg-1", "channel": "server"}], "sentAt":
"2026-11-23T21:44:40.699789+00:00"}"""
POSTHOG_PYTHON = b"""{
"batch": [{"properties": {"campaign_id": "camp-1", "ad_id": "ad-1", "$python_runtime":
"CPython", "$os": "Linux", "$lib": "posthog-python", "$lib_version": "7.91.1", "$geoip_disable":
 true, "$is_server":  true}, "timestamp": "2026-11-23T21:44:42.038549+00:00", "distinct_id":
"posthog-python", "event": "Ad Clicked", "uuid": "bd648ec5-afa0-501b-a9ec-eae7c8fbe3d1"}],
"historical_migration":  false, "sent_at": "2026-11-23T21:44:42.054169+00:00", "api_key":
"tidemark"}"""
POSTHOG_JS = {
    "uuid": "0193-1", "event": "$pageview", "offset": 1500, "$set": {},
    "properties": {
        "token": "secret", "distinct_id": "d-1", "$device_id": "d-2", "$lib": "web", "$device_type": "Mobile",
        "$time": 1795470244.25, "utm_campaign": "camp-1", "utm_medium": "cpc", "$current_url": "http://shop.example",
    },
}  # fmt: skip


def only(parsed: Parsed) -> Event:
    assert parsed.refusals == []
    (event,) = parsed.events
    return event


def track(properties: dict[str, Any], **call: object) -> Parsed:
    body = {"messageId": "m", "userId": "u", "event": "Ad Clicked", "properties": properties, **call}
    return segment.parse(json.dumps(body).encode(), "track", SEGMENT)


def refused(parsed: Parsed) -> tuple[str, str]:
    assert parsed.events == []
    (refusal,) = parsed.refusals
    return refusal.field, refusal.reason


@pytest.mark.parametrize(
    ("body", "kind", "original", "sent_at", "source"),
    [
        (ANALYTICS_NODE, "batch", 1_795_470_244_448, 1_795_470_244_454, "server"),
        (RUDDER_NODE, "batch", 1_795_470_244_723, 1_795_470_244_740, "server"),
        (ANALYTICS_NEXT, "track", 1_795_470_245_601, 1_795_470_245_631, "web"),
        (ANALYTICS_PYTHON, "batch", 1_795_470_278_512, 1_795_470_279_013, "server"),
        (RUDDER_PYTHON, "batch", 1_795_470_280_199, 1_795_470_280_699, "server"),
    ],
)
def test_what_segments_and_rudderstacks_clients_send_is_the_click_they_meant(
    body: bytes, kind: str, original: int, sent_at: int, source: str
) -> None:
    event = only(segment.parse(body, kind, SEGMENT))
    assert (event.event_id, event.event, event.campaign_id, event.ad_id) == (
        "msg-1",
        "click",
        "camp-1",
        "ad-1",
    )
    assert (event.original_time, event.source) == (original, source)
    assert event.event_time == original + NOW - sent_at


def test_what_posthogs_client_sends_is_the_click_it_meant() -> None:
    event = only(posthog.parse(POSTHOG_PYTHON, {}, POSTHOG))
    assert event.event_id == "bd648ec5-afa0-501b-a9ec-eae7c8fbe3d1"
    assert (event.event, event.campaign_id, event.user_id, event.source) == (
        "click",
        "camp-1",
        "posthog-python",
        "server",
    )
    assert event.original_time == 1_795_470_282_038
    assert event.event_time == 1_795_470_282_038 + NOW - 1_795_470_282_054
    assert event.properties == {
        "$python_runtime": "CPython", "$os": "Linux", "$lib": "posthog-python", "$lib_version": "7.91.1",
        "$geoip_disable": "true", "$is_server": "true",
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(POSTHOG_JS).encode(),
        json.dumps([POSTHOG_JS]).encode(),
        b"data=" + quote(base64.b64encode(json.dumps(POSTHOG_JS).encode())).encode(),
        b"data=" + base64.b64encode(json.dumps([POSTHOG_JS]).encode()),
        b"data=" + quote(json.dumps(POSTHOG_JS)).encode() + b"&ver=1",
    ],
)
def test_posthogs_browser_client_may_send_a_capture_a_list_or_a_form(body: bytes) -> None:
    event = only(posthog.parse(body, {"_": "1795470245750"}, POSTHOG))
    assert (event.event_id, event.event, event.campaign_id, event.channel) == (
        "0193-1",
        "page",
        "camp-1",
        "cpc",
    )
    assert (event.user_id, event.anonymous_id, event.platform) == ("d-1", "d-2", "mobile")
    assert event.original_time == 1_795_470_244_250
    assert event.event_time == NOW - 1500
    assert "token" not in event.properties


def test_a_capture_that_says_only_how_long_ago_it_was_has_no_original_time() -> None:
    body = json.dumps({"uuid": "1", "event": "x", "offset": 2000, "distinct_id": "d"}).encode()
    event = only(posthog.parse(body, {}, POSTHOG))
    assert (event.event_time, event.original_time) == (NOW - 2000, 0)


def test_the_campaign_of_the_page_counts_unless_the_call_names_one() -> None:
    context = {"campaign": {"name": "utm", "source": "news", "medium": "email", "term": "shoes"}}
    event = only(track({}, context=context))
    assert (event.campaign_id, event.channel) == ("utm", "email")
    assert event.properties == {"context.campaign.source": "news", "context.campaign.term": "shoes"}
    event = only(track({"campaign_id": "own"}, context=context))
    assert event.campaign_id == "own"
    assert event.properties["context.campaign.name"] == "utm"


def test_both_ids_are_kept() -> None:
    event = only(track({}, anonymousId="anon", userId=42))
    assert (event.user_id, event.anonymous_id) == ("42", "anon")


@pytest.mark.parametrize(
    ("amount", "micros"),
    [
        ("12.34", 12_340_000),
        ('"12.50"', 12_500_000),
        ("0.0000005", 0),
        ("0.0000015", 2),
        ("0.00000250000000000000000000000000001", 3),
        ("-3", -3_000_000),
        ("10000000", 10**13),
        ("1e2", 100_000_000),
    ],
)
def test_money_is_exact_and_rounded_half_to_even(amount: str, micros: int) -> None:
    body = (
        b'{"messageId":"m","event":"Order Completed","properties":{"revenue":%s,"total":1,"currency":"USD"}}'
    )
    event = only(segment.parse(body % amount.encode(), "track", SEGMENT))
    assert (event.event, event.value_micros, event.properties) == ("conversion", micros, {"total": "1"})


def test_a_refund_takes_revenue_away_and_spend_is_a_cost() -> None:
    assert only(track({"total": 5}, event="Order Refunded")).value_micros == -5_000_000
    event = only(track({"spend": "1.25", "quantity": 2}, event="ad spend"))
    assert (event.event, event.cost_micros, event.quantity) == ("spend", 1_250_000, 1)


def test_impressions_may_come_by_the_thousand() -> None:
    event = only(track({"impressions": "1000"}, event="Ad Impression"))
    assert (event.event, event.quantity) == ("impression", 1000)


def test_amounts_of_other_calls_are_no_revenue() -> None:
    event = only(track({"value": 5, "price": 7}, event="Product Added"))
    assert (event.event, event.value_micros, event.properties) == (
        "Product Added",
        0,
        {"value": "5", "price": "7"},
    )


def test_an_exposure_has_its_experiment_and_variant() -> None:
    event = only(track({"experiment_id": "e", "variation_name": "b"}, event="Experiment Viewed"))
    assert (event.event, event.experiment_id, event.variant) == ("exposure", "e", "b")
    body = {"uuid": "1", "event": "$feature_flag_called", "distinct_id": "d"}
    flags = {"$feature_flag": "e", "$feature_flag_response": True}
    event = only(posthog.parse(json.dumps({**body, "properties": flags}).encode(), {}, POSTHOG))
    assert (event.event, event.experiment_id, event.variant) == ("exposure", "e", "true")


@pytest.mark.parametrize("kind", ["page", "screen", "identify", "group", "alias"])
def test_the_other_calls_are_events_of_their_own_name(kind: str) -> None:
    body = {
        "messageId": "m",
        "userId": "u",
        "name": "Home",
        "traits": {"plan": "x"},
        "groupId": "g",
        "previousId": "p",
    }
    event = only(segment.parse(json.dumps(body).encode(), kind, SEGMENT))
    assert event.event == kind
    assert event.properties == {"name": "Home", "groupId": "g", "previousId": "p", "traits.plan": "x"}
    assert (
        only(segment.parse(json.dumps({"batch": [{**body, "type": kind}]}).encode(), "batch", SEGMENT))
        == event
    )


def test_a_call_without_an_id_gets_one_that_its_retry_has_too() -> None:
    call = {"messageId": None, "timestamp": "2026-11-23T21:44:03Z"}
    first = only(track({}, **call, sentAt="2026-11-23T21:44:04Z"))
    again = only(track({}, **call, sentAt="2026-11-23T21:44:09Z"))
    other = only(track({"a": 1}, **call))
    assert first.event_id == again.event_id != other.event_id


def test_calls_with_neither_an_id_nor_a_time_are_different_calls() -> None:
    assert only(track({}, messageId=None)).event_id != only(track({}, messageId=None)).event_id


def test_an_impossible_time_is_no_original_time() -> None:
    event = only(track({}, timestamp="0001-01-01T00:00:00Z", sentAt="2026-11-23T21:44:04Z"))
    assert (event.original_time, event.event_time) == (0, NOW)


@pytest.mark.parametrize(
    ("properties", "call", "field", "said"),
    [
        (
            {"currency": "EUR"},
            {},
            "properties.currency",
            'properties.currency is "EUR"; this deployment counts in USD',
        ),
        ({}, {"event": "heartbeat"}, "event", "a name that only collectors use"),
        ({}, {"event": None}, "event", "event is empty; it must have 1 to 200 characters"),
        (
            {"campaign_id": "x" * 1001},
            {},
            "properties.campaign_id",
            "properties.campaign_id has 1,001 characters",
        ),
        (
            {"revenue": "much"},
            {"event": "Order Completed"},
            "properties.revenue",
            'is "much"; it must be an amount such',
        ),
        ({"revenue": "NaN"}, {"event": "Order Completed"}, "properties.revenue", "it must be an amount such"),
        ({"revenue": True}, {"event": "Order Completed"}, "properties.revenue", "it must be an amount such"),
        ({"revenue": 1e300}, {"event": "Order Completed"}, "properties.revenue", "at most 10,000,000 fits"),
        (
            {"quantity": 0},
            {},
            "properties.quantity",
            "it must be a whole number up to 1,000,000,000, never 0",
        ),
        ({"quantity": 1.5}, {}, "properties.quantity", "it must be a whole number"),
        ({"a": "\0"}, {}, "properties", "holds a NUL character"),
        ({"a": "x" * MAX_EVENT_BYTES}, {}, "", "at most 32,768 fit"),
    ],
)
def test_a_refused_call_says_why_in_the_clients_own_names(
    properties: dict[str, Any], call: dict[str, Any], field: str, said: str
) -> None:
    refused_field, sentence = refused(track(properties, **call))
    assert refused_field == field
    assert said in sentence


def test_in_a_batch_the_good_calls_are_taken_and_the_bad_keep_their_bytes() -> None:
    body = b'{"batch":[{"type":"track","event":"Ad Clicked","messageId":"1"}, 7, {"type":"buy"}, {}]}'
    parsed = segment.parse(body, "batch", SEGMENT)
    assert [event.event_id for event in parsed.events] == ["1"]
    assert [(r.index, r.field, r.raw) for r in parsed.refusals] == [
        (1, "", b"7"),
        (2, "type", b'{"type":"buy"}'),
        (3, "type", b"{}"),
    ]
    assert "must be one of track, page, screen, identify, group, alias" in parsed.refusals[1].reason


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"nonsense", b'{"batch":{}}', b"[" * 100_000, b'{"batch":[' + b"[" * 99_999]
)
def test_a_body_that_is_no_batch_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match="the body is no batch"):
        segment.parse(body, "batch", SEGMENT)


@pytest.mark.parametrize(
    ("body", "said"), [(b"data=%21%21", "not base64"), (b"nonsense", "no capture"), (b"", "no capture")]
)
def test_a_body_that_is_no_capture_is_unreadable(body: bytes, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        posthog.parse(body, {}, POSTHOG)


def test_a_batch_of_too_many_calls_is_a_413() -> None:
    with pytest.raises(Unreadable, match="holds 10,001 calls") as raised:
        segment.parse(b'{"batch":[' + b",".join([b"1"] * 10_001) + b"]}", "batch", SEGMENT)
    assert raised.value.status == 413


def test_the_browser_is_told_to_send_here_and_nothing_elsewhere() -> None:
    settings = segment.settings("key", "http", "127.0.0.1:8601")
    assert settings["integrations"]["Segment.io"]["apiHost"] == "127.0.0.1:8601/v1"
    assert settings["integrations"]["Segment.io"]["protocol"] == "http"
    assert settings["metrics"] == {"sampleRate": 0}


@pytest.mark.parametrize("amount", ["1e1000000", "-1e1000000", "1e-1000000", 10**400])
def test_an_amount_beyond_all_measure_costs_only_its_own_call(amount: object) -> None:
    bad = {"type": "track", "event": "Order Completed", "messageId": "a", "properties": {"revenue": amount}}
    good = {"type": "track", "event": "Ad Clicked", "messageId": "good", "userId": "u"}
    parsed = segment.parse(json.dumps({"batch": [bad, good]}).encode(), "batch", SEGMENT)
    assert "good" in [event.event_id for event in parsed.events]
    assert len(parsed.events) + len(parsed.refusals) == 2


def test_a_call_whose_context_is_no_object_is_taken_with_that_of_the_batch() -> None:
    call = {"type": "track", "event": "Ad Clicked", "messageId": "1", "userId": "u", "context": "web"}
    body = json.dumps({"context": {"library": {"name": "x"}}, "batch": [call]}).encode()
    [event] = segment.parse(body, "batch", SEGMENT).events
    assert event.event == "click"
