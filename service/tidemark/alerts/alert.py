"""An alert: one firing of a series of a rule, from the tick at which it fired to the one that ended it.

Times are Unix ms of the data's clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tidemark.alerts.rule import Severity
from tidemark.alerts.series import Change, Kind, Labels, Phase, State

NAME, SEVERITY = "alertname", "severity"
"""Labels that every alert has, called as Alertmanager calls them."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """That somebody looks after an alert.

    Attributes:
        by: their name.
        at_ms: when they said so, Unix ms of the wall clock.
    """

    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Alert:
    """One firing, as it is kept and told.

    Attributes:
        id: UUID, made from fingerprint, series and ``fired_ms``.
        rule: the rule's name.
        fingerprint: that of the rule when it fired.
        series: what tells it from the rule's other series.
        labels: all its labels, by which it is routed and silenced: the series', the rule's, ``alertname`` and
            ``severity``.
        severity: how much it matters.
        annotations: texts for people, filled in when it fired.
        fired_ms: the tick at which it fired.
        resolved_ms: the tick that ended it; None while it fires.
        corrected_ms: the tick at which late or complete data took it back; None where none did.
        value: the left side of the condition's comparison when it fired; None where there is no single one.
        threshold: what it was compared with; None where there is no single one.
        reason: why it ended, where that is not the condition alone.
        acknowledgement: who looks after it; None where nobody said so.
    """

    id: str
    rule: str
    fingerprint: str
    series: Labels
    labels: Mapping[str, str]
    severity: Severity
    annotations: Mapping[str, str]
    fired_ms: int
    resolved_ms: int | None = None
    corrected_ms: int | None = None
    value: float | None = None
    threshold: float | None = None
    reason: str = ""
    acknowledgement: Acknowledgement | None = None

    @property
    def phase(self) -> Phase:
        """FIRING or RESOLVED."""
        return Phase.FIRING if self.resolved_ms is None else Phase.RESOLVED

    @property
    def summary(self) -> str:
        """What a list shows of it in one line."""
        return self.annotations.get("summary") or self.rule


@dataclass(frozen=True, slots=True)
class Told:
    """An alert as it is after a change that somebody is told of."""

    alert: Alert
    kind: Kind


@dataclass(frozen=True, slots=True)
class SeriesTick:
    """What a tick did to a series.

    Attributes:
        series: which.
        state: after the tick; None: nothing is kept of it any more.
        changes: what happened, in order.
        annotations: texts for people, filled in with this tick's values.
    """

    series: Labels
    state: State | None
    changes: tuple[Change, ...] = ()
    annotations: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RuleTick:
    """What a tick did to a rule's series: those that changed, no others.

    Attributes:
        rule: its name.
        fingerprint: of what its decisions depend on.
        severity: how much it matters.
        labels: those that the rule adds.
        threshold: what its condition compares with.
        is_judged: whether the tick's window was complete, so that the tick counts as judged; not for one on a
            window that is open, nor for one that is judged again.
        skipped: ticks left out before this one because they were too many.
        series: what happened.
    """

    rule: str
    fingerprint: str
    severity: Severity
    labels: Mapping[str, str]
    threshold: float | None
    is_judged: bool
    skipped: int
    series: tuple[SeriesTick, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """All rules that were decided at an instant, committed together.

    Attributes:
        at_ms: the instant.
        rules: each at most once.
    """

    at_ms: int
    rules: tuple[RuleTick, ...]


def labels_of(rule: str, severity: Severity, added: Mapping[str, str], series: Labels) -> dict[str, str]:
    """All labels of an alert, by name. The series' win over those that the rule adds."""
    every = {**added, **dict(series), NAME: rule, SEVERITY: severity.value.lower()}
    return dict(sorted(every.items()))


def ids(alerts: Iterable[Alert]) -> tuple[str, ...]:
    """The ids, in order."""
    return tuple(alert.id for alert in alerts)
