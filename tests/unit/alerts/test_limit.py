"""A rule with too many series is stopped with one alert of its own."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from alert_rules import MINUTE, START, rule, seen
from tidemark.alerts.limit import Outcome, judge, replay
from tidemark.alerts.machine import NEW, step
from tidemark.alerts.rule import OnNoData, Rule
from tidemark.alerts.series import Kind, Labels, Observation, Phase, State

Row = dict[str, bool | None]


def labels(campaign: str) -> Labels:
    return (("campaign", campaign),)


def history(rows: list[Row]) -> list[tuple[int, dict[Labels, Observation]]]:
    """A row a minute: campaigns and whether the condition holds."""
    return [
        (START + minute * MINUTE, {labels(one): seen(minute, holds) for one, holds in row.items()})
        for minute, row in enumerate(rows)
    ]


def told(by: Rule, rows: list[Row]) -> list[tuple[int, str, Kind]]:
    found = []
    for minute, outcome in enumerate(replay(by, history(rows))):
        found += [(minute, one[0][1], change.kind) for one, change in outcome.changes]
        found += [(minute, "(limit)", change.kind) for change in outcome.limit_changes]
    return found


ALL: Row = dict.fromkeys("abc", True)
NONE: Row = dict.fromkeys("abc", False)
A: Row = {"a": True, "b": False, "c": False}


def test_as_many_series_as_a_rule_may_have_are_told() -> None:
    assert told(rule(most=3), [ALL]) == [(0, one, Kind.FIRED) for one in "abc"]


def test_one_series_too_many_stops_the_rule_with_one_alert_until_there_are_fewer() -> None:
    assert told(rule(most=2), [A, ALL, ALL, A, NONE]) == [
        (0, "a", Kind.FIRED),
        (1, "(limit)", Kind.FIRED),
        (3, "(limit)", Kind.RESOLVED),
        (4, "a", Kind.RESOLVED),
    ]


def test_the_alert_of_the_limit_says_how_many_there_were() -> None:
    outcome = judge(rule(most=2), *history([ALL])[0], {})
    assert outcome.limit_changes[0].value == 3


def test_what_waited_when_a_rule_was_stopped_waits_anew() -> None:
    assert told(rule(most=2, minutes=2), [A, ALL, A, A, A])[-1] == (4, "a", Kind.FIRED)


def test_series_without_data_count_where_that_is_an_alert() -> None:
    missing: Row = dict.fromkeys("abc")
    assert told(rule(most=2, on_no_data=OnNoData.ALERT), [missing]) == [(0, "(limit)", Kind.FIRED)]
    assert told(rule(most=2), [missing]) == []


def test_a_series_that_vanished_has_no_data() -> None:
    assert told(rule(), [{"a": True}, {}]) == [(0, "a", Kind.FIRED), (1, "a", Kind.RESOLVED)]
    assert told(rule(on_no_data=OnNoData.KEEP), [{"a": True}, {}]) == [(0, "a", Kind.FIRED)]
    assert told(rule(minutes=2, on_no_data=OnNoData.ALERT), [{"a": True}, {}, {}]) == [(2, "a", Kind.FIRED)]


def test_an_open_window_that_lacks_a_series_leaves_it() -> None:
    states = {labels("a"): State(Phase.FIRING, START, START, START, START)}
    assert judge(rule(), START + MINUTE, {}, states, is_open=True) == Outcome(START + MINUTE, {}, (), NEW)


def test_series_that_an_open_window_has_no_data_of_are_not_too_many() -> None:
    row = {labels(one): seen(0, None, is_open=True) for one in "abc"}
    by = rule(most=2, on_no_data=OnNoData.ALERT)
    assert judge(by, START, row, {}, is_open=True) == Outcome(START, {}, (), NEW)


def test_an_open_window_with_too_many_series_fires_the_limit_and_the_complete_one_confirms_it() -> None:
    row = {labels(one): seen(0, True, is_open=True) for one in "abc"}
    first = judge(rule(most=2), START, row, {}, is_open=True)
    assert ([one.kind for one in first.limit_changes], first.changes) == ([Kind.FIRED], ())
    second = judge(rule(most=2), *history([ALL])[0], first.states, first.limit)
    assert (second.limit_changes, second.limit.phase) == ((), Phase.FIRING)


rows = st.lists(st.dictionaries(st.sampled_from("abcd"), st.sampled_from([True, False, None])), max_size=20)


@given(rows, st.integers(0, 3), st.sampled_from(OnNoData))
def test_below_the_limit_each_series_goes_as_if_it_were_alone(
    found: list[Row], minutes: int, on_no_data: OnNoData
) -> None:
    by = rule(minutes=minutes, on_no_data=on_no_data)
    together = told(by, found)
    for one in "abcd":
        state, alone = NEW, []
        for minute, row in enumerate(found):
            if one in row or state.phase in {Phase.PENDING, Phase.FIRING}:
                state, changes = step(state, seen(minute, row.get(one)), by)
                alone += [(minute, one, change.kind) for change in changes]
        assert [each for each in together if each[1] == one] == alone


@given(rows, st.integers(1, 3))
def test_no_tick_tells_of_series_beyond_the_limit_and_its_alert_goes_in_turns(
    found: list[Row], most: int
) -> None:
    outcomes = list(replay(rule(most=most), history(found)))
    for row, outcome in zip(found, outcomes, strict=True):
        if sum(1 for holds in row.values() if holds) > most:
            assert outcome.changes == ()
            assert outcome.limit.phase is Phase.FIRING
        else:
            assert outcome.limit.phase is not Phase.FIRING
    kinds = [change.kind for outcome in outcomes for change in outcome.limit_changes]
    assert all(one is not other for one, other in pairwise(kinds))


@given(rows, st.integers(1, 3))
def test_a_tick_judged_again_after_a_crash_changes_nothing(found: list[Row], most: int) -> None:
    by = rule(most=most, minutes=1)
    states: dict[Labels, State] = {}
    limit = NEW
    for at_ms, observations in history(found):
        outcome = judge(by, at_ms, observations, states, limit)
        states |= outcome.states
        limit = outcome.limit
        assert judge(by, at_ms, observations, states, limit) == Outcome(at_ms, {}, (), limit)
