"""Ticks, limit and machine together, as a service runs them: stalls, deaths, open windows alter nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from alert_rules import MINUTE, START, rule, seen
from tidemark.alerts.limit import Outcome, judge, paused, replay
from tidemark.alerts.machine import NEW
from tidemark.alerts.rule import OnNoData, Rule
from tidemark.alerts.series import Kind, Labels, Observation, Phase, State
from tidemark.alerts.ticks import due, upcoming

Row = Mapping[Labels, Observation]
Told = tuple[int, str, Kind]
"""When the alert fired, of which series, and what."""


@dataclass
class Service:
    """What is kept between ticks is text, as in a store; each tick is written whole or not at all."""

    by: Rule
    rows: Mapping[int, Row]
    states: bytes = b"[]"
    limit: bytes = field(default_factory=lambda: msgspec.json.encode(NEW))
    judged_ms: int | None = START - MINUTE
    told: list[Told] = field(default_factory=list)

    def look(self, complete_ms: int, *, dies_after: int | None = None, most: int = 1000) -> None:
        """Judge what is due; perhaps die before so many ticks more are written."""
        found = due(self.by.every_ms, self.judged_ms, complete_ms, most)
        if found.skipped:
            kept = self._states()
            self.states = msgspec.json.encode(list((kept | paused(kept, found.ticks[0])).items()))
        for number, tick in enumerate(found.ticks):
            outcome = self._judge(tick, self.rows.get(tick, {}))
            if number == dies_after:
                return
            self._write(outcome)
            self.judged_ms = tick

    def look_at_open(self, complete_ms: int) -> None:
        """The window that still fills: what holds then holds when it is complete, too."""
        tick = upcoming(self.by.every_ms, complete_ms)
        row = {
            labels: replace(one, is_open=True) for labels, one in self.rows.get(tick, {}).items() if one.holds
        }
        self._write(self._judge(tick, row, is_open=True))

    def _states(self) -> dict[Labels, State]:
        return dict(msgspec.json.decode(self.states, type=list[tuple[Labels, State]]))

    def _judge(self, tick: int, row: Row, *, is_open: bool = False) -> Outcome:
        limit = msgspec.json.decode(self.limit, type=State)
        return judge(self.by, tick, row, self._states(), limit, is_open=is_open)

    def _write(self, outcome: Outcome) -> None:
        self.states = msgspec.json.encode(list({**self._states(), **outcome.states}.items()))
        self.limit = msgspec.json.encode(outcome.limit)
        self.told += told_by(outcome)


def told_by(outcome: Outcome) -> list[Told]:
    of_series = [(one.fired_ms, labels[0][1], one.kind) for labels, one in outcome.changes]
    return of_series + [(one.fired_ms, "(limit)", one.kind) for one in outcome.limit_changes]


def undisturbed(by: Rule, rows: Mapping[int, Row]) -> list[Told]:
    return [one for outcome in replay(by, sorted(rows.items())) for one in told_by(outcome)]


@st.composite
def pasts(draw: st.DrawFn) -> dict[int, Row]:
    values = st.dictionaries(st.sampled_from("abcd"), st.sampled_from([True, True, False, None]))
    return {
        START + minute * MINUTE: {(("campaign", one),): seen(minute, holds) for one, holds in row.items()}
        for minute, row in enumerate(draw(st.lists(values, min_size=1, max_size=25)))
    }


rules = st.builds(
    rule,
    minutes=st.integers(0, 2),
    keep=st.integers(0, 2),
    on_no_data=st.sampled_from(OnNoData),
    hysteresis=st.booleans(),
    most=st.sampled_from([2, 100]),
)
looks = st.lists(st.tuples(st.integers(0, 25 * MINUTE), st.none() | st.integers(0, 9)), max_size=12)


@given(pasts(), rules, looks)
def test_stalls_and_deaths_at_any_moment_tell_what_an_undisturbed_run_tells(
    rows: dict[int, Row], by: Rule, at: list[tuple[int, int | None]]
) -> None:
    service, last = Service(by, rows), max(rows)
    for after_ms, dies_after in sorted(at, key=lambda one: one[0]):
        service.look(min(START + after_ms, last), dies_after=dies_after)
    service.look(last)
    assert service.told == undisturbed(by, rows)


@given(pasts(), rules.map(lambda by: replace(by, max_instances=100)), looks)
def test_open_windows_tell_sooner_and_nothing_else(
    rows: dict[int, Row], by: Rule, at: list[tuple[int, int | None]]
) -> None:
    """Of conditions that more data cannot take back, with few series: some may fire before many do."""
    service, last = Service(by, rows), max(rows)
    for after_ms, _ in sorted(at, key=lambda one: one[0]):
        complete_ms = min(START + after_ms, last)
        service.look(complete_ms)
        service.look_at_open(complete_ms)
    service.look(last)
    assert sorted(one for one in service.told if one[0] <= last) == sorted(undisturbed(by, rows))


@given(pasts(), st.integers(1, 3), st.integers(1, 25), st.integers(1, 3))
def test_after_skipped_ticks_nothing_fires_that_was_not_seen_to_hold_for_long_enough(
    rows: dict[int, Row], minutes: int, until: int, most: int
) -> None:
    service, last = Service(rule(minutes=minutes), rows), max(rows)
    service.look(min(START + until * MINUTE, last))
    before = len(service.told)
    judged_ms = service.judged_ms or 0
    service.look(last, most=most)
    first_ms = max(judged_ms + MINUTE, last - (most - 1) * MINUTE)
    if first_ms > judged_ms + MINUTE:
        fired = [one for one in service.told[before:] if one[2] is Kind.FIRED]
        assert all(one[0] - first_ms >= minutes * MINUTE for one in fired)


def test_what_fires_goes_on_over_skipped_ticks() -> None:
    firing = State(Phase.FIRING, START, START, START, START)
    pending = State(Phase.PENDING, START, START, None, START)
    states: dict[Labels, State] = {(("campaign", "a"),): firing, (("campaign", "b"),): pending}
    assert [one.phase for one in paused(states, START + 9 * MINUTE).values()] == [Phase.INACTIVE]
