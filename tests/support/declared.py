"""A small experiment that is right, for tests to change a line of."""

from pathlib import Path
from typing import Any

import yaml

from tidemark.declared.problem import Problem
from tidemark.experiments.check import check
from tidemark.experiments.definition import Definition
from tidemark.experiments.vocabulary import Vocabulary, vocabulary_of
from tidemark.query import catalogue

_ROOT = Path(__file__).resolve().parents[2]
VOCABULARY: Vocabulary = vocabulary_of(catalogue.load(_ROOT / "catalogue"))

TEXT = """\
id: button
name: The button
status: running
start: 2026-11-01
end: 2026-12-01
variants: {control: 1, green: 1}
phases:
  - {start: 2026-11-10, weights: {control: 3, green: 1}}
planned_users: 20000
alpha: 0.05
window: 7d
goals:
  - {name: purchase, kind: proportion, event: conversion}
  - {name: revenue, kind: mean, sum: value_micros, event: [refund, conversion], cap: 500}
  - name: click_rate
    kind: ratio
    numerator: {sum: quantity, event: click}
    denominator: {sum: quantity, event: impression}
guardrails:
  - {name: refunds, kind: proportion, event: refund, better: lower, margin: {relative: 10%}}
  - {goal: revenue, margin: {absolute: 0.5}}
slices: [country, platform]
covariate: {days: 14}
"""


def read(text: str) -> Definition:
    """The definition that must be right."""
    checked = check("button.yaml", text.encode(), VOCABULARY, {})
    assert isinstance(checked, Definition), [str(problem) for problem in checked]
    return checked


def problems(text: str) -> list[Problem]:
    """What is wrong with a text."""
    checked = check("button.yaml", text.encode(), VOCABULARY, {})
    return [] if isinstance(checked, Definition) else checked


def with_line(old: str, new: str, text: str = TEXT) -> str:
    """The text with one of its lines, or a part of it, written otherwise."""
    assert text.count(old) == 1, old
    return text.replace(old, new)


def cases(file: str) -> list[dict[str, Any]]:
    """The cases in a file of ``tests/data``."""
    content: list[dict[str, Any]] = yaml.safe_load((_ROOT / "tests" / "data" / file).read_text())
    return content
