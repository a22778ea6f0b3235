"""What follows from what was seen of a series, against a model that looks at the whole past each time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules import MINUTE, START, rule, seen
from tidemark.alerts.machine import NEW, correct, counts_as, grounds, interrupted, step
from tidemark.alerts.rule import OnNoData, Rule
from tidemark.alerts.series import Change, Kind, Observation, Phase, State


def run(
    observations: Iterable[Observation], by: Rule, state: State = NEW
) -> tuple[State, list[tuple[Kind, int]]]:
    """The last state, and what was told with its minute."""
    told: list[tuple[Kind, int]] = []
    for one in observations:
        state, changes = step(state, one, by)
        told += ((change.kind, (change.at_ms - START) // MINUTE) for change in changes)
    return state, told


def ticks(text: str) -> list[Observation]:
    """A tick a letter: ``!`` holds, ``.`` does not, ``r`` does not and resolves, ``?`` no data."""
    meaning = {"!": (True, False), ".": (False, False), "r": (False, True), "?": (None, None)}
    return [
        seen(minute, holds, resolves=clears)
        for minute, (holds, clears) in enumerate(map(meaning.__getitem__, text))
    ]


F, R, C = Kind.FIRED, Kind.RESOLVED, Kind.CORRECTED


@pytest.mark.parametrize(
    ("story", "by", "told"),
    [
        ("..!!..", rule(), [(F, 2), (R, 4)]),
        (".!!!!.", rule(minutes=2), [(F, 3), (R, 5)]),
        ("!!.!!.", rule(minutes=2), []),
        ("!.!..!", rule(keep=2), [(F, 0), (R, 4), (F, 5)]),
        ("!..r!r", rule(hysteresis=True), [(F, 0), (R, 3), (F, 4), (R, 5)]),
        ("!r..r.", rule(hysteresis=True, keep=2), [(F, 0), (R, 4)]),
        ("!??!??", rule(on_no_data=OnNoData.KEEP), [(F, 0)]),
        ("!??!!.", rule(on_no_data=OnNoData.KEEP, minutes=3), [(F, 3), (R, 5)]),
        ("!?!?..", rule(), [(F, 0), (R, 1), (F, 2), (R, 3)]),
        (".??..", rule(on_no_data=OnNoData.ALERT), [(F, 1), (R, 3)]),
        (".???.", rule(on_no_data=OnNoData.ALERT, minutes=2), [(F, 3), (R, 4)]),
        ("!.??", rule(hysteresis=True), [(F, 0), (R, 2)]),
    ],
)  # fmt: skip
def test_a_story_is_told_so(story: str, by: Rule, told: list[tuple[Kind, int]]) -> None:
    assert run(ticks(story), by)[1] == told


def test_where_it_is_unknown_whether_an_alert_resolves_it_goes_on() -> None:
    _, told = run([seen(0, True), seen(1, False, resolves=None), seen(2, False, resolves=True)],
                  rule(hysteresis=True))  # fmt: skip
    assert told == [(F, 0), (R, 2)]


def test_what_holds_does_not_resolve_even_if_its_hysteresis_says_so() -> None:
    assert run([seen(0, True), seen(1, True, resolves=True)], rule(hysteresis=True))[1] == [(F, 0)]


def test_an_alert_says_when_its_condition_began_and_what_it_saw() -> None:
    state, _ = run(
        [seen(0, False), seen(1, True, value=7), seen(2, True, value=8), seen(3, True)], rule(minutes=2)
    )
    assert state.phase is Phase.FIRING
    assert state.since_ms == START + MINUTE
    assert state.fired_ms == state.held_ms == START + 3 * MINUTE
    assert state.value == 8


def test_a_reason_is_given_where_there_was_no_data() -> None:
    _, fired = step(NEW, seen(0, None), rule(on_no_data=OnNoData.ALERT))
    assert "no data" in fired[0].reason
    _, resolved = step(step(NEW, seen(0, True), rule())[0], seen(1, None), rule())
    assert "no data" in resolved[0].reason


def test_an_open_window_fires_once_and_its_complete_one_confirms_it() -> None:
    story = [seen(1, True, is_open=True), seen(1, True, is_open=True), seen(1, True), seen(2, False)]
    state, told = run(story[:3], rule())
    assert (state.fired_open, told) == (False, [(F, 1)])
    assert run(story, rule())[1] == [(F, 1), (R, 2)]


def test_a_complete_window_that_does_not_hold_takes_back_what_the_open_one_told() -> None:
    story = [
        seen(1, True, is_open=True),
        seen(1, False, resolves=False),
        seen(1, True, is_open=True),
        seen(2, True),
    ]
    by = rule(keep=5, hysteresis=True)
    assert run(story[:3], by)[1] == [(F, 1), (C, 1)]
    assert run(story, by)[1] == [(F, 1), (C, 1), (F, 2)]


def test_an_open_window_whose_complete_one_has_no_data_is_decided_by_the_next() -> None:
    story = [seen(1, True, is_open=True), seen(1, None), seen(2, False)]
    assert run(story, rule(on_no_data=OnNoData.KEEP))[1] == [(F, 1), (R, 2)]
    state, told = run(story, rule(on_no_data=OnNoData.KEEP, keep=5))
    assert (state.fired_open, told) == (False, [(F, 1)])


def test_the_complete_window_before_the_open_one_that_fired_does_not_resolve_it() -> None:
    assert run([seen(2, True, is_open=True), seen(1, False), seen(2, True)], rule())[1] == [(F, 2)]


@pytest.mark.parametrize("story", [[], ticks("."), ticks("!"), ticks("!!!"), ticks("!.")])
@pytest.mark.parametrize("holds", [True, False, None])
@pytest.mark.parametrize("by", [rule(minutes=2), rule(minutes=2, on_no_data=OnNoData.ALERT)])
def test_an_open_window_changes_nothing_of_a_rule_that_waits(
    story: list[Observation], holds: bool | None, by: Rule
) -> None:
    state, _ = run(story, by)
    assert step(state, seen(9, holds, is_open=True), by) == (state, ())


@pytest.mark.parametrize("story", [[], ticks("."), ticks("!"), ticks("!."), [seen(1, True, is_open=True)]])
def test_an_open_window_that_does_not_hold_changes_nothing(story: list[Observation]) -> None:
    state, _ = run(story, rule())
    for holds in (False, None):
        assert step(state, seen(9, holds, is_open=True), rule()) == (state, ())


def test_skipped_ticks_begin_a_wait_anew_and_leave_what_fires() -> None:
    pending, _ = run(ticks("!"), rule(minutes=2))
    assert run([seen(9, True)], rule(minutes=2), interrupted(pending, START + 8 * MINUTE))[1] == []
    firing, _ = run(ticks("!!!"), rule(minutes=2))
    assert interrupted(firing, START + 8 * MINUTE) == firing


def test_late_data_takes_back_an_alert_once_with_a_reason() -> None:
    state, _ = run(ticks("!"), rule())
    after, changes = correct(state, seen(0, False, value=90), rule())
    assert [(one.kind, one.fired_ms, one.value) for one in changes] == [(C, START, 90)]
    assert "late" in changes[0].reason
    assert (after.phase, after.fired_ms, grounds(after)) == (Phase.RESOLVED, None, ())
    assert correct(after, seen(0, False), rule()) == (after, ())
    assert run([seen(1, False)], rule(), after)[1] == []


def test_late_data_that_leaves_the_condition_leaves_the_alert() -> None:
    state, _ = run(ticks("!"), rule())
    assert correct(state, seen(0, True), rule()) == (state, ())
    assert correct(state, seen(0, None), rule(on_no_data=OnNoData.KEEP)) == (state, ())


def test_an_alert_that_a_later_tick_bears_out_is_not_taken_back() -> None:
    state, _ = run(ticks("!!!"), rule())
    assert grounds(state) == (START + 2 * MINUTE, START)
    assert correct(state, seen(0, False), rule()) == (state, ())


def test_an_alert_is_taken_back_when_all_that_it_stands_on_is_gone() -> None:
    for story in ("!!!", "!!!."):
        state, _ = run(ticks(story), rule())
        state, none = correct(state, seen(2, False), rule())
        state, changes = correct(state, seen(0, False), rule())
        assert not none
        assert [one.kind for one in changes] == [C]
        assert state.phase is Phase.RESOLVED


def test_an_alert_of_an_open_window_waits_for_the_complete_one_not_for_late_data() -> None:
    state, _ = run([seen(1, True, is_open=True)], rule())
    assert grounds(state) == ()


def test_a_tick_that_the_alert_does_not_stand_on_takes_nothing_back() -> None:
    state, _ = run(ticks("!!!"), rule())
    assert correct(state, seen(1, False), rule()) == (state, ())


# The model: plain lists over the whole past. It finds where alerts begin and end, and keeps no state.


@dataclass(frozen=True)
class Seen:
    at: int
    holds: bool
    clears: bool


def model(history: Sequence[Observation], by: Rule) -> list[tuple[Kind, int]]:
    past = [
        Seen(
            one.at_ms,
            bool(holds),
            by.resolve_when is None or bool(one.resolves) or one.holds is one.resolves is None,
        )
        for one in history
        if (holds := counts_as(one, by)) is not None
    ]
    told: list[tuple[Kind, int]] = []
    start = 0
    while True:
        fires = [last for last in range(start, len(past)) if held_for(past[start : last + 1]) >= by.for_ms]
        if not fires:
            return told
        told.append((F, past[fires[0]].at))
        ends = [end for end in range(fires[0] + 1, len(past)) if is_over(past[: end + 1], by)]
        if not ends:
            return told
        told.append((R, past[ends[0]].at))
        start = ends[0] + 1


def held_for(past: list[Seen]) -> int:
    """How long the condition has held without a break at the last of these; -1 if it does not."""
    broken = [place for place, one in enumerate(past) if not one.holds]
    unbroken = past[broken[-1] + 1 :] if broken else past
    return past[-1].at - unbroken[0].at if unbroken else -1


def is_over(past: list[Seen], by: Rule) -> bool:
    last = past[-1]
    held = max(one.at for one in past if one.holds)
    return not last.holds and last.clears and last.at - held >= by.keep_firing_ms


trool = st.sampled_from([True, True, False, None])
rules = st.builds(
    rule,
    minutes=st.integers(0, 4),
    keep=st.integers(0, 4),
    on_no_data=st.sampled_from(OnNoData),
    hysteresis=st.booleans(),
)


@st.composite
def histories(draw: st.DrawFn, *, opens: bool = False) -> list[Observation]:
    """Complete ticks in order, some left out; before each perhaps its own open window."""
    found = []
    for minute in range(draw(st.integers(1, 30))):
        if draw(st.integers(0, 9)) == 0:
            continue
        if opens:
            found += [seen(minute, draw(trool), is_open=True) for _ in range(draw(st.integers(0, 2)))]
        value = draw(st.none() | st.floats(0, 9))
        found.append(seen(minute, draw(trool), resolves=draw(trool), value=value))
    return found


def changes_of(history: Sequence[Observation], by: Rule) -> list[list[Change]]:
    """What is told at each, in order."""
    state, told = NEW, []
    for one in history:
        state, changes = step(state, one, by)
        told.append(list(changes))
    return told


@given(histories(), rules)
def test_a_model_that_looks_at_the_whole_past_agrees_tick_by_tick(
    history: list[Observation], by: Rule
) -> None:
    told = changes_of(history, by)
    for end in range(1, len(history) + 1):
        flat = [(one.kind, one.at_ms) for changes in told[:end] for one in changes]
        assert flat == model(history[:end], by)


@given(histories(opens=True), rules)
def test_alerts_begin_and_end_in_turns_and_an_end_names_its_beginning(
    history: list[Observation], by: Rule
) -> None:
    flat = [one for changes in changes_of(history, by) for one in changes]
    for place, one in enumerate(flat):
        if place % 2 == 0:
            assert one.kind is F
            assert one.fired_ms == one.at_ms
        else:
            assert one.kind in {R, C}
            assert one.fired_ms == flat[place - 1].fired_ms
    assert len({one.fired_ms for one in flat}) == (len(flat) + 1) // 2


@given(histories(opens=True), rules.filter(lambda by: by.for_ms > 0))
def test_nothing_fires_before_its_condition_has_held_for_as_long_as_the_rule_says(
    history: list[Observation], by: Rule
) -> None:
    for place, changes in enumerate(changes_of(history, by)):
        if not any(one.kind is F for one in changes):
            continue
        at_ms = history[place].at_ms
        past = [one for one in history[: place + 1] if not one.is_open]
        within = [one for one in past if one.at_ms >= at_ms - by.for_ms]
        assert all(counts_as(one, by) is not False for one in within)
        assert past[0].at_ms <= at_ms - by.for_ms


@given(histories(opens=True), rules, st.data())
def test_a_restart_anywhere_tells_the_same(history: list[Observation], by: Rule, data: st.DataObject) -> None:
    """The state is written and read, and up to three of the last ticks are judged again."""
    state, told = NEW, []
    for place, one in enumerate(history):
        if data.draw(st.booleans()):
            state = msgspec.json.decode(msgspec.json.encode(state), type=State)
            for again in history[max(0, place - data.draw(st.integers(0, 3))) : place]:
                if not again.is_open or again.at_ms <= state.seen_ms:
                    assert step(state, again, by) == (state, ())
        state, changes = step(state, one, by)
        told.append(list(changes))
    assert told == changes_of(history, by)


@given(histories(opens=True), rules)
def test_the_last_tick_judged_again_changes_nothing(history: list[Observation], by: Rule) -> None:
    state = NEW
    for one in history:
        state, _ = step(state, one, by)
        assert step(state, one, by) == (state, ())


@given(histories(), st.integers(1, 20), st.sampled_from([rule(minutes=2), rule(keep=1), rule()]))
def test_ticks_without_data_change_nothing_where_they_do_not_count(
    history: list[Observation], missing: int, like: Rule
) -> None:
    by = rule(minutes=like.for_ms // MINUTE, keep=like.keep_firing_ms // MINUTE, on_no_data=OnNoData.KEEP)
    state, _ = run(history, by)
    assert run([seen(50 + minute, None) for minute in range(missing)], by, state) == (state, [])


@given(histories(opens=True), rules, st.lists(st.booleans(), min_size=2, max_size=2))
def test_an_alert_is_taken_back_at_most_once_and_never_while_something_bears_it_out(
    history: list[Observation], by: Rule, holds: list[bool]
) -> None:
    state, _ = run(history, by)
    found = grounds(state)
    told: list[Change] = []
    after = state
    for _ in range(2):
        for at_ms, one in zip(found, holds, strict=False):
            after, changes = correct(after, Observation(at_ms, one), by)
            told += changes
    gone = bool(found) and not any(holds[: len(found)])
    assert [one.kind for one in told] == ([C] if gone else [])
    if gone:
        assert after.phase is Phase.RESOLVED
        assert after.fired_ms is None
        assert told[0].fired_ms == state.fired_ms
