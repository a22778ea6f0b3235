"""An event goes in, a number comes out."""

import json
import random
from typing import Any

import httpx
import pytest
from confluent_kafka import Producer

import truth
from cluster import Cluster, now_ms, rfc3339
from difference import difference
from truth_values import METRICS

MINUTE = 60_000


def event(event_id: str, at: int, name: str = "click", **more: object) -> dict[str, Any]:
    return {"event_id": event_id, "event": name, "event_time": at, "source": "web", **more}


def test_twelve_single_events_are_each_in_the_answer_within_five_seconds(cluster: Cluster) -> None:
    run = f"twelve-{now_ms()}"
    bounds = {"start_ms": now_ms() - 10 * MINUTE, "end_ms": now_ms() + 10 * MINUTE}
    took = []
    for number in range(1, 13):
        cluster.send([event(f"{run}-{number}", now_ms(), campaign_id=run)])
        expected = {"clicks": number}
        took.append(
            cluster.until(
                lambda expected=expected: cluster.campaign(run, "clicks", **bounds) == expected,  # type: ignore[misc]
                within=5,
                what=f"event {number}",
            )
        )
    print("accepted to seen, seconds:", ", ".join(f"{seconds:.2f}" for seconds in sorted(took)))


def test_an_event_sent_again_with_another_sent_at_is_counted_once(cluster: Cluster) -> None:
    run, at = f"again-{now_ms()}", now_ms() - 5 * MINUTE
    for drift in (0, 40, 70_000):
        cluster.send([event(f"{run}-1", at, campaign_id=run, sent_at=now_ms() - drift)])
    accepted = now_ms()
    cluster.await_through(accepted)
    bounds = {"start_ms": at - 10 * MINUTE, "end_ms": now_ms() + MINUTE}
    assert cluster.campaign(run, "clicks", **bounds) == {"clicks": 1}


def test_an_event_three_days_late_is_right_in_minutes_hours_and_days_within_a_refresh(
    cluster: Cluster,
) -> None:
    run, day = f"late-{now_ms()}", 24 * 60 * MINUTE
    at = now_ms() // day * day - 3 * day + 7 * 60 * MINUTE
    cluster.send([event(f"{run}-1", at, campaign_id=run, ad_id=run)])
    sent = now_ms()
    start = at // day * day - 4 * day
    questions: dict[str, dict[str, Any]] = {
        "campaign_day": {"grain": "DAY", "end_ms": start + 6 * day},
        "campaign_hour": {"grain": "DAY", "timezone": "Asia/Karachi", "end_ms": start + 6 * day},
        "campaign_minute": {"grain": "MINUTE", "start_ms": at, "end_ms": at + 60 * MINUTE},
    }

    def counted(table: str) -> bool:
        options: dict[str, Any] = {"start_ms": start, **questions[table]}
        where = [{"dimension": "AD", "values": [run]}]
        answer = cluster.metrics(["clicks"], where=where, limit=10_000, **options)
        clicks = sum(row["values"]["clicks"] for row in answer["rows"])
        return clicks == 1 and table in answer["resolved"]["source"].split("+")

    took = {
        table: cluster.until(lambda table=table: counted(table), within=30, what=table)  # type: ignore[misc]
        for table in ("campaign_minute", "campaign_hour", "campaign_day")
    }
    print(f"three days late: right in all after {(now_ms() - sent) / 1000:.1f} s; one by one", took)


def test_poison_between_good_events_ends_in_the_dead_letters_and_good_ones_are_counted(
    cluster: Cluster,
) -> None:
    """Straight into Kafka, past the collector's checks, into the middle of good events."""
    run, at = f"poison-{now_ms()}", now_ms() - 3 * MINUTE
    fields = {
        "event": "click", "event_time": at, "original_time": at, "received_at": at, "quantity": 1,
        "value_micros": 0, "cost_micros": 0, "campaign_id": run, "ad_id": "", "channel": "", "source": "web",
        "platform": "", "country": "", "user_id": "", "anonymous_id": "", "experiment_id": "", "variant": "",
        "properties": {},
    }  # fmt: skip

    def message(event_id: str, **changed: object) -> bytes:
        whole = {"event_id": f"{run}-{event_id}", **fields, **changed}
        return json.dumps({key: value for key, value in whole.items() if value is not None}).encode()

    poison = {
        b"not json": "message",
        b'{"event_id": ': "message",
        message("two-a") + message("two-b"): "message",
        message("trailing") + b" and more": "message",
        b"[1, 2]": "message",
        b"\xff\xfe\x00": "message",
        message("type", event_time="yesterday"): "event_time",
        message("type-2", quantity="many"): "quantity",
        message("range", quantity=10**10): "quantity",
        message("zero", quantity=0): "quantity",
        message("money", value_micros=10**14): "value_micros",
        message("beyond-64-bits", cost_micros=99999999999999999999): "cost_micros",
        message("year-5138", event_time=99_999_999_999_999): "event_time",
        message("missing", event_time=None): "event_time",
        message("nameless", event=""): "event",
        b"": "message",
    }
    good = [message(f"good-{number}") for number in range(len(poison) + 1)]
    offsets: dict[bytes, tuple[int, int]] = {}

    def delivered(error: object, sent: Any) -> None:
        assert error is None
        offsets[sent.value() or b""] = (sent.partition(), sent.offset())

    producer = Producer({"bootstrap.servers": cluster.settings.bootstrap})
    for bad, fine in zip([*poison, None], good, strict=True):
        producer.produce("events.v1", fine, partition=0, on_delivery=delivered)
        if bad is not None:
            producer.produce("events.v1", bad, partition=0, on_delivery=delivered)
    producer.flush()
    written = now_ms()
    cluster.await_through(written, field="auditedThrough")
    bounds = {"start_ms": at - 10 * MINUTE, "end_ms": now_ms() + MINUTE}
    assert cluster.campaign(run, "clicks", "events", **bounds) == {"clicks": len(good), "events": len(good)}
    rejected = {
        (row["partition"], row["offset"]): row for row in cluster.rejected() if row["topic"] == "events.v1"
    }
    for bad, field in poison.items():
        row = rejected[offsets[bad]]
        assert row["field"] == field, (bad, row)
        assert row["reason"], row
        if bad and b"\xff" not in bad:
            assert row["raw"] == bad.decode(), row


def test_what_the_collector_refuses_is_kept_with_its_reason(cluster: Cluster) -> None:
    run = f"refused-{now_ms()}"
    answer = httpx.post(
        f"{cluster.settings.collector_url}/v1/events",
        json=[event(f"{run}-good", now_ms()), event(f"{run}-bad", now_ms(), quantity=0)],
    )
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 1
    [refusal] = answer.json()["rejected"]
    assert (refusal["index"], refusal["field"]) == (1, "quantity")

    def kept() -> bool:
        return any(
            f"{run}-bad" in row["raw"] and row["reason"] == refusal["reason"] for row in cluster.rejected()
        )

    cluster.until(kept, within=10, what="the dead letter")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_events_are_answered_as_plain_python_counts_them(cluster: Cluster, seed: int) -> None:
    """Duplicates, disorder, late by minutes, every field; then random slices of them."""
    dice = random.Random(seed)
    run, now = f"random-{seed}-{now_ms()}", now_ms()
    events: list[dict[str, Any]] = []
    for number in range(1500):
        if events and dice.random() < 0.15:
            events.append(dice.choice(events))
            continue
        at = now - dice.choice([0, 0, 1, 20]) * MINUTE - dice.randrange(10 * MINUTE)
        events.append(
            event(
                f"{run}-{number}",
                at,
                dice.choice(["impression", "impression", "click", "conversion", "spend", "newsletter"]),
                original_time=at - dice.choice([0, 0, 5, 3 * 86_400_000]),
                quantity=dice.choice([1, 1, 1, 17, -3, 1_000_000_000]),
                value_micros=dice.choice([0, 0, 19_990_000, -5, 10_000_000_000_000]),
                cost_micros=dice.choice([0, 1, 333_333, -2_000_001]),
                campaign_id=f"{run}/{dice.randrange(4)}",
                ad_id=dice.choice(["", "a", "ä \"quoted' \\ ad"]),
                channel=dice.choice(["search", "social", ""]),
                source=dice.choice(["web", "mobile", "server"]),
                platform=dice.choice(["ios", "android"]),
                country=dice.choice(["DE", "US", ""]),
                user_id=dice.choice(["", "u1"]),
                properties={"n": dice.choice(["1", "zwei"])},
            )
        )
    dice.shuffle(events)
    cluster.send(events)
    cluster.await_through(now_ms())
    campaigns = [f"{run}/{number}" for number in range(4)]
    for _ in range(12):
        start = now - dice.randrange(5, 40) * MINUTE
        end = now - dice.randrange(5) * MINUTE + 1
        if dice.random() < 0.7:
            start, end = start // MINUTE * MINUTE, -(-end // MINUTE) * MINUTE
        dimensions = dice.sample(
            ["CAMPAIGN", "AD", "CHANNEL", "SOURCE", "PLATFORM", "COUNTRY", "EVENT"], dice.randrange(4)
        )
        grain = dice.choice([None, "MINUTE", "FIVE_MINUTES", "HOUR", "DAY"])
        where: list[dict[str, Any]] = [{"dimension": "CAMPAIGN", "values": campaigns}]
        if dice.random() < 0.5:
            operator = dice.choice(["IN", "NOT_IN"])
            where.append({"dimension": "COUNTRY", "op": operator, "values": ["DE", ""]})
        question = {
            "metrics": [metric for metric in METRICS if metric != "REACH"],
            "range": {"from": rfc3339(start), "to": rfc3339(end)},
            "dimensions": dimensions,
            "grain": grain,
            "where": where,
            "limit": 10_000,
        }
        assert not difference(truth.answer(events, question, now), cluster.frame(question), question)
