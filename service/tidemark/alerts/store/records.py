"""Alerts as people see them: lists, one, silences and acknowledgements; and how long they are kept."""

from collections.abc import Collection

from sqlalchemy import Engine, delete, or_, select, update

from tidemark.alerts.alert import Acknowledgement, Alert
from tidemark.alerts.matcher import MAX_MATCHERS, MAX_NAME, MAX_REASON, Silence
from tidemark.alerts.series import Phase
from tidemark.alerts.store import rows, tables
from tidemark.alerts.store.engine import insert
from tidemark.alerts.store.outbox import DEAD, SENT

_MAX_SILENCE_MS = 366 * 86_400_000
_COLUMN = tables.alerts.c


class Records:
    """What is served."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def alerts(
        self,
        phases: Collection[Phase] = (Phase.FIRING,),
        *,
        rule: str | None = None,
        before_ms: int | None = None,
        limit: int = 1000,
    ) -> list[Alert]:
        """Alerts, those that fired last first.

        Args:
            phases: FIRING, RESOLVED or both; others have no alerts.
            rule: of one rule only.
            before_ms: only those that fired before this tick, to page on.
            limit: at most so many.
        """
        wanted = rows.select_alerts()
        if rule is not None:
            wanted = wanted.where(_COLUMN.rule == rule)
        if before_ms is not None:
            wanted = wanted.where(_COLUMN.fired_ms < before_ms)
        if Phase.FIRING not in phases:
            wanted = wanted.where(_COLUMN.resolved_ms.is_not(None))
        if Phase.RESOLVED not in phases:
            wanted = wanted.where(_COLUMN.resolved_ms.is_(None))
        ordered = wanted.order_by(_COLUMN.fired_ms.desc(), _COLUMN.id).limit(limit)
        with self._engine.connect().execution_options(reads=True) as connection:
            return [rows.alert_of(row) for row in connection.execute(ordered)]

    def alert(self, named: str) -> Alert | None:
        """The alert with an id."""
        with self._engine.connect().execution_options(reads=True) as connection:
            row = connection.execute(rows.select_alerts().where(_COLUMN.id == named)).first()
        return None if row is None else rows.alert_of(row)

    def acknowledge(self, named: str, acknowledgement: Acknowledgement) -> Alert:
        """Note who looks after an alert; the last one to say so does.

        Raises:
            ValueError: there is no such alert, or the name cannot be; one sentence.
        """
        by = _checked("name", acknowledgement.by, MAX_NAME)
        with self._engine.begin() as connection:
            row = connection.execute(select(_COLUMN.id).where(_COLUMN.id == named)).first()
            if row is None:
                raise ValueError(f"there is no alert {named[:60]!r}; list them to see their ids")
            connection.execute(
                insert(connection, tables.acknowledgements)
                .values(alert=named, by=by, at_ms=acknowledgement.at_ms)
                .on_conflict_do_update(
                    index_elements=["alert"], set_={"by": by, "at_ms": acknowledgement.at_ms}
                )
            )
            return rows.alert_of(connection.execute(rows.select_alerts().where(_COLUMN.id == named)).one())

    def silence(self, silence: Silence) -> None:
        """Keep a silence; the same one twice is one.

        Raises:
            ValueError: it cannot be; one sentence.
        """
        _checked("name", silence.by, MAX_NAME)
        _checked("reason", silence.reason, MAX_REASON)
        if not 0 < silence.ends_ms - silence.starts_ms <= _MAX_SILENCE_MS:
            raise ValueError("a silence ends after it begins, and within a year; choose another end")
        if not 0 < len(silence.matchers) <= MAX_MATCHERS:
            raise ValueError(
                f"a silence has 1 to {MAX_MATCHERS} matchers, not {len(silence.matchers)}; say which "
                "alerts it is for"
            )
        with self._engine.begin() as connection:
            connection.execute(
                insert(connection, tables.silences)
                .values(rows.silence_row(silence))
                .on_conflict_do_nothing(index_elements=["id"])
            )

    def end_silence(self, named: str, now_ms: int) -> bool:
        """End a silence now; False where none with this id is in force."""
        column = tables.silences.c
        with self._engine.begin() as connection:
            ended = connection.execute(
                update(tables.silences)
                .where(column.id == named, column.ends_ms > now_ms)
                .values(ends_ms=now_ms)
            )
        return bool(ended.rowcount)

    def silences(self, now_ms: int) -> list[Silence]:
        """Those that are in force now or later, by their ends."""
        with self._engine.connect().execution_options(reads=True) as connection:
            return rows.silences(connection, now_ms)

    def forget(self, *, ended_before_ms: int) -> int:
        """Take away alerts, notifications and silences that ended before an instant. How many alerts.

        What fires, or has yet to be sent, stays however old it is.
        """
        note, silence = tables.notifications.c, tables.silences.c
        with self._engine.begin() as connection:
            gone = connection.execute(
                delete(tables.alerts).where(
                    _COLUMN.resolved_ms < ended_before_ms,
                    or_(_COLUMN.corrected_ms.is_(None), _COLUMN.corrected_ms < ended_before_ms),
                )
            )
            connection.execute(
                delete(tables.notifications).where(
                    note.state.in_((SENT, DEAD)), note.ended_ms < ended_before_ms
                )
            )
            connection.execute(delete(tables.silences).where(silence.ends_ms < ended_before_ms))
        return gone.rowcount


def _checked(what: str, given: str, most: int) -> str:
    value = " ".join(given.split())
    if not 0 < len(value) <= most:
        raise ValueError(f"the {what} has {len(value):,} characters; give one of 1 to {most}")
    return value
