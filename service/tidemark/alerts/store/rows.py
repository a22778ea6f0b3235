"""Rows as what they stand for, and back."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from tidemark.alerts.alert import Acknowledgement, Alert
from tidemark.alerts.identity import canonical
from tidemark.alerts.matcher import Matcher, Silence
from tidemark.alerts.receiver import Notification
from tidemark.alerts.rule import Severity
from tidemark.alerts.series import Labels, Phase, State
from tidemark.alerts.store import tables
from tidemark.alerts.store.engine import insert

_ALERTS, _ACKNOWLEDGED = tables.alerts.c, tables.acknowledgements.c
CHUNK = 500
"""Of values in one statement."""


def series_key(series: Labels) -> str:
    """How a series is written in its column."""
    return canonical(series)


def series_of(key: str) -> Labels:
    """The series that a column says."""
    return tuple((str(name), str(value)) for name, value in json.loads(key))


def state_row(state: State) -> dict[str, Any]:
    """The columns of a state."""
    return {
        "phase": state.phase.value,
        "since_ms": state.since_ms,
        "held_ms": state.held_ms,
        "fired_ms": state.fired_ms,
        "seen_ms": state.seen_ms,
        "value": state.value,
        "fired_open": state.fired_open,
    }


def state_of(row: Row[Any]) -> State:
    """The state that a row says."""
    return State(
        phase=Phase(row.phase),
        since_ms=row.since_ms,
        held_ms=row.held_ms,
        fired_ms=row.fired_ms,
        seen_ms=row.seen_ms,
        value=row.value,
        fired_open=row.fired_open,
    )


def alert_row(alert: Alert) -> dict[str, Any]:
    """The columns of an alert, its acknowledgement left out."""
    return {
        "id": alert.id,
        "rule": alert.rule,
        "fingerprint": alert.fingerprint,
        "series": series_key(alert.series),
        "labels": dict(alert.labels),
        "severity": alert.severity.value,
        "annotations": dict(alert.annotations),
        "fired_ms": alert.fired_ms,
        "resolved_ms": alert.resolved_ms,
        "corrected_ms": alert.corrected_ms,
        "value": alert.value,
        "threshold": alert.threshold,
        "reason": alert.reason,
    }


def select_alerts() -> Select[Any]:
    """Alerts with their acknowledgements, for ``alert_of``."""
    return select(
        tables.alerts, _ACKNOWLEDGED.by.label("ack_by"), _ACKNOWLEDGED.at_ms.label("ack_ms")
    ).outerjoin(tables.acknowledgements, _ACKNOWLEDGED.alert == _ALERTS.id)


def alert_of(row: Row[Any]) -> Alert:
    """The alert that a row of ``select_alerts`` says."""
    return Alert(
        id=row.id,
        rule=row.rule,
        fingerprint=row.fingerprint,
        series=series_of(row.series),
        labels=row.labels,
        severity=Severity(row.severity),
        annotations=row.annotations,
        fired_ms=row.fired_ms,
        resolved_ms=row.resolved_ms,
        corrected_ms=row.corrected_ms,
        value=row.value,
        threshold=row.threshold,
        reason=row.reason,
        acknowledgement=None if row.ack_by is None else Acknowledgement(row.ack_by, row.ack_ms),
    )


def silence_row(silence: Silence) -> dict[str, Any]:
    """The columns of a silence."""
    return {
        "id": silence.id,
        "matchers": [[one.label, one.value, one.is_equal] for one in silence.matchers],
        "starts_ms": silence.starts_ms,
        "ends_ms": silence.ends_ms,
        "reason": silence.reason,
        "by": silence.by,
    }


def silences(connection: Connection, now_ms: int) -> list[Silence]:
    """Those that are in force now or later, by their ends."""
    column = tables.silences.c
    rows = connection.execute(
        select(tables.silences).where(column.ends_ms > now_ms).order_by(column.ends_ms, column.id)
    )
    return [
        Silence(
            id=row.id,
            matchers=tuple(Matcher(*one) for one in row.matchers),
            starts_ms=row.starts_ms,
            ends_ms=row.ends_ms,
            reason=row.reason,
            by=row.by,
        )
        for row in rows
    ]


def put(
    connection: Connection,
    notifications: Iterable[Notification],
    firing: Mapping[str, Alert],
    now_ms: int,
) -> None:
    """Lay notifications into the outbox, and note who is told that alerts fire.

    Args:
        connection: within a transaction.
        notifications: those that are there already stay as they are.
        firing: alerts that fire, by id.
        now_ms: Unix ms of the wall clock.
    """
    for one in notifications:
        laid = connection.execute(
            insert(connection, tables.notifications)
            .values(
                id=one.id,
                receiver=one.receiver,
                group_key=one.group_key,
                alerts=list(one.alerts),
                payload=one.payload,
                is_repeat=one.is_repeat,
                created_ms=now_ms,
                attempts=0,
                next_ms=now_ms,
                state="pending",
                error="",
            )
            .on_conflict_do_nothing(index_elements=["id"])
            .returning(tables.notifications.c.id)  # not every driver counts the rows of an insert
        ).first()
        told = [alert for alert in one.alerts if alert in firing]
        if laid is not None and told:
            _note_told(connection, one.receiver, told, now_ms)


def _note_told(connection: Connection, receiver: str, alerts: Sequence[str], now_ms: int) -> None:
    statement = insert(connection, tables.told)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["alert", "receiver"],
            set_={"at_ms": statement.excluded.at_ms, "repeats": tables.told.c.repeats + 1},
        ),
        [{"alert": alert, "receiver": receiver, "at_ms": now_ms, "repeats": 0} for alert in alerts],
    )
