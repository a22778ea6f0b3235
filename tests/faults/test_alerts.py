"""Alerts while the service is killed and while data stands still: what an undisturbed engine tells, no more.

``make test`` tries a little of each; ``make test-alerts`` kills 50 times, and stops Flink for three minutes.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from alert_traffic import SpendTraffic
from cluster import STALE_SECONDS, Cluster, now_ms
from webhook import Told, Webhook, listening

_KILLS = int(os.environ.get("KILLS", "5"))
_STALL_SECONDS = float(os.environ.get("STALL_SECONDS", "45"))
_FLINK = ("taskmanager-1", "taskmanager-2", "jobmanager")
_FIRING = "{ alerts(states: [FIRING, STALE]) { rule } }"


def of(traffic: SpendTraffic, told: Sequence[Told]) -> list[tuple[str, str]]:
    """Ids and campaigns of what was told of the traffic's campaigns, each id once, in order."""
    return list(
        dict.fromkeys(
            (one.id, one.payload["groupLabels"]["campaign"])
            for one in told
            if one.payload["groupLabels"].get("campaign", "") in traffic.campaigns
        )
    )


def by_campaign(told: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """The ids by campaign: what is told of different campaigns goes out at once, in no order."""
    return {campaign: [one for one, its in told if its == campaign] for campaign in {its for _, its in told}}


def equals_undisturbed(
    cluster: Cluster, traffic: SpendTraffic, webhook: Webhook, folder: Path
) -> Counter[str]:
    """Check all that was told; returns how often each id came."""
    cluster.until(
        lambda: len(of(traffic, webhook.told)) >= len(traffic.campaigns),
        within=180,
        what="alerts that fire and resolve",
    )
    end_ms = traffic.end()
    cluster.await_through(end_ms, within=240)
    folder.mkdir()
    expected = traffic.undisturbed(folder)
    assert len(expected) >= len(traffic.campaigns), "too little was to be told for this to be a test"
    cluster.until(
        lambda: len(of(traffic, webhook.told)) >= len(expected),
        within=60,
        what=f"all of {len(expected)} notifications",
    )
    assert by_campaign(of(traffic, webhook.told)) == by_campaign(expected)
    traffic.remove_rule()
    mine = {one for one, _ in expected}
    return Counter(one.id for one in webhook.told if one.id in mine)


def kill_service(cluster: Cluster) -> None:
    """And wait for the next one's process."""
    before = cluster.pid("service")
    cluster.kill("service", signal.SIGKILL)
    cluster.until(lambda: cluster.pid("service") not in {0, before}, within=60, what="a new service")


@pytest.mark.timeout(300 + 15 * _KILLS)
def test_a_service_that_is_killed_again_and_again_tells_what_one_that_lives_tells(
    cluster: Cluster, tmp_path: Path
) -> None:
    luck = random.Random(7)
    with listening(cluster.webhook_port) as webhook, SpendTraffic(cluster) as traffic:
        cluster.until(lambda: bool(of(traffic, webhook.told)), within=90, what="the first alert")
        for number in range(_KILLS):
            kill_service(cluster)
            if number % 3:  # and now and then while it starts
                cluster.until(lambda: bool(cluster.freshness()["completeThrough"]), within=60, what="answers")
            time.sleep(luck.uniform(0.0, 4.0))  # the moment is what is tried
        times = equals_undisturbed(cluster, traffic, webhook, tmp_path / "undisturbed")
    print(
        f"{len(times)} notifications, {_KILLS} kills; {sum(count > 1 for count in times.values())} came twice"
    )


@pytest.mark.timeout(300 + 2 * _STALL_SECONDS)
def test_a_stall_is_one_alert_and_what_it_held_is_told_in_order_afterwards(
    cluster: Cluster, tmp_path: Path
) -> None:
    with listening(cluster.webhook_port) as webhook, SpendTraffic(cluster) as traffic:
        cluster.until(lambda: bool(of(traffic, webhook.told)), within=90, what="the first alert")
        cluster.until(lambda: not _is_stale(webhook), within=60, what="the end of a stall of before")
        for part in _FLINK:
            cluster.stop_part(part)
        stopped, came = time.monotonic(), len(webhook.told)
        cluster.until(lambda: len(webhook.told) > came, within=STALE_SECONDS + 30, what="DataStale")
        told = webhook.told[came]
        print(f"stale told {told.at - stopped:.1f} s after Flink was stopped")
        assert (told.payload["groupLabels"], told.payload["status"]) == ({"alertname": "DataStale"}, "firing")
        held = {one["rule"] for one in cluster.graphql(_FIRING)["alerts"]}
        time.sleep(max(0.0, stopped + _STALL_SECONDS - time.monotonic()))  # in which nothing else may be told
        assert webhook.told[came:] == [told]
        assert {one["rule"] for one in cluster.graphql(_FIRING)["alerts"]} == held
        for part in reversed(_FLINK):
            cluster.start_part(part)
        cluster.await_through(now_ms(), within=180)
        cluster.until(lambda: not _is_stale(webhook), within=30, what="the end of DataStale")
        times = equals_undisturbed(cluster, traffic, webhook, tmp_path / "undisturbed")
        stale = webhook.of("alertname", "DataStale")
    assert [one.payload["status"] for one in stale if one.at >= told.at] == ["firing", "resolved"]
    assert set(times.values()) == {1}


def _is_stale(webhook: Webhook) -> bool:
    told = webhook.of("alertname", "DataStale")
    return bool(told) and told[-1].payload["status"] == "firing"
