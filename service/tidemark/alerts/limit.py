"""One rule at one tick: all of its series, and its end where there are too many of them. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tidemark.alerts.machine import NEW, PlainPolicy, Step, counts_as, interrupted, step
from tidemark.alerts.rule import Rule
from tidemark.alerts.series import Change, Labels, Observation, Phase, State

TOO_MANY = "TooManyInstances"
"""The alert of a rule whose condition holds for more series than ``max_instances``."""
History = Sequence[tuple[int, Mapping[Labels, Observation]]]
"""Complete ticks in order, each with what was seen of the series; one that is missing has no data."""
_AT_ONCE = PlainPolicy()
_QUIET = frozenset({Phase.INACTIVE, Phase.RESOLVED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tick did to a rule.

    Attributes:
        at_ms: the tick.
        states: those that the tick changed.
        changes: in the order of the labels.
        limit: the state of the rule's alert ``TooManyInstances``.
        limit_changes: and what is told of it; values are numbers of series.
    """

    at_ms: int
    states: Mapping[Labels, State]
    changes: tuple[tuple[Labels, Change], ...]
    limit: State
    limit_changes: tuple[Change, ...] = field(default=())


def judge(
    rule: Rule,
    at_ms: int,
    observations: Mapping[Labels, Observation],
    states: Mapping[Labels, State],
    limit: State = NEW,
    *,
    is_open: bool = False,
) -> Outcome:
    """Step every series, or none where the condition holds for more of them than the rule may have.

    Then one alert says so, and what was pending begins anew after it; what fires goes on until a tick is
    judged that has few enough. While a window fills, some may fire before there are too many; what they tell
    is true.

    Args:
        rule: whose series they are.
        at_ms: the tick; observations are of it.
        observations: at least of the series of which the condition holds. One that pends or fires and is
            missing counts as without data.
        states: that are kept, from the tick before.
        limit: of the rule's alert ``TooManyInstances``.
        is_open: whether the window is not complete; so are the observations then.
    """
    # a window that still fills lacks the data of many, which is no alert
    holding = (one.holds if is_open else counts_as(one, rule) for one in observations.values())
    count = sum(1 for holds in holding if holds)
    after_limit, limit_changes = _limited(rule, at_ms, count, limit, is_open=is_open)
    if count > rule.max_instances:
        changed = {} if is_open else paused(states, at_ms)
        return Outcome(at_ms, changed, (), after_limit, limit_changes)
    stepped: dict[Labels, State] = {}
    changes: list[tuple[Labels, Change]] = []
    gone = () if is_open else _gone(at_ms, observations, states)
    for labels, observation in (*observations.items(), *gone):
        state = states.get(labels, NEW)
        if state.phase in _QUIET and not counts_as(observation, rule):
            continue  # nothing follows, and there may be thousands
        after, told = step(state, observation, rule)
        if after != state:
            stepped[labels] = after
        changes += ((labels, change) for change in told)
    return Outcome(at_ms, stepped, tuple(sorted(changes, key=_labels)), after_limit, limit_changes)


def paused(states: Mapping[Labels, State], at_ms: int) -> dict[Labels, State]:
    """Those states that change because ticks before ``at_ms`` were skipped, or this one was not judged."""
    after = {labels: interrupted(state, at_ms) for labels, state in states.items()}
    return {labels: state for labels, state in after.items() if state != states[labels]}


def replay(rule: Rule, history: History) -> Iterator[Outcome]:
    """Judge ticks one after the other, as if the rule had been there from the first."""
    states: dict[Labels, State] = {}
    limit = NEW
    for at_ms, observations in history:
        outcome = judge(rule, at_ms, observations, states, limit)
        states |= outcome.states
        limit = outcome.limit
        yield outcome


def _limited(rule: Rule, at_ms: int, count: int, limit: State, *, is_open: bool) -> Step:
    is_over = count > rule.max_instances
    if limit.phase in _QUIET and not is_over:
        return limit, ()
    return step(limit, Observation(at_ms, holds=is_over, value=count, is_open=is_open), _AT_ONCE)


def _gone(
    at_ms: int, observations: Mapping[Labels, Observation], states: Mapping[Labels, State]
) -> Iterable[tuple[Labels, Observation]]:
    for labels, state in states.items():
        if state.phase not in _QUIET and labels not in observations:
            yield labels, Observation(at_ms, None)


def _labels(change: tuple[Labels, Change]) -> Labels:
    return change[0]
