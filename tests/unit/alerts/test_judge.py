"""Which series of an answer are looked at, and what is seen of them."""

import numpy as np

from rules import read
from tidemark.alerts.judge import observations
from tidemark.alerts.series import Labels, Observation

RULE = """\
groups:
  - name: Rates
    every: 5m
    rules:
      - alert: LowClickRate
        severity: warning
        query: {{metrics: [CTR], dimensions: [CAMPAIGN], window: 1h}}
        when: CTR < 1%
        on_no_data: {on_no_data}
        annotations: {{summary: "{{{{ campaign }}}}"}}
"""
LABELS: list[Labels] = [(("campaign", name),) for name in ("low", "high", "none")]
CTR = {"CTR": np.array([0.005, 0.5, np.nan])}


def seen(on_no_data: str, *tracked: Labels) -> dict[str, bool | None]:
    (rule,) = read(RULE.format(on_no_data=on_no_data))
    found = observations(rule, LABELS, CTR, 300_000, tracked=set(tracked))
    assert all(isinstance(one, Observation) and one.at_ms == 300_000 for one in found.values())
    return {dict(labels)["campaign"]: one.holds for labels, one in found.items()}


def test_series_of_which_the_condition_holds_are_looked_at_and_those_that_pend_or_fire() -> None:
    assert seen("ok") == {"low": True}
    assert seen("ok", LABELS[1], (("campaign", "gone"),)) == {"low": True, "high": False, "gone": None}


def test_a_series_without_a_value_is_looked_at_where_that_counts_as_an_alert() -> None:
    assert seen("alert") == {"low": True, "none": None}
