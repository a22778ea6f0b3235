"""Rules and what was seen of their series, for tests that are not about how a rule is read."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from tidemark.alerts.expression import Columns, Expression, Truth
from tidemark.alerts.rule import MetricsQuery, OnNoData, Rule, Severity, Window
from tidemark.alerts.series import Observation

MINUTE = 60_000
START = 29_000_000 * MINUTE
"""A tick."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A condition of one column and one number, as an expression; None where either has no single number."""

    column: str
    threshold: float | None
    holds: Callable[[float], bool]

    @property
    def text(self) -> str:
        return f"{self.column}?"

    @property
    def names(self) -> frozenset[str]:
        return frozenset({self.column})

    def evaluate(self, columns: Columns) -> Truth:
        values = columns[self.column]
        if values.dtype.kind == "U":
            known = values != ""
            holds = np.array([one == "WORSE" for one in values])
            return Truth(holds, known, np.full(len(values), np.nan))
        numbers = values.astype(float)
        known = ~np.isnan(numbers)
        holds = np.array([bool(self.holds(one)) for one in numbers], bool)
        return Truth(known & holds, known, numbers)


def above(column: str, threshold: float) -> Expression:
    return cast("Expression", Compared(column, threshold, lambda value: value > threshold))


def below(column: str, threshold: float) -> Expression:
    return cast("Expression", Compared(column, threshold, lambda value: value < threshold))


def worse(column: str = "verdict") -> Expression:
    return cast("Expression", Compared(column, None, lambda _: False))


_WHEN = above("SPEND", 100)
HIGH_SPEND = Rule(
    name="HighSpend",
    group="spend",
    file="spend.yaml",
    line=1,
    severity=Severity.WARNING,
    every_ms=MINUTE,
    query=MetricsQuery(("SPEND",), ("CAMPAIGN",), (), Window(60 * MINUTE)),
    when=_WHEN,
    resolve_when=None,
    for_ms=0,
    keep_firing_ms=0,
    on_no_data=OnNoData.OK,
    max_instances=100,
    labels={},
    annotations={"summary": "spends much"},
    is_open=True,
    threshold=100,
    fingerprint="f",
)


def rule(
    when: Expression | None = None,
    *,
    name: str = "HighSpend",
    minutes: int = 0,
    keep: int = 0,
    on_no_data: OnNoData = OnNoData.OK,
    resolve_when: Expression | None = None,
    most: int = 100,
    every: int = 1,
) -> Rule:
    """One on spend above 100; ``for``, ``keep_firing_for`` and ``every`` in minutes."""
    chosen = when or _WHEN
    return replace(
        HIGH_SPEND,
        name=name,
        when=chosen,
        threshold=chosen.threshold,
        for_ms=minutes * MINUTE,
        keep_firing_ms=keep * MINUTE,
        on_no_data=on_no_data,
        resolve_when=resolve_when,
        max_instances=most,
        every_ms=every * MINUTE,
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
