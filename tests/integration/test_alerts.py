"""A rule is put into the catalogue of a running cluster: told seconds after the event, and resolved, once."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster import Cluster, now_ms
from webhook import Webhook, listening

RULE = """
groups:
  - name: {run}
    every: 1m
    rules:
      - alert: {name}
        severity: critical
        query: {{metrics: [SPEND], dimensions: [CAMPAIGN], where: ["campaign={run}"], window: 1m}}
        when: SPEND > 500
        labels: {{told: test}}
        annotations: {{summary: "{{{{ campaign }}}} spent {{{{ SPEND }}}}"}}
"""
MANY = """
      - alert: {name}
        query: {{metrics: [SPEND], dimensions: [CAMPAIGN], where: ["campaign*={run}-"], window: 1m}}
        when: SPEND > 0.5
        max_instances: 1000
        labels: {{told: test}}
        annotations: {{summary: "{{{{ campaign }}}} spent {{{{ SPEND }}}}"}}
"""
ALERTS = """query($states: [AlertState!]) { alerts(states: $states) {
    id rule state severity value threshold summary since completeThrough labels { name value } } }"""


def _firing(cluster: Cluster, run: str, rule: str) -> list[dict[str, Any]]:
    """Alerts of a run's campaigns, and about a rule."""
    found = cluster.graphql(ALERTS, states=["FIRING"])["alerts"]
    return [
        one
        for one in found
        if any(
            label["value"] == rule or (label["name"] == "campaign" and label["value"].startswith(run))
            for label in one["labels"]
        )
    ]


@pytest.fixture
def webhook(cluster: Cluster) -> Iterator[Webhook]:
    with listening(cluster.webhook_port) as server:
        yield server


@pytest.fixture
def file(cluster: Cluster) -> Iterator[Path]:
    """A file of rules that is gone afterwards."""
    path = cluster.catalogue / "alerts" / "test.yaml"
    yield path
    path.unlink(missing_ok=True)


def test_a_campaign_that_spends_too_much_is_told_within_seconds_once_and_ends_with_its_rule(
    cluster: Cluster, webhook: Webhook, file: Path
) -> None:
    run, name = f"alert-{now_ms()}", f"Spends{now_ms()}"
    file.write_text(RULE.format(run=run, name=name), encoding="utf-8")
    cluster.until(
        lambda: any(one["rule"] == name for one in cluster.graphql(ALERTS, states=["INACTIVE"])["alerts"]),
        within=30,
        what="the rule in force",
    )
    spend = {"event": "spend", "campaign_id": run, "cost_micros": 200_000_000}
    cluster.send([{**spend, "event_id": f"{run}-{number}", "event_time": now_ms()} for number in range(3)])
    accepted = time.monotonic()
    cluster.until(lambda: bool(webhook.of("campaign", run)), within=30, what="the alert")
    print(f"told {webhook.of('campaign', run)[0].at - accepted:.1f} s after the event was accepted")
    (alert,) = (one for one in cluster.graphql(ALERTS, states=["FIRING"])["alerts"] if one["rule"] == name)
    assert (alert["severity"], alert["value"], alert["threshold"]) == ("CRITICAL", 600.0, 500.0)
    assert alert["summary"] == f"{run} spent 600.00 USD"
    assert {"name": "campaign", "value": run} in alert["labels"]

    file.write_text("groups: [nonsense", encoding="utf-8")  # which changes nothing
    cluster.send([{**spend, "event_id": f"{run}-more", "event_time": now_ms()}])
    cluster.await_through(now_ms())
    assert cluster.campaign(run, "spend", start_ms=now_ms() - 600_000, end_ms=now_ms()) == {"spend": 800.0}
    assert [one["rule"] for one in cluster.graphql(ALERTS, states=["FIRING"])["alerts"]].count(name) == 1
    file.unlink()
    cluster.until(
        lambda: len(webhook.of("campaign", run)) > 1, within=30, what="the end of a rule that is gone"
    )
    told = webhook.of("campaign", run)
    assert [one.payload["status"] for one in told] == ["firing", "resolved"]
    assert len({one.id for one in told}) == 2


LATE = """
groups:
  - name: {run}
    every: 1m
    rules:
      - alert: {name}
        query: {{metrics: [SPEND, CONVERSIONS], dimensions: [CAMPAIGN], where: "campaign={run}", window: 1m}}
        when: SPEND > 500 and CONVERSIONS < 1
        labels: {{told: test}}
        annotations: {{summary: "{{{{ campaign }}}} spent {{{{ SPEND }}}} for nothing"}}
"""


def test_a_conversion_that_comes_late_takes_an_alert_back_once_and_pages_nobody_again(
    cluster: Cluster, webhook: Webhook, file: Path
) -> None:
    run, name = f"late-{now_ms()}", f"Late{now_ms()}"
    file.write_text(LATE.format(run=run, name=name), encoding="utf-8")
    at = now_ms()
    event = {"event_time": at, "campaign_id": run}
    cluster.send([{**event, "event": "spend", "event_id": f"{run}-spend", "cost_micros": 600_000_000}])
    cluster.until(lambda: bool(webhook.of("campaign", run)), within=90, what="the alert on the full minute")
    cluster.send([{**event, "event": "conversion", "event_id": f"{run}-conversion"}])
    cluster.until(lambda: len(webhook.of("campaign", run)) > 1, within=30, what="the correction")
    (alert,) = (one for one in cluster.graphql(ALERTS, states=["RESOLVED"])["alerts"] if one["rule"] == name)
    assert "late" in alert["summary"]
    told = webhook.of("campaign", run)
    assert [one.payload["status"] for one in told] == ["firing", "resolved"]


def test_a_rule_of_ten_thousand_series_is_one_alert_of_its_own_and_the_others_are_judged(
    cluster: Cluster, webhook: Webhook, file: Path
) -> None:
    run = f"many-{now_ms()}"
    many, one = f"Many{now_ms()}", f"One{now_ms()}"
    rules = RULE.format(run=run, name=one) + MANY.format(run=run, name=many)
    file.write_text(rules, encoding="utf-8")
    events = [
        {"event": "spend", "event_time": now_ms(), "campaign_id": f"{run}-{number}", "cost_micros": 1_000_000}
        for number in range(10_000)
    ]
    events.append({**events[0], "campaign_id": run, "cost_micros": 501_000_000})
    cluster.send([{**event, "event_id": event["campaign_id"]} for event in events])
    cluster.until(
        lambda: {one, "TooManyInstances"} <= {found["rule"] for found in _firing(cluster, run, many)},
        within=60,
        what="the alert about its series, and the other rule's",
    )
    assert not [found for found in _firing(cluster, run, many) if found["rule"] == many]
    file.unlink()
    cluster.until(lambda: not _firing(cluster, run, many), within=30, what="the end of both")

    def told() -> list[tuple[str, str]]:
        every = [one.payload for one in webhook.told]
        return [
            (payload["commonLabels"]["alertname"], payload["status"])
            for payload in every
            if many in payload["commonLabels"].values() or payload["groupLabels"].get("campaign") == run
        ]

    cluster.until(lambda: len(told()) > 3, within=30, what="what was told")
    assert sorted(told()) == sorted(
        (rule, status) for rule in (one, "TooManyInstances") for status in ("firing", "resolved")
    )
