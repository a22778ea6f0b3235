"""Ticks, alerts and receivers for the tests of what alerts become."""

from pathlib import Path

from sqlalchemy import Engine

from tidemark.alerts.alert import Alert, RuleTick, SeriesTick, Tick, labels_of
from tidemark.alerts.identity import alert_id
from tidemark.alerts.receiver import Receiver, ReceiverKind
from tidemark.alerts.routing import Router
from tidemark.alerts.rule import Severity
from tidemark.alerts.series import Change, Kind, Labels, Phase, State
from tidemark.alerts.store import engine, migrate

MINUTE = 60_000
PRINT = "f" * 64
HOOK = Receiver("hook", ReceiverKind.WEBHOOK, ("https://hook.test/x",), keys=(b"k" * 24,))
CHAT = Receiver("chat", ReceiverKind.APPRISE, ("json://chat.test",), repeat_ms=1000)
MANAGER = Receiver("manager", ReceiverKind.ALERTMANAGER, ("https://am.test",), repeat_ms=1000)


def router(*receivers: Receiver) -> Router:
    return Router(receivers, "https://tidemark.test")


def of(campaign: str) -> Labels:
    return (("campaign", campaign),)


def alert(campaign: str = "summer", *, rule: str = "Spend", severity: Severity = Severity.WARNING) -> Alert:
    series = of(campaign)
    return Alert(
        id=alert_id(PRINT, series, MINUTE),
        rule=rule,
        fingerprint=PRINT,
        series=series,
        labels=labels_of(rule, severity, {"team": "growth"}, series),
        severity=severity,
        annotations={"summary": f"{campaign} spends", "description": "more than it may"},
        fired_ms=MINUTE,
        value=6.0,
        threshold=5.0,
    )


def change(kind: Kind, at_ms: int, fired_ms: int, reason: str = "") -> Change:
    return Change(kind, at_ms, fired_ms, 6.0, reason)


def series(campaign: str, at_ms: int, *changes: Change) -> SeriesTick:
    phase = Phase.FIRING if changes and changes[-1].kind is Kind.FIRED else Phase.RESOLVED
    state = State(phase=phase, since_ms=at_ms, seen_ms=at_ms)
    return SeriesTick(of(campaign), state, changes, {"summary": f"{campaign} spends"})


def tick(
    at_ms: int, *every: SeriesTick, is_judged: bool = True, skipped: int = 0, fingerprint: str = PRINT
) -> Tick:
    rule = RuleTick(
        rule="Spend",
        fingerprint=fingerprint,
        severity=Severity.CRITICAL,
        labels={"team": "growth"},
        threshold=5.0,
        is_judged=is_judged,
        skipped=skipped,
        series=every,
    )
    return Tick(at_ms, (rule,))


def fired(at_ms: int, *campaigns: str) -> Tick:
    return tick(at_ms, *(series(one, at_ms, change(Kind.FIRED, at_ms, at_ms)) for one in campaigns))


def resolved(at_ms: int, fired_ms: int, *campaigns: str) -> Tick:
    return tick(at_ms, *(series(one, at_ms, change(Kind.RESOLVED, at_ms, fired_ms)) for one in campaigns))


def store(folder: Path) -> Engine:
    made = engine.connect(f"sqlite:///{folder / 'alerts.sqlite'}")
    migrate.upgrade(made)
    return made
