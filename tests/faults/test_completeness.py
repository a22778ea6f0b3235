"""``completeThrough`` never claims too much, and the audit mends what Flink could not count."""

import shutil
import time
from typing import Any

import pytest
from confluent_kafka import Producer

from cluster import Cluster, now_ms
from kafka_topic import held

MINUTE = 60_000
DAY = 24 * 60 * MINUTE


def clicks(run: str, numbers: range, at: int, **more: object) -> list[dict[str, Any]]:
    return [
        {"event_id": f"{run}-{number}", "event": "click", "event_time": at, "campaign_id": run, **more}
        for number in numbers
    ]


def counted(cluster: Cluster, campaign: str) -> list[int]:
    """The events that each of the job's rows of a campaign tells."""
    rows = held(cluster.settings.bootstrap, "campaign.v1")
    return [row["events"] for row in rows if row["campaign_id"] == campaign]


@pytest.mark.parametrize("partition", [0, 2])
def test_no_answer_claims_to_be_complete_beyond_events_held_back_before_flink(
    cluster: Cluster, partition: int
) -> None:
    """An open transaction holds back whatever follows it in one partition.

    The collector's events are acknowledged.
    """
    run, at = f"held-{partition}-{now_ms()}", now_ms()
    cluster.await_through(now_ms())
    producer = Producer(
        {
            "bootstrap.servers": cluster.settings.bootstrap,
            "transactional.id": run,
            "transaction.timeout.ms": 60_000,
        }
    )
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce("events.v1", b"{}", partition=partition)
    producer.flush()
    held_since = now_ms()
    cluster.send(clicks(run, range(300), at))
    accepted = now_ms()
    try:
        bounds = {"start_ms": at - MINUTE, "end_ms": at + MINUTE}
        cluster.until(
            lambda: 0 < cluster.campaign(run, "clicks", **bounds).get("clicks", 0) < 300,
            within=20,
            what="the events of the other partitions",
        )
        until = time.monotonic() + 8
        asked = 0
        while time.monotonic() < until:
            answer = cluster.freshness()
            assert answer["completeThrough"] <= held_since
            assert answer["auditedThrough"] <= held_since
            asked += 1
        assert asked > 10
    finally:
        producer.abort_transaction()
    cluster.await_through(accepted)
    assert cluster.campaign(run, "clicks", **bounds) == {"clicks": 300}


def test_an_event_late_by_days_is_counted_within_thirty_seconds(cluster: Cluster) -> None:
    run, at = f"late-{now_ms()}", now_ms() - 9 * DAY
    cluster.send(clicks(run, range(50), at))
    took = cluster.until(
        lambda: (
            cluster.campaign(run, "clicks", start_ms=at - 60 * MINUTE, end_ms=at + 60 * MINUTE)
            == {"clicks": 50}
        ),
        within=30,
        what="the late events",
    )
    print(f"late by nine days, counted after {took:.1f} s")


def test_an_event_sent_again_after_the_deduplication_forgot_it_counts_once(cluster: Cluster) -> None:
    """The job goes on from its checkpoint with a memory of one second instead of two hours."""
    run, at = f"forgotten-{now_ms()}", now_ms() - 7 * MINUTE
    cluster.send(clicks(run, range(20), at, original_time=at))
    cluster.await_through(now_ms())
    bounds = {"start_ms": at - 60 * MINUTE, "end_ms": at + 60 * MINUTE}
    cluster.restart_with_memory_of(1.0)
    try:
        cluster.send(clicks(run, range(20), at + 3 * MINUTE, original_time=at))
        # answers show it for a moment only: the audit mends it
        cluster.until(lambda: counted(cluster, run) == [20, 20], within=60, what="counting twice")
        cluster.await_through(now_ms(), field="auditedThrough", within=60)
    finally:
        cluster.tidemark("jobs", "stop")
        cluster.tidemark("jobs", "submit")
    assert cluster.campaign(run, "clicks", "events", **bounds) == {"clicks": 20, "events": 20}


def test_a_data_folder_that_is_lost_is_filled_again_from_kafka(cluster: Cluster) -> None:
    """Kafka keeps the lost folder's offsets; a new folder has groups of its own."""
    run, at = f"lost-{now_ms()}", now_ms() - 5 * MINUTE
    cluster.send(clicks(run, range(1000), at))
    cluster.await_through(now_ms())
    cluster.stop_part("service")
    shutil.rmtree(cluster.settings.home / "clickhouse")
    cluster.start_part("service")
    cluster.until(lambda: cluster.freshness()["completeThrough"] is not None, within=60, what="the service")
    cluster.await_through(now_ms(), field="auditedThrough", within=120)
    bounds = {"start_ms": at - 60 * MINUTE, "end_ms": at + 60 * MINUTE}
    assert cluster.campaign(run, "clicks", "events", **bounds) == {"clicks": 1000, "events": 1000}


def test_state_thrown_away_under_traffic_costs_nothing(cluster: Cluster) -> None:
    run, at = f"stateless-{now_ms()}", now_ms() - 2 * MINUTE
    cluster.send(clicks(run, range(2000), at))
    cluster.tidemark("jobs", "stop", "--forget")
    cluster.send(clicks(run, range(1500, 4000), at))
    cluster.tidemark("jobs", "submit")
    cluster.send(clicks(run, range(3500, 5000), at))
    sent = now_ms()
    cluster.await_through(sent, field="auditedThrough", within=120)
    bounds = {"start_ms": at - 60 * MINUTE, "end_ms": at + 60 * MINUTE}
    assert cluster.campaign(run, "clicks", "events", **bounds) == {"clicks": 5000, "events": 5000}
