"""Alerts as people and programs come to them: what is asked, and what they say about it."""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from tidemark.alerts.alert import Acknowledgement
from tidemark.alerts.bell import Bell
from tidemark.alerts.engine import Engine
from tidemark.alerts.matcher import MAX_MATCHERS, Silence, parse
from tidemark.alerts.series import Phase
from tidemark.alerts.shown import ORDER, AlertState, Shown, of_alert, of_rule, of_series
from tidemark.alerts.store.outbox import DEAD, Outbox, Posted
from tidemark.alerts.store.records import Records
from tidemark.query.errors import Code, QueryError
from tidemark.query.instant import to_ms

log = logging.getLogger("tidemark.alerts")

MOST = 1_000
"""Of alerts that fire, of those that did, and of dead notifications in one answer."""


@dataclass(frozen=True, slots=True)
class Dead:
    """A notification that no receiver took, and what it is about.

    Attributes:
        posted: it; its times are Unix ms of the wall clock.
        alerts: those it tells of, as they are now; what was forgotten since is left out.
    """

    posted: Posted
    alerts: tuple[Shown, ...]


class Serving:
    """Answers from the store and from what the engine holds, and keeps what people say; blocks.

    Whatever raises ``QueryError`` has kept nothing then.
    """

    def __init__(
        self,
        engine: Engine,
        records: Records,
        outbox: Outbox,
        bell: Bell,
        receivers: Collection[str],
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Nothing is read yet.

        Args:
            engine: what it holds is shown.
            records: of alerts and silences.
            outbox: of notifications.
            bell: rung whenever something was kept here.
            receivers: the names of those that there are.
            clock: the wall clock's Unix ms.
        """
        self._engine, self._records, self._outbox, self._clock = engine, records, outbox, clock
        self._receivers = receivers
        self.bell = bell

    def alerts(self, states: Collection[AlertState] | None = None) -> list[Shown]:
        """Those in these states, or in all but INACTIVE: what fires first, the newest first."""
        wanted = set(AlertState) - {AlertState.INACTIVE} if states is None else set(states)
        is_stale = self._engine.is_stale
        # what the engine holds first: it keeps an alert before it holds the series for one that fires
        waiting = list(self._waiting(is_stale=is_stale))
        firing = self._records.alerts(Phase.FIRING, MOST)
        every = [*firing, *self._records.alerts(Phase.RESOLVED, MOST)]
        fires = {(one.rule, frozenset(one.labels.items())) for one in firing}
        found = [of_alert(one, is_stale=is_stale) for one in every]
        found += [one for one in waiting if one.series not in fires]
        kept = [one for one in found if one.state in wanted]
        return sorted(kept, key=lambda one: (ORDER.index(one.state), -one.since_ms, one.rule))

    def silences(self) -> list[Silence]:
        """Those in force, by their ends."""
        return self._records.silences(self._clock())

    def dead(self, first: int) -> list[Dead]:
        """The ``first`` newest of the notifications that are dead.

        Raises:
            QueryError: ``first`` is not from 1 to 1,000.
        """
        if not 0 < first <= MOST:
            raise QueryError(
                Code.BAD_LIMIT,
                f"first is {first}; it must be from 1 to {MOST:,}.",
                limit=MOST,
                requested=first,
                suggestion={"first": MOST},
            )
        found = self._outbox.listed(DEAD, first)
        known = self._records.named({named for one in found for named in one.notification.alerts})
        is_stale = self._engine.is_stale
        return [
            Dead(
                one,
                tuple(
                    of_alert(known[named], is_stale=is_stale)
                    for named in one.notification.alerts
                    if named in known
                ),
            )
            for one in found
        ]

    def acknowledge(self, alert: str, by: str) -> Shown:
        """Note who looks after an alert; the last one to say so does.

        Raises:
            QueryError: there is no such alert, or the name cannot be.
        """
        try:
            kept = self._records.acknowledge(alert, Acknowledgement(by, self._clock()))
        except ValueError as error:
            raise _refusal(Code.BAD_ACKNOWLEDGEMENT, error) from error
        self.bell.ring()
        return of_alert(kept, is_stale=self._engine.is_stale)

    def silence(
        self, matchers: Sequence[str], seconds: int | None, until: datetime | None, reason: str, by: str
    ) -> Silence:
        """Tell nobody of the alerts that match for so many seconds, or until an instant.

        Raises:
            QueryError: it cannot be; nothing is silenced.
        """
        now_ms = self._clock()
        try:
            ends_ms = _end_ms(now_ms, seconds, until)
            parsed = tuple(map(parse, matchers[: MAX_MATCHERS + 1]))  # one more is refused by their number
            made = Silence(str(uuid4()), parsed, now_ms, ends_ms, reason, by)
            kept = self._records.silence(made)
        except ValueError as error:
            raise _refusal(Code.BAD_SILENCE, error) from error
        self.bell.ring()
        return kept

    def unsilence(self, silence: str) -> Silence:
        """End a silence now; what still fires is told within seconds.

        Raises:
            QueryError: none with this id is in force.
        """
        try:
            ended = self._records.end_silence(silence, self._clock())
        except ValueError as error:
            raise _refusal(Code.BAD_SILENCE, error) from error
        log.info("the silence %s was ended early", ended.id)
        self.bell.ring()
        return ended

    def replay(self, notifications: Collection[str] | None) -> int:
        """Send dead notifications again, with the ids they had: those named, or all. How many.

        Those of receivers that there are no more stay dead.

        Raises:
            QueryError: more than 1,000 are named.
        """
        if notifications is not None and len(notifications) > MOST:
            raise QueryError(
                Code.TOO_MANY_VALUES,
                f"{len(notifications):,} notifications are named, of at most {MOST:,}; name fewer, or none "
                "to send all again.",
                limit=MOST,
                requested=len(notifications),
            )
        now_ms = self._clock()
        count = self._outbox.replay(notifications, now_ms) - self._outbox.bury(self._receivers, now_ms)
        self.bell.ring()
        return count

    def _waiting(self, *, is_stale: bool) -> Iterator[Shown]:
        """Series that pend, and rules without any that pends or fires."""
        for rule in self._engine.book.rules:
            states = self._engine.states(rule)
            for labels, state in states.items():
                if state.phase is Phase.PENDING:
                    yield of_series(rule, labels, state, is_stale=is_stale)
            judged_ms = self._engine.judged_ms(rule)
            is_quiet = not any(state.phase in {Phase.PENDING, Phase.FIRING} for state in states.values())
            if is_quiet and judged_ms is not None:
                yield of_rule(rule, judged_ms)


def _end_ms(now_ms: int, seconds: int | None, until: datetime | None) -> int:
    if seconds is not None and until is None:
        return now_ms + seconds * 1000
    if until is not None and seconds is None:
        return to_ms(until)
    raise ValueError("a silence has one end; give either seconds or until")


def _refusal(code: Code, error: ValueError) -> QueryError:
    told = str(error)
    return QueryError(code, f"{told[0].upper()}{told[1:]}.")
