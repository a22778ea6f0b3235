"""Judges the rules as data becomes complete, keeps what follows, and wakes whoever tells or shows it.

One thread calls ``step`` again and again. All that is decided for an instant is kept in one transaction
before anybody is told; killed anywhere, the next run decides the same, with the same ids (``store.ticks``).
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tidemark.alerts import late, limit, machine, ticks
from tidemark.alerts.alert import RuleTick, SeriesTick, Tick
from tidemark.alerts.annotation import annotations
from tidemark.alerts.ask import Asker, Rows
from tidemark.alerts.expression import Columns
from tidemark.alerts.judge import observations
from tidemark.alerts.routing import Router
from tidemark.alerts.rule import MetricsQuery, Rule, Severity
from tidemark.alerts.rulebook import Book, Rulebook
from tidemark.alerts.series import Change, Kind, Labels, Phase, State
from tidemark.alerts.store.ticks import Ticks
from tidemark.query.errors import QueryError
from tidemark.query.instant import to_ms

log = logging.getLogger("tidemark.alerts")

STALE_RULE, STALE = "DataStale", "built-in-data-stale"
"""The alert about the data's clock itself: its rule's name and fingerprint."""
_NOTHING: Labels = ()


@dataclass(frozen=True, slots=True)
class Pace:
    """How the engine goes about its work.

    Attributes:
        stale_ms: the lag of the watermark that is told.
        most_ticks: how many ticks that were missed are judged; older ones are skipped and counted.
        look_seconds: how often files and late events are looked for.
        open_ms: how far the data's clock has gone before windows that are filling are looked at again.
    """

    stale_ms: int
    most_ticks: int
    look_seconds: float = 2.0
    open_ms: int = 2_000


@dataclass(slots=True)
class _Memory:
    """What the store holds, read once and kept in step with it."""

    judged: dict[str, int] = field(default_factory=dict)
    states: dict[str, dict[Labels, State]] = field(default_factory=dict)

    def of(self, fingerprint: str) -> dict[Labels, State]:
        return self.states.setdefault(fingerprint, {})


class Engine:
    """Owns the states; everything is passed in.

    Attributes:
        ticks_judged: how many were since the start, each rule's counted.
    """

    def __init__(
        self,
        asker: Asker,
        rulebook: Rulebook,
        store: Ticks,
        router: Router,
        late_events: late.Late,
        pace: Pace,
        *,
        wake: Callable[[], None],
        currency: str,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._asker, self._rulebook, self._store, self._router = asker, rulebook, store, router
        self._late, self._pace, self._wake, self._currency, self._clock = (
            late_events,
            pace,
            wake,
            currency,
            clock,
        )
        self._memory: _Memory | None = None
        self._is_sure = False
        self.ticks_judged = 0
        self._next_look = 0.0
        self._failures: set[str] = set()
        self._opened_ms = 0

    @property
    def book(self) -> Book:
        """The rules in force."""
        return self._rulebook.book

    def states(self, rule: Rule) -> Mapping[Labels, State]:
        """What is kept of a rule's series, as of now."""
        memory = self._memory
        return {} if memory is None else dict(memory.states.get(rule.fingerprint, {}))

    def judged_ms(self, rule: Rule) -> int | None:
        """The newest tick at which a rule was judged; None before the first."""
        memory = self._memory
        return None if memory is None else memory.judged.get(rule.fingerprint)

    @property
    def waiting(self) -> int:
        """How many rules could not be asked, and wait for another try."""
        return sum(rule.fingerprint in self._failures for rule in self.book.rules)

    @property
    def is_stale(self) -> bool:
        """Whether the data's clock stands still, so that nothing is decided."""
        complete = self._asker.answerer.freshness().complete_through
        return ticks.stale(None if complete is None else to_ms(complete), self._clock(), self._pace.stale_ms)

    def step(self) -> None:
        """Decide what can be decided now.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: it could not be kept; the next step decides it again.
        """
        try:
            self._step()
        except Exception:
            self._is_sure = False  # what was kept and what not is read again
            raise

    def _step(self) -> None:
        complete = self._asker.answerer.freshness().complete_through
        complete_ms = None if complete is None else to_ms(complete)
        memory = self._memory if self._memory is not None and self._is_sure else self._read()
        self._judge_staleness(memory, complete_ms)
        if complete_ms is None:
            return
        if time.monotonic() >= self._next_look:
            if self._rulebook.look() or not self._next_look:
                self._retire(memory, complete_ms)
            self._judge_late(memory, complete_ms)
            self._next_look = time.monotonic() + self._pace.look_seconds
        self._judge_due(memory)
        self._judge_open(memory, complete_ms)

    def _read(self) -> _Memory:
        self._memory = _Memory(self._store.judged(), self._store.states())
        self._is_sure = True
        return self._memory

    def _retire(self, memory: _Memory, at_ms: int) -> None:
        """End what fires of rules that are no more."""
        in_force = {name for rule in self.book.rules for name in (rule.fingerprint, _limit_of(rule))} | {
            STALE
        }
        self._store.retire(in_force, at_ms, self._router, self._clock())
        for gone in memory.states.keys() - in_force:
            del memory.states[gone]
        self._wake()

    def _judge_staleness(self, memory: _Memory, complete_ms: int | None) -> None:
        now_ms = self._clock()
        before = memory.of(STALE).get(_NOTHING, machine.NEW)
        after, changes = ticks.data_stale(before, complete_ms, now_ms, self._pace.stale_ms)
        if not changes:
            return
        texts = {
            "summary": f"No complete data for {self._pace.stale_ms / 1000:.0f} s: rules wait for it",
            "description": "`tidemark status` says which part stands still. No rule fires or resolves.",
        }
        series = SeriesTick(_NOTHING, after, changes, texts)
        told = RuleTick(
            STALE_RULE, STALE, Severity.CRITICAL, {}, self._pace.stale_ms / 1000, is_judged=False, skipped=0,
            series=(series,),
        )  # fmt: skip
        self._keep(memory, Tick(changes[-1].at_ms, (told,)))

    def _judge_due(self, memory: _Memory) -> None:
        """Every tick that has become due, in order, all rules of one together."""
        due: dict[int, list[tuple[Rule, int]]] = {}
        alike = {type(rule.query): rule for rule in self.book.rules}
        known = {kind: self._asker.complete(rule) for kind, rule in alike.items()}
        for rule in self.book.rules:
            complete = known[type(rule.query)]
            if complete is None:
                continue
            judged = memory.judged.get(rule.fingerprint)
            found = ticks.due(rule.every_ms, judged, to_ms(complete), self._pace.most_ticks)
            for number, at_ms in enumerate(found.ticks):
                due.setdefault(at_ms, []).append((rule, 0 if number else found.skipped))
        failed: set[str] = set()  # ticks of a rule are judged in order, so none after one that could not be
        for at_ms, rules in sorted(due.items()):
            skipped = {rule.fingerprint: count for rule, count in rules}
            asked = [rule for rule, _ in rules if rule.fingerprint not in failed]
            told: list[RuleTick] = []
            for rule, rows in self._rows(asked, at_ms, failed):
                told += self._judged(memory, rule, at_ms, rows, skipped[rule.fingerprint])
            if told:
                self._keep(memory, Tick(at_ms, tuple(told)))

    def _rows(self, rules: list[Rule], at_ms: int, failed: set[str]) -> Iterator[tuple[Rule, Rows]]:
        """What the rules see, each on its own where one of them cannot be answered."""
        if not rules:
            return
        told: set[str] = set()
        try:
            for rule, rows in self._asker.rows(rules, at_ms, self.book.campaigns):
                told.add(rule.fingerprint)
                yield rule, rows
        except QueryError as error:
            if len(rules) > 1:
                for rule in rules:
                    if rule.fingerprint not in told:
                        yield from self._rows([rule], at_ms, failed)
                return
            (rule,) = rules
            failed.add(rule.fingerprint)
            if rule.fingerprint not in self._failures:
                log.warning("the rule %s could not be asked and waits: %s", rule.name, error)
            self._failures.add(rule.fingerprint)
        else:
            self._failures -= {rule.fingerprint for rule in rules}

    def _judged(
        self, memory: _Memory, rule: Rule, at_ms: int, rows: Rows, skipped: int, *, is_open: bool = False
    ) -> Iterator[RuleTick]:
        """What a tick does to a rule, and to its alert about too many series."""
        states, limits = memory.of(rule.fingerprint), memory.of(_limit_of(rule))
        before = dict(limit.paused(states, at_ms)) if skipped else {}
        states.update(before)
        tracked = {labels for labels, state in states.items() if state.phase in {Phase.PENDING, Phase.FIRING}}
        seen = observations(rule, rows.labels, rows.columns, at_ms, tracked=tracked, is_open=is_open)
        outcome = limit.judge(rule, at_ms, seen, states, limits.get(_NOTHING, machine.NEW), is_open=is_open)
        changes: dict[Labels, list[Change]] = {}
        for labels, change in outcome.changes:
            changes.setdefault(labels, []).append(change)
        row_of = {labels: row for row, labels in enumerate(rows.labels)} if changes else {}
        series = tuple(
            SeriesTick(
                labels,
                state,
                tuple(changes.get(labels, ())),
                self._texts(rule, rows.columns, labels, row_of.get(labels), changes),
            )
            for labels, state in (before | dict(outcome.states)).items()
        )
        yield _told(rule, series, is_judged=not is_open, skipped=skipped)
        if outcome.limit_changes:
            texts = {
                "summary": f"{rule.name} holds for more than {rule.max_instances:,} series and is not judged",
                "description": "Narrow its query, or raise max_instances.",
            }
            one = SeriesTick(_NOTHING, outcome.limit, outcome.limit_changes, texts)
            yield RuleTick(
                limit.TOO_MANY, _limit_of(rule), rule.severity, {**rule.labels, "rule": rule.name},
                float(rule.max_instances), is_judged=False, skipped=0, series=(one,),
            )  # fmt: skip

    def _texts(
        self,
        rule: Rule,
        columns: Columns,
        labels: Labels,
        row: int | None,
        changes: Mapping[Labels, list[Change]],
    ) -> dict[str, str] | None:
        fired = next((one for one in changes.get(labels, ()) if one.kind is Kind.FIRED), None)
        if fired is None:
            return None
        # without a row it has no data, which counts as the condition holding
        values: dict[str, float | str | None] = {
            name: None if row is None else columns[name][row].item() for name in rule.columns
        }
        catalogue = self._asker.catalogue
        return annotations(rule, labels, values, fired.value, self.book.campaigns, catalogue, self._currency)

    def _judge_open(self, memory: _Memory, complete_ms: int) -> None:
        """Windows that are still filling, of rules whose condition more data cannot take back."""
        rules = [rule for rule in self.book.rules if rule.is_open and isinstance(rule.query, MetricsQuery)]
        if complete_ms < self._opened_ms + self._pace.open_ms or not rules or self.is_stale:
            return
        self._opened_ms = complete_ms
        by_tick: dict[int, list[Rule]] = {}
        for rule in rules:
            by_tick.setdefault(ticks.upcoming(rule.every_ms, complete_ms), []).append(rule)
        for at_ms, alike in by_tick.items():
            told: list[RuleTick] = []
            for rule, rows in self._rows(alike, at_ms, set()):
                told += (
                    one for one in self._judged(memory, rule, at_ms, rows, 0, is_open=True) if one.series
                )
            if told:
                self._keep(memory, Tick(at_ms, tuple(told)))

    def _judge_late(self, memory: _Memory, complete_ms: int) -> None:
        """Judge again what alerts stand on, where late events touched it."""
        minutes = self._late.minutes(complete_ms)
        if not minutes:
            return
        for rule in self.book.rules:
            if not isinstance(rule.query, MetricsQuery):
                continue
            window = rule.query.window
            again = {
                at_ms
                for state in memory.of(rule.fingerprint).values()
                for at_ms in machine.grounds(state)
                if late.touches(minutes, *ticks.span(window, at_ms))
            }
            for at_ms in sorted(again, reverse=True):
                for _, rows in self._rows([rule], at_ms, set()):
                    self._correct(memory, rule, at_ms, rows)

    def _correct(self, memory: _Memory, rule: Rule, at_ms: int, rows: Rows) -> None:
        states = memory.of(rule.fingerprint)
        seen = observations(rule, rows.labels, rows.columns, at_ms, tracked=set(states))
        changed = []
        for labels, state in states.items():
            if at_ms in machine.grounds(state) and labels in seen:
                after, changes = machine.correct(state, seen[labels], rule)
                if after != state:
                    changed.append(SeriesTick(labels, after, changes))
        if changed:
            told = _told(rule, tuple(changed), is_judged=False, skipped=0)
            self._keep(memory, Tick(at_ms, (told,)))

    def _keep(self, memory: _Memory, tick: Tick) -> None:
        """Into the store first; whoever is woken finds both."""
        self._store.commit(tick, self._router, self._clock())
        for told in tick.rules:
            states = memory.of(told.fingerprint)
            states |= {one.series: one.state for one in told.series if one.state is not None}
            if told.is_judged:
                memory.judged[told.fingerprint] = tick.at_ms
                self.ticks_judged += 1
        self._wake()


def _told(rule: Rule, series: Iterable[SeriesTick], *, is_judged: bool, skipped: int) -> RuleTick:
    return RuleTick(
        rule.name,
        rule.fingerprint,
        rule.severity,
        rule.labels,
        rule.threshold,
        is_judged,
        skipped,
        tuple(series),
    )


def _limit_of(rule: Rule) -> str:
    """The fingerprint of the rule's alert about too many series."""
    return f"{rule.fingerprint}-limit"
