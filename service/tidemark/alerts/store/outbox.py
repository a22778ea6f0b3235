"""The outbox: what has yet to be sent, in order, and what could not be."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, delete, exists, func, select, update

from tidemark.alerts.receiver import Notification
from tidemark.alerts.routing import LastTold, Router
from tidemark.alerts.store import rows, tables

_COLUMN = tables.notifications.c
PENDING, SENT, DEAD = "pending", "sent", "dead"
"""States of a notification. One that failed and is sent again later is pending, with an error."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A notification and what became of it.

    Attributes:
        notification: it.
        created_ms: when it was laid into the outbox, Unix ms of the wall clock as all here.
        attempts: how often it was sent.
        next_ms: when it is sent next, while it is pending.
        state: pending, sent or dead.
        error: what went wrong the last time.
        ended_ms: when it was taken or died; None while it is pending.
    """

    notification: Notification
    created_ms: int
    attempts: int
    next_ms: int
    state: str
    error: str
    ended_ms: int | None


class Outbox:
    """Notifications, by receiver."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def next(self, receiver: str, now_ms: int) -> Posted | None:
        """What a receiver is to be sent now: none overtakes an earlier one of its group."""
        earlier = tables.notifications.alias("earlier")
        wanted = (
            select(tables.notifications)
            .where(
                _COLUMN.receiver == receiver,
                _COLUMN.state == PENDING,
                _COLUMN.next_ms <= now_ms,
                ~exists().where(
                    earlier.c.receiver == receiver,
                    earlier.c.group_key == _COLUMN.group_key,
                    earlier.c.state == PENDING,
                    earlier.c.sequence < _COLUMN.sequence,
                ),
            )
            .order_by(_COLUMN.next_ms, _COLUMN.sequence)
            .limit(1)
        )
        with self._engine.connect().execution_options(reads=True) as connection:
            row = connection.execute(wanted).first()
        return None if row is None else _posted(row)

    def taken(self, named: str, now_ms: int) -> None:
        """Note that the receiver has it. A repetition is forgotten."""
        with self._engine.begin() as connection:
            connection.execute(delete(tables.notifications).where(_COLUMN.id == named, _COLUMN.is_repeat))
            connection.execute(
                update(tables.notifications)
                .where(_COLUMN.id == named)
                .values(state=SENT, error="", attempts=_COLUMN.attempts + 1, ended_ms=now_ms)
            )

    def failed(self, named: str, error: str, next_ms: int | None, now_ms: int) -> None:
        """Note that the receiver did not take it; ``next_ms`` None: it is dead, a person may replay it.

        Of a group's repetitions only the last that died is kept: there is one a minute.
        """
        values: dict[str, Any] = {"error": error, "attempts": _COLUMN.attempts + 1}
        values |= {"state": DEAD, "ended_ms": now_ms} if next_ms is None else {"next_ms": next_ms}
        with self._engine.begin() as connection:
            connection.execute(update(tables.notifications).where(_COLUMN.id == named).values(values))
            if next_ms is None:
                died = tables.notifications.alias("died")
                connection.execute(
                    delete(tables.notifications).where(
                        _COLUMN.is_repeat,
                        _COLUMN.state == DEAD,
                        exists().where(
                            died.c.id == named,
                            died.c.id != _COLUMN.id,
                            died.c.is_repeat,
                            died.c.receiver == _COLUMN.receiver,
                            died.c.group_key == _COLUMN.group_key,
                        ),
                    )
                )

    def replay(self, named: Collection[str] | None, now_ms: int) -> int:
        """Send dead ones again, with the ids they had: those named, or all. How many."""
        wanted = update(tables.notifications).where(_COLUMN.state == DEAD)
        if named is not None:
            wanted = wanted.where(_COLUMN.id.in_(list(named)))
        with self._engine.begin() as connection:
            done = connection.execute(wanted.values(state=PENDING, attempts=0, next_ms=now_ms, ended_ms=None))
        return done.rowcount

    def bury(self, receivers: Collection[str], now_ms: int) -> int:
        """Those that wait for receivers that there are no more are dead. How many.

        Args:
            receivers: names of those that there are.
            now_ms: Unix ms of the wall clock.
        """
        error = "there is no such receiver any more; configure it again and replay, or leave it"
        with self._engine.begin() as connection:
            done = connection.execute(
                update(tables.notifications)
                .where(_COLUMN.state == PENDING, _COLUMN.receiver.not_in(list(receivers)))
                .values(state=DEAD, error=error, ended_ms=now_ms)
            )
        return done.rowcount

    def listed(self, state: str, limit: int = 100) -> list[Posted]:
        """Notifications in a state, the newest first."""
        wanted = select(tables.notifications).where(_COLUMN.state == state)
        with self._engine.connect().execution_options(reads=True) as connection:
            found = connection.execute(wanted.order_by(_COLUMN.sequence.desc()).limit(limit))
            return [_posted(row) for row in found]

    def counts(self) -> dict[tuple[str, str], int]:
        """By receiver and state how many there are."""
        wanted = select(_COLUMN.receiver, _COLUMN.state, func.count()).group_by(
            _COLUMN.receiver, _COLUMN.state
        )
        with self._engine.connect().execution_options(reads=True) as connection:
            return {(receiver, state): count for receiver, state, count in connection.execute(wanted)}

    def repeat(self, router: Router, now_ms: int) -> int:
        """Lay in what is to be said again by now, or late since it was silenced. How many notifications."""
        with self._engine.begin() as connection:
            found = connection.execute(
                rows.select_alerts()
                .where(tables.alerts.c.resolved_ms.is_(None))
                .order_by(tables.alerts.c.fired_ms, tables.alerts.c.id)
            )
            firing = [rows.alert_of(row) for row in found]
            if not firing:
                return 0
            told = select(tables.told).join(tables.alerts).where(tables.alerts.c.resolved_ms.is_(None))
            last = {
                (row.alert, row.receiver): LastTold(row.at_ms, row.repeats)
                for row in connection.execute(told)
            }
            pending = select(_COLUMN.receiver, _COLUMN.group_key).where(_COLUMN.state == PENDING)
            waiting = {(row.receiver, row.group_key) for row in connection.execute(pending)}
            silences = rows.silences(connection, now_ms)
            due = router.repeats(firing, silences, last, waiting, now_ms)
            rows.put(connection, due, {one.id: one for one in firing}, now_ms)
        return len(due)


def _posted(row: Row[Any]) -> Posted:
    notification = Notification(
        id=row.id,
        receiver=row.receiver,
        group_key=row.group_key,
        alerts=tuple(row.alerts),
        payload=row.payload,
        is_repeat=row.is_repeat,
    )
    return Posted(notification, row.created_ms, row.attempts, row.next_ms, row.state, row.error, row.ended_ms)
