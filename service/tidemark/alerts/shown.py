"""Alerts as they are shown: what fires or did, what may soon, and rules that nothing is said of."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tidemark.alerts.alert import Alert, labels_of
from tidemark.alerts.engine import STALE_RULE
from tidemark.alerts.rule import Rule, Severity
from tidemark.alerts.series import Labels, State


class AlertState(StrEnum):
    """Where an alert is, as in the contract. STALE: data is, so nobody knows whether it still fires."""

    INACTIVE = "INACTIVE"
    PENDING = "PENDING"
    FIRING = "FIRING"
    RESOLVED = "RESOLVED"
    STALE = "STALE"


ORDER = (
    *(AlertState.FIRING, AlertState.STALE, AlertState.PENDING),
    *(AlertState.RESOLVED, AlertState.INACTIVE),
)
"""What comes first in a list."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One alert; instants are Unix ms of the data's clock, but for STALE's own.

    Attributes:
        id: by which it is acknowledged; '' of one that never fired.
        rule: the rule's name.
        labels: all of them; those of the rule alone where no series is meant.
        state: where it is.
        severity: how much it matters.
        value: as observed when it fired.
        threshold: what the condition compares with.
        summary: for people.
        since_ms: since when it is in this state; of INACTIVE the newest tick at which it was.
        decided_ms: the instant up to which data was complete when that was decided.
        acknowledged_by: who looks after it.
    """

    id: str
    rule: str
    labels: Mapping[str, str]
    state: AlertState
    severity: Severity
    value: float | None
    threshold: float | None
    summary: str
    since_ms: int
    decided_ms: int | None
    acknowledged_by: str | None

    @property
    def series(self) -> tuple[str, frozenset[tuple[str, str]]]:
        """Rule and labels: what is the same for one firing after another, and before the first."""
        return self.rule, frozenset(self.labels.items())


def of_rule(rule: Rule, judged_ms: int) -> Shown:
    """A rule that nothing is said of: INACTIVE since the tick that was judged last."""
    return Shown(
        id="",
        rule=rule.name,
        labels=labels_of(rule.name, rule.severity, rule.labels, ()),
        state=AlertState.INACTIVE,
        severity=rule.severity,
        value=None,
        threshold=rule.threshold,
        summary="",
        since_ms=judged_ms,
        decided_ms=judged_ms,
        acknowledged_by=None,
    )


def of_alert(alert: Alert, *, is_stale: bool) -> Shown:
    """One that fires or did; STALE where it fires and data is."""
    state = AlertState(alert.phase.value)
    if is_stale and state is AlertState.FIRING and alert.rule != STALE_RULE:
        state = AlertState.STALE
    ended = alert.resolved_ms
    return Shown(
        id=alert.id,
        rule=alert.rule,
        labels=alert.labels,
        state=state,
        severity=alert.severity,
        value=alert.value,
        threshold=alert.threshold,
        summary=alert.annotations.get("summary", "") if not alert.reason else alert.reason,
        since_ms=alert.fired_ms if ended is None else ended,
        decided_ms=alert.fired_ms if ended is None else ended,
        acknowledged_by=None if alert.acknowledgement is None else alert.acknowledgement.by,
    )


def of_series(rule: Rule, labels: Labels, state: State, *, is_stale: bool) -> Shown:
    """A series that pends; STALE where data is."""
    return Shown(
        id="",
        rule=rule.name,
        labels=labels_of(rule.name, rule.severity, rule.labels, labels),
        state=AlertState.STALE if is_stale else AlertState.PENDING,
        severity=rule.severity,
        value=state.value,
        threshold=rule.threshold,
        summary=f"{rule.when.text}, not for long enough yet",
        since_ms=state.since_ms,
        decided_ms=state.seen_ms,
        acknowledged_by=None,
    )
