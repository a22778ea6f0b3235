"""A small file of rules that is right, for tests to change a line of."""

from pathlib import Path

from tidemark.alerts.check import check
from tidemark.alerts.query import Known, known_of
from tidemark.alerts.rule import Rule
from tidemark.declared.problem import Problem

ROOT = Path(__file__).resolve().parents[2]
KNOWN: Known = known_of(ROOT / "catalogue")

TEXT = """\
groups:
  - name: Spend
    every: 5m
    rules:
      - alert: HighSpend
        severity: critical
        query:
          metrics: [SPEND, CTR]
          dimensions: [CAMPAIGN, COUNTRY]
          where: country=DE,FR
          window: 1h
          compare: week
        when: SPEND > 1_000 and change_upper.CTR < -5%
        resolve_when: SPEND < 800
        for: 10m
        keep_firing_for: 15m
        on_no_data: keep
        max_instances: 50
        labels: {team: search}
        annotations:
          summary: "{{ campaign_name }} in {{ country }}: {{ SPEND }}"
          description: "for {{ team }}"
  - name: Tests
    rules:
      - alert: Worse
        query: {experiment: checkout-button-1, metrics: [buyers], by: [PLATFORM]}
        when: verdict == WORSE
        annotations: {summary: "{{ variant }} is {{ verdict }}"}
      - alert: Refused
        query: {health: dead_letters, window: 5m}
        when: dead_letters > 10
        annotations: {summary: "{{ value }} of {{ threshold }}"}
"""


def read(text: str) -> list[Rule]:
    """The rules of a text that must be right."""
    found = check("rules.yaml", text.encode(), KNOWN, {})
    rules = [one for one in found if isinstance(one, Rule)]
    assert len(rules) == len(found), [str(one) for one in found]
    return rules


def problems(text: str) -> list[Problem]:
    """What is wrong with a text."""
    return [one for one in check("rules.yaml", text.encode(), KNOWN, {}) if isinstance(one, Problem)]
