"""Alerts as they are asked for: what fires or did, what may soon, and rules that nothing is said of."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tidemark.alerts.alert import Alert, labels_of
from tidemark.alerts.engine import STALE_RULE, Engine
from tidemark.alerts.rule import Rule, Severity
from tidemark.alerts.series import Labels, Phase, State
from tidemark.alerts.store.records import Records


class AlertState(StrEnum):
    """Where an alert is, as in the contract. STALE: data is, so nobody knows whether it still fires."""

    INACTIVE = "INACTIVE"
    PENDING = "PENDING"
    FIRING = "FIRING"
    RESOLVED = "RESOLVED"
    STALE = "STALE"


_ORDER = (
    *(AlertState.FIRING, AlertState.STALE, AlertState.PENDING),
    *(AlertState.RESOLVED, AlertState.INACTIVE),
)


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


class Serving:
    """Answers from the store and from what the engine holds; blocks."""

    def __init__(self, engine: Engine, records: Records) -> None:
        self._engine, self._records = engine, records

    def alerts(self, states: Collection[AlertState] | None = None) -> list[Shown]:
        """Those in these states, or in all but INACTIVE: what fires first, the newest first."""
        wanted = set(AlertState) - {AlertState.INACTIVE} if states is None else set(states)
        is_stale = self._engine.is_stale
        every = self._records.alerts((Phase.FIRING, Phase.RESOLVED))
        found = [_of_alert(one, is_stale=is_stale) for one in every]
        found += self._waiting(is_stale=is_stale)
        kept = [one for one in found if one.state in wanted]
        return sorted(kept, key=lambda one: (_ORDER.index(one.state), -one.since_ms, one.rule))

    def _waiting(self, *, is_stale: bool) -> Iterator[Shown]:
        """Series that pend, and rules without any that pends or fires."""
        for rule in self._engine.book.rules:
            states = self._engine.states(rule)
            for labels, state in states.items():
                if state.phase is Phase.PENDING:
                    yield _of_series(rule, labels, state, is_stale=is_stale)
            judged_ms = self._engine.judged_ms(rule)
            is_quiet = not any(state.phase in {Phase.PENDING, Phase.FIRING} for state in states.values())
            if is_quiet and judged_ms is not None:
                yield _of_rule(rule, judged_ms)


def _of_rule(rule: Rule, judged_ms: int) -> Shown:
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


def _of_alert(alert: Alert, *, is_stale: bool) -> Shown:
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


def _of_series(rule: Rule, labels: Labels, state: State, *, is_stale: bool) -> Shown:
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
