"""What follows from what was seen: the states of one series of one rule. Pure; all times are the data's.

``INACTIVE`` → ``PENDING`` (the condition holds, not for long enough yet) → ``FIRING`` → ``RESOLVED``, from
which a new alert may begin. Words and ways are those of Prometheus' alerting rules (``for``,
``keep_firing_for``), with hysteresis, data that is missing and data that comes late beside them.
"""

from dataclasses import dataclass, replace
from typing import Protocol

from tidemark.alerts.rule import OnNoData
from tidemark.alerts.series import Change, Kind, Observation, Phase, State

Step = tuple[State, tuple[Change, ...]]
NEW = State()
"""Of a series that nothing was seen of."""
_NO_DATA = "there is no data, which counts as {}"
_TAKEN_BACK = "the window was not complete when the alert fired; complete, it does not meet the condition"
_LATE = "data that came late took back what the alert stood on"


class Policy(Protocol):
    """What of a rule decides; every ``Rule`` is one. Lengths are ms, see there."""

    @property
    def for_ms(self) -> int: ...  # noqa: D102 - see Rule

    @property
    def keep_firing_ms(self) -> int: ...  # noqa: D102

    @property
    def on_no_data(self) -> OnNoData: ...  # noqa: D102

    @property
    def resolve_when(self) -> object | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class PlainPolicy:
    """Fires at once and resolves at once: that of the alerts that are built in."""

    for_ms: int = 0
    keep_firing_ms: int = 0
    on_no_data: OnNoData = OnNoData.KEEP
    resolve_when: None = None


def step(state: State, observation: Observation, rule: Policy) -> Step:
    """The state after a tick, and what somebody is told of it.

    Complete ticks are to come in order. One at or before ``state.seen_ms`` changes nothing, so that a tick
    may be judged again after a crash. An open one fires, if nothing fires yet and the rule has no ``for``,
    and does nothing else; the complete window of the same tick then confirms it or takes it back (CORRECTED).
    """
    if observation.at_ms <= state.seen_ms:
        return state, ()
    if observation.is_open:
        may_fire = observation.holds and rule.for_ms == 0 and state.phase is not Phase.FIRING
        return _fired(state, observation, observation.at_ms, is_open=True) if may_fire else (state, ())
    holds = counts_as(observation, rule)
    return (state, ()) if holds is None else _complete(state, observation, rule, holds=holds)


def counts_as(observation: Observation, rule: Policy) -> bool | None:
    """Whether the condition holds, a tick without data being what the rule says; None: it does not count."""
    if observation.holds is not None:
        return observation.holds
    return None if rule.on_no_data is OnNoData.KEEP else rule.on_no_data is OnNoData.ALERT


def interrupted(state: State, at_ms: int) -> State:
    """After ticks that were not judged: whether the condition held then is unknown, so ``for`` begins anew.

    What fires goes on; the next tick decides.
    """
    if state.phase is Phase.PENDING:
        return replace(state, phase=Phase.INACTIVE, since_ms=at_ms)
    return state


def grounds(state: State) -> tuple[int, ...]:
    """The ticks that the last alert stands on, newest first: the last that bore it out, the one that fired.

    They are to be judged again, in this order, when late data touched their windows. Empty where no alert
    can be taken back: there was none, it was taken back already, or its window is not complete yet.
    """
    if state.fired_ms is None or state.fired_open or state.phase not in {Phase.FIRING, Phase.RESOLVED}:
        return ()
    if state.held_ms is not None and state.held_ms > state.fired_ms:
        return state.held_ms, state.fired_ms
    return (state.fired_ms,)


def correct(state: State, observation: Observation, rule: Policy) -> Step:
    """The state after one of its ``grounds`` was judged again, on data that came late.

    An alert is taken back, once, when it holds neither at the tick at which it fired nor at the last one at
    which it held. So one that goes on rightly is not taken back and told again for the sake of a beginning
    that was early. A series taken back is RESOLVED and has no ``fired_ms``.
    """
    found = grounds(state)
    if observation.at_ms not in found or counts_as(observation, rule) is not False:
        return state, ()
    fired_ms = found[-1]
    if observation.at_ms > fired_ms:
        return replace(state, held_ms=fired_ms), ()
    if len(found) > 1:
        return state, ()
    return _corrected(state, observation, fired_ms, _LATE)


def _complete(state: State, observation: Observation, rule: Policy, *, holds: bool) -> Step:
    """Of a complete window that counts."""
    at_ms = observation.at_ms
    if state.fired_open and state.fired_ms is not None and at_ms < state.fired_ms:
        return replace(state, seen_ms=at_ms), ()  # of an earlier window than the one that fired
    seen = replace(state, seen_ms=at_ms, value=_value(state, observation))
    if state.phase is Phase.FIRING:
        return _firing(seen, observation, rule, holds=holds)
    if holds:
        since_ms = state.since_ms if state.phase is Phase.PENDING else at_ms
        if at_ms - since_ms >= rule.for_ms:
            return _fired(seen, observation, since_ms)
        return replace(seen, phase=Phase.PENDING, since_ms=since_ms, held_ms=at_ms), ()
    if state.phase is Phase.PENDING:
        return replace(seen, phase=Phase.INACTIVE, since_ms=at_ms), ()
    return seen, ()


def _value(state: State, observation: Observation) -> float | None:
    return state.value if observation.value is None else observation.value


def _fired(state: State, observation: Observation, since_ms: int, *, is_open: bool = False) -> Step:
    at_ms = observation.at_ms
    reason = "" if observation.holds else _NO_DATA.format("the condition holding")
    fired = replace(
        state,
        phase=Phase.FIRING,
        since_ms=since_ms,
        held_ms=at_ms,
        fired_ms=at_ms,
        value=_value(state, observation),
        fired_open=is_open,
    )
    return fired, (Change(Kind.FIRED, at_ms, at_ms, observation.value, reason),)


def _firing(state: State, observation: Observation, rule: Policy, *, holds: bool) -> Step:
    """Of a series that fires."""
    at_ms, fired_ms = observation.at_ms, state.fired_ms
    if fired_ms is None:
        raise ValueError(f"a series fires since {state.since_ms} and has no tick at which it fired")
    if holds:
        return replace(state, held_ms=at_ms, fired_open=False), ()
    if state.fired_open and at_ms == fired_ms:
        return _corrected(state, observation, fired_ms, _TAKEN_BACK)
    confirmed = replace(state, fired_open=False)
    held_ms = fired_ms if state.held_ms is None else state.held_ms
    if not ends(observation, rule, held_ms):
        return confirmed, ()
    reason = _NO_DATA.format("OK") if observation.holds is None else ""
    resolved = replace(confirmed, phase=Phase.RESOLVED, since_ms=at_ms)
    return resolved, (Change(Kind.RESOLVED, at_ms, fired_ms, observation.value, reason),)


def ends(observation: Observation, rule: Policy, held_ms: int) -> bool:
    """Whether a series that fires, and of which the condition held last at ``held_ms``, fires no longer."""
    is_quiet = counts_as(observation, rule) is False
    return is_quiet and observation.at_ms - held_ms >= rule.keep_firing_ms and _clears(observation, rule)


def _clears(observation: Observation, rule: Policy) -> bool:
    """Whether what is no longer the case is so by the hysteresis, too.

    A series without any data that counts as OK is over, or one that is gone for good would fire for ever.
    """
    if rule.resolve_when is None or observation.resolves:
        return True
    return observation.holds is None and observation.resolves is None


def _corrected(state: State, observation: Observation, fired_ms: int, reason: str) -> Step:
    is_firing = state.phase is Phase.FIRING
    after = replace(
        state,
        phase=Phase.RESOLVED,
        since_ms=state.seen_ms if is_firing else state.since_ms,
        fired_ms=None,
        fired_open=False,
        value=_value(state, observation),
    )
    return after, (Change(Kind.CORRECTED, observation.at_ms, fired_ms, observation.value, reason),)
