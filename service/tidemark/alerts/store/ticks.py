"""Ticks as they are kept: all that one decided, in one transaction, before anybody is told."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, func, select, update

from tidemark.alerts.alert import Alert, RuleTick, SeriesTick, Tick, Told, labels_of
from tidemark.alerts.identity import alert_id
from tidemark.alerts.routing import Router
from tidemark.alerts.series import Change, Kind, Labels, Phase, State
from tidemark.alerts.store import rows, tables
from tidemark.alerts.store.engine import insert

GONE = "the rule was changed or taken away"
_STATE = ("rule", "phase", "since_ms", "held_ms", "fired_ms", "seen_ms", "value", "fired_open")


class Ticks:
    """What the judge goes on from, and where it lays what it decided."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def judged(self) -> dict[str, int]:
        """By the rules' fingerprints the newest tick that counts as judged."""
        column = tables.progress.c
        with self._engine.connect().execution_options(reads=True) as connection:
            found = connection.execute(select(column.fingerprint, column.judged_ms))
            return {row.fingerprint: row.judged_ms for row in found}

    def skipped(self) -> dict[str, int]:
        """By the rules' names how many ticks were left out since the rule is as it is."""
        column = tables.progress.c
        with self._engine.connect().execution_options(reads=True) as connection:
            found = connection.execute(select(column.rule, func.sum(column.skipped)).group_by(column.rule))
            return {rule: int(count) for rule, count in found}

    def states(self, fingerprint: str | None = None) -> dict[str, dict[Labels, State]]:
        """By fingerprint and series what is kept; of one rule or of all."""
        wanted = select(tables.series)
        if fingerprint is not None:
            wanted = wanted.where(tables.series.c.fingerprint == fingerprint)
        found: dict[str, dict[Labels, State]] = {}
        with self._engine.connect().execution_options(reads=True) as connection:
            for row in connection.execute(wanted):
                found.setdefault(row.fingerprint, {})[rows.series_of(row.series)] = rows.state_of(row)
        return found

    def commit(self, tick: Tick, router: Router, now_ms: int) -> tuple[Told, ...]:
        """Keep what a tick decided, and lay what is to be said about it into the outbox.

        The same tick twice changes nothing: one that counts as judged is left out, and changes that are there
        already are no changes.

        Args:
            tick: what was decided.
            router: who is told.
            now_ms: Unix ms of the wall clock, for silences and as the time at which notifications were made.

        Returns:
            The changes that were new.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: nothing of it was kept.
        """
        with self._engine.begin() as connection:
            judged = _advance(connection, [rule for rule in tick.rules if rule.is_judged], tick.at_ms)
            rules = [rule for rule in tick.rules if not rule.is_judged or rule.fingerprint in judged]
            _keep_states(connection, rules)
            told = _record(connection, rules)
            _tell(connection, told, router, tick.at_ms, now_ms)
        return tuple(told)

    def retire(self, in_force: Collection[str], at_ms: int, router: Router, now_ms: int) -> tuple[Told, ...]:
        """End what rules that are no more had left firing, and forget their states.

        Args:
            in_force: fingerprints of the rules that there are.
            at_ms: the data clock's time.
            router: who is told.
            now_ms: Unix ms of the wall clock.

        Returns:
            The alerts that ended.
        """
        kept = set(in_force)
        with self._engine.begin() as connection:
            firing = connection.execute(rows.select_alerts().where(tables.alerts.c.resolved_ms.is_(None)))
            told: list[Told] = []
            for alert in [rows.alert_of(row) for row in firing if row.fingerprint not in kept]:
                change = Change(Kind.RESOLVED, max(at_ms, alert.fired_ms), alert.fired_ms, None, GONE)
                told += _end(connection, alert.id, change)
            for table in (tables.series, tables.progress):
                _forget(connection, table, kept)
            _tell(connection, told, router, at_ms, now_ms)
        return tuple(told)


def _advance(connection: Connection, rules: Sequence[RuleTick], at_ms: int) -> set[str]:
    """Note that rules were judged; the fingerprints of those that were not before."""
    column = tables.progress.c
    named = [rule.fingerprint for rule in rules]
    before = {
        row.fingerprint: row.judged_ms
        for start in range(0, len(named), rows.CHUNK)
        for row in connection.execute(
            select(column.fingerprint, column.judged_ms).where(
                column.fingerprint.in_(named[start : start + rows.CHUNK])
            )
        )
    }
    due = [rule for rule in rules if at_ms > before.get(rule.fingerprint, at_ms - 1)]
    if due:
        statement = insert(connection, tables.progress)
        new = statement.excluded
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["fingerprint"],
                set_={"judged_ms": new.judged_ms, "skipped": column.skipped + new.skipped, "rule": new.rule},
            ),
            [
                {
                    "fingerprint": rule.fingerprint,
                    "rule": rule.rule,
                    "judged_ms": at_ms,
                    "skipped": rule.skipped,
                }
                for rule in due
            ],
        )
    return {rule.fingerprint for rule in due}


def _keep_states(connection: Connection, rules: Sequence[RuleTick]) -> None:
    column = tables.series.c
    for rule in rules:
        gone = [rows.series_key(one.series) for one in rule.series if one.state is None]
        for start in range(0, len(gone), rows.CHUNK):
            connection.execute(
                delete(tables.series).where(
                    column.fingerprint == rule.fingerprint,
                    column.series.in_(gone[start : start + rows.CHUNK]),
                )
            )
    kept = [
        {
            "fingerprint": rule.fingerprint,
            "series": rows.series_key(one.series),
            "rule": rule.rule,
            **rows.state_row(one.state),
        }
        for rule in rules
        for one in rule.series
        if one.state is not None
    ]
    if kept:
        statement = insert(connection, tables.series)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["fingerprint", "series"],
                set_={name: statement.excluded[name] for name in _STATE},
            ),
            kept,
        )


def _record(connection: Connection, rules: Sequence[RuleTick]) -> list[Told]:
    """Write down what happened to alerts; that which was not there yet, in its order."""
    changes = [
        (alert_id(rule.fingerprint, series.series, change.fired_ms), rule, series, change)
        for rule in rules
        for series in rule.series
        for change in series.changes
    ]
    fired = {
        id_: _alert(id_, rule, series, change)
        for id_, rule, series, change in changes
        if change.kind is Kind.FIRED
    }
    begun = _begin(connection, fired)
    told: list[Told] = []
    for id_, _, _, change in changes:
        if change.kind is not Kind.FIRED:
            told += _end(connection, id_, change)
        elif id_ in begun:
            told.append(Told(fired[id_], Kind.FIRED))
    return told


def _alert(id_: str, rule: RuleTick, series: SeriesTick, change: Change) -> Alert:
    return Alert(
        id=id_,
        rule=rule.rule,
        fingerprint=rule.fingerprint,
        series=series.series,
        labels=labels_of(rule.rule, rule.severity, rule.labels, series.series),
        severity=rule.severity,
        annotations=series.annotations or {},
        fired_ms=change.fired_ms,
        value=change.value,
        threshold=rule.threshold,
        reason=change.reason,
    )


def _begin(connection: Connection, fired: Mapping[str, Alert]) -> set[str]:
    """The ids of those that were not there yet."""
    if not fired:
        return set()
    made = connection.execute(
        insert(connection, tables.alerts)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(tables.alerts.c.id),  # not every driver counts the rows of an insert
        [rows.alert_row(alert) for alert in fired.values()],
    )
    return {row.id for row in made}


def _end(connection: Connection, named: str, change: Change) -> list[Told]:
    """End an alert, or take it back; a correction counts after an end, too, but once."""
    column = tables.alerts.c
    values: dict[str, Any] = {"reason": change.reason}
    if change.kind is Kind.RESOLVED:
        values["resolved_ms"] = change.at_ms
        is_new = column.resolved_ms.is_(None)
    else:
        values |= {
            "corrected_ms": change.at_ms,
            "resolved_ms": func.coalesce(column.resolved_ms, change.at_ms),
        }
        is_new = column.corrected_ms.is_(None)
    ended = connection.execute(update(tables.alerts).where(column.id == named, is_new).values(values))
    if not ended.rowcount:
        return []
    row = connection.execute(rows.select_alerts().where(column.id == named)).one()
    return [Told(rows.alert_of(row), change.kind)]


def _tell(connection: Connection, told: Sequence[Told], router: Router, at_ms: int, now_ms: int) -> None:
    if not told:
        return
    column = tables.told.c
    named = list(dict.fromkeys(one.alert.id for one in told))
    known = {
        (row.alert, row.receiver)
        for start in range(0, len(named), rows.CHUNK)
        for row in connection.execute(
            select(column.alert, column.receiver).where(column.alert.in_(named[start : start + rows.CHUNK]))
        )
    }
    firing: Mapping[str, Alert] = {one.alert.id: one.alert for one in told if one.alert.phase is Phase.FIRING}
    silences = rows.silences(connection, now_ms)
    rows.put(connection, router.changes(at_ms, told, silences, known, now_ms), firing, now_ms)


def _forget(connection: Connection, table: Table, kept: Collection[str]) -> None:
    there = connection.execute(select(table.c.fingerprint).distinct()).scalars()
    gone = [one for one in there if one not in kept]
    for start in range(0, len(gone), rows.CHUNK):
        connection.execute(delete(table).where(table.c.fingerprint.in_(gone[start : start + rows.CHUNK])))
