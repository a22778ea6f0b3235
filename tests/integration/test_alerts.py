"""A rule is put into the catalogue of a running cluster: told seconds after the event, and resolved, once."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import standardwebhooks

from cluster import WEBHOOK_SECRET, Cluster, now_ms

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
ALERTS = """query($states: [AlertState!]) { alerts(states: $states) {
    id rule state severity value threshold summary since completeThrough labels { name value } } }"""


class Webhook(HTTPServer):
    """Keeps what it is told: the id, the payload, and when."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.told: list[tuple[str, dict[str, Any], float]] = []

    def of(self, campaign: str) -> list[tuple[str, str, float]]:
        """Ids, statuses and times of what was told of a campaign."""
        return [
            (named, payload["status"], at)
            for named, payload, at in self.told
            if payload["groupLabels"].get("campaign") == campaign
        ]


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        standardwebhooks.Webhook(WEBHOOK_SECRET).verify(body, dict(self.headers.items()))
        self.server.told.append((self.headers["webhook-id"], json.loads(body), time.monotonic()))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: the test tells."""


@pytest.fixture
def webhook(cluster: Cluster) -> Iterator[Webhook]:
    with Webhook(cluster.webhook_port) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_campaign_that_spends_too_much_is_told_within_seconds_once_and_ends_with_its_rule(
    cluster: Cluster, webhook: Webhook
) -> None:
    run, name = f"alert-{now_ms()}", f"Spends{now_ms()}"
    file = cluster.catalogue / "alerts" / "test.yaml"
    file.write_text(RULE.format(run=run, name=name), encoding="utf-8")
    cluster.until(
        lambda: any(one["rule"] == name for one in cluster.graphql(ALERTS, states=["INACTIVE"])["alerts"]),
        within=30,
        what="the rule in force",
    )
    spend = {"event": "spend", "campaign_id": run, "cost_micros": 200_000_000}
    cluster.send([{**spend, "event_id": f"{run}-{number}", "event_time": now_ms()} for number in range(3)])
    accepted = time.monotonic()
    cluster.until(lambda: bool(webhook.of(run)), within=30, what="the alert")
    print(f"told {webhook.of(run)[0][2] - accepted:.1f} s after the event was accepted")
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
    cluster.until(lambda: len(webhook.of(run)) > 1, within=30, what="the end of a rule that is gone")
    assert [status for _, status, _ in webhook.of(run)] == ["firing", "resolved"]
    assert len({named for named, _, _ in webhook.of(run)}) == 2
