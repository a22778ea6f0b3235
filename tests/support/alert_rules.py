"""Rules and what was seen of their series, for tests that are not about how a rule is read."""

from dataclasses import replace

from rules import read
from tidemark.alerts.rule import OnNoData, Rule
from tidemark.alerts.series import Observation

MINUTE = 60_000
START = 29_000_000 * MINUTE
"""A tick."""
TEXT = """\
groups:
  - name: Spend
    every: 1m
    rules:
      - alert: HighSpend
        query: {metrics: [SPEND], dimensions: [CAMPAIGN], window: 1h}
        when: SPEND > 100
        resolve_when: SPEND < 50
        annotations: {summary: "{{ campaign }}"}
      - alert: LowSpend
        query: {metrics: [SPEND], dimensions: [CAMPAIGN], window: 1h}
        when: SPEND < 100
        annotations: {summary: "{{ campaign }}"}
"""
HIGH_SPEND, LOW_SPEND = read(TEXT)
HYSTERESIS = HIGH_SPEND.resolve_when


def rule(
    like: Rule = HIGH_SPEND,
    *,
    minutes: int = 0,
    keep: int = 0,
    on_no_data: OnNoData = OnNoData.OK,
    hysteresis: bool = False,
    most: int = 100,
) -> Rule:
    """One on spend above 100; ``for`` and ``keep_firing_for`` in minutes."""
    return replace(
        like,
        for_ms=minutes * MINUTE,
        keep_firing_ms=keep * MINUTE,
        on_no_data=on_no_data,
        resolve_when=HYSTERESIS if hysteresis else None,
        max_instances=most,
    )


def seen(
    minute: int,
    holds: bool | None,
    *,
    resolves: bool | None = None,
    value: float | None = None,
    is_open: bool = False,
) -> Observation:
    """At so many minutes after the start."""
    return Observation(START + minute * MINUTE, holds, resolves, value, is_open)
