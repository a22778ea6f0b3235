"""Alerts as people see them: lists, one, silences and acknowledgements; and how long they are kept."""

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import Engine, and_, delete, func, or_, select, update

from tidemark.alerts.alert import Acknowledgement, Alert
from tidemark.alerts.matcher import MAX_MATCHERS, MAX_NAME, MAX_REASON, Silence
from tidemark.alerts.rule import Severity
from tidemark.alerts.series import Phase
from tidemark.alerts.store import rows, tables
from tidemark.alerts.store.engine import insert
from tidemark.alerts.store.outbox import DEAD, SENT

MAX_SILENCES = 1_000
"""In force at once: each is looked at whenever an alert is told."""
_MAX_SILENCE_MS = 366 * 86_400_000
_COLUMN = tables.alerts.c


class Records:
    """What is served."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def alerts(self, phase: Phase, limit: int) -> list[Alert]:
        """At most ``limit`` that are FIRING or RESOLVED, those that fired last first."""
        end = _COLUMN.resolved_ms
        wanted = rows.select_alerts().where(end.is_(None) if phase is Phase.FIRING else end.is_not(None))
        ordered = wanted.order_by(_COLUMN.fired_ms.desc(), _COLUMN.id).limit(limit)
        with self._engine.connect().execution_options(reads=True) as connection:
            return [rows.alert_of(row) for row in connection.execute(ordered)]

    def named(self, ids: Collection[str]) -> dict[str, Alert]:
        """The alerts that there are of those with these ids, by id."""
        wanted = list(ids)
        found: dict[str, Alert] = {}
        with self._engine.connect().execution_options(reads=True) as connection:
            for start in range(0, len(wanted), rows.CHUNK):
                chunk = rows.select_alerts().where(_COLUMN.id.in_(wanted[start : start + rows.CHUNK]))
                found |= {row.id: rows.alert_of(row) for row in connection.execute(chunk)}
        return found

    def firing(self) -> dict[tuple[str, Severity], int]:
        """By rule and severity how many fire."""
        wanted = select(_COLUMN.rule, _COLUMN.severity, func.count()).where(_COLUMN.resolved_ms.is_(None))
        with self._engine.connect().execution_options(reads=True) as connection:
            found = connection.execute(wanted.group_by(_COLUMN.rule, _COLUMN.severity))
            return {(rule, Severity(severity)): count for rule, severity, count in found}

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

    def silence(self, silence: Silence) -> Silence:
        """Keep a silence, with the blanks of its texts put in order; the same one twice is one.

        Raises:
            ValueError: it cannot be; one sentence.
        """
        made = replace(
            silence,
            reason=_checked("reason", silence.reason, MAX_REASON),
            by=_checked("name", silence.by, MAX_NAME),
        )
        if not 0 < made.ends_ms - made.starts_ms <= _MAX_SILENCE_MS:
            raise ValueError("a silence ends after it begins, and within a year; choose another end")
        if not 0 < len(made.matchers) <= MAX_MATCHERS:
            raise ValueError(
                f"a silence has 1 to {MAX_MATCHERS} matchers; say by them which alerts it is for"
            )
        column = tables.silences.c
        with self._engine.begin() as connection:
            there = connection.execute(
                select(func.count()).where(column.ends_ms > made.starts_ms)
            ).scalar_one()
            if there >= MAX_SILENCES:
                raise ValueError(f"{there:,} silences are in force, of at most {MAX_SILENCES:,}; end one")
            connection.execute(
                insert(connection, tables.silences)
                .values(rows.silence_row(made))
                .on_conflict_do_nothing(index_elements=["id"])
            )
        return made

    def end_silence(self, named: str, now_ms: int) -> Silence:
        """End a silence now.

        Raises:
            ValueError: none with this id is in force; one sentence.
        """
        column = tables.silences.c
        with self._engine.begin() as connection:
            found = next((one for one in rows.silences(connection, now_ms) if one.id == named), None)
            if found is None:
                raise ValueError(f"no silence {named[:60]!r} is in force; list them to see their ids")
            connection.execute(update(tables.silences).where(column.id == named).values(ends_ms=now_ms))
        return replace(found, ends_ms=now_ms)

    def silences(self, now_ms: int) -> list[Silence]:
        """Those that are in force now or later, by their ends."""
        with self._engine.connect().execution_options(reads=True) as connection:
            return rows.silences(connection, now_ms)

    def forget(self, *, ended_before_ms: int, limit: int) -> int:
        """Take away alerts, notifications and silences that ended before an instant. How many.

        What fires, or has yet to be sent, stays however old it is.

        Args:
            ended_before_ms: Unix ms.
            limit: at most so many of each, so that the lock of the writer is held shortly.
        """
        note = tables.notifications.c
        old = (
            (
                _COLUMN.id,
                and_(
                    _COLUMN.resolved_ms < ended_before_ms,
                    or_(_COLUMN.corrected_ms.is_(None), _COLUMN.corrected_ms < ended_before_ms),
                ),
            ),
            (note.id, and_(note.state.in_((SENT, DEAD)), note.ended_ms < ended_before_ms)),
            (tables.silences.c.id, tables.silences.c.ends_ms < ended_before_ms),
        )
        gone = 0
        for key, is_old in old:
            with self._engine.connect().execution_options(reads=True) as connection:
                named = connection.execute(select(key).where(is_old).limit(limit)).scalars().all()
            if named:
                with self._engine.begin() as connection:
                    # asked again: a notification may have been sent again meanwhile
                    done = connection.execute(delete(key.table).where(key.in_(named), is_old))
                gone += done.rowcount
        return gone


def _checked(what: str, given: str, most: int) -> str:
    value = " ".join(given.split())
    if not 0 < len(value) <= most:
        raise ValueError(f"the {what} has {len(value):,} characters; give one of 1 to {most}")
    return value
