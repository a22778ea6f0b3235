"""When rules are judged, by the data's clock, and on which windows; and whether that clock stands still.

A tick is an instant, a multiple of the rule's ``every`` since 1970 in Unix ms. It is due as soon as the
watermark (``completeThrough``) has reached it.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tidemark.alerts.machine import PlainPolicy, Step, step
from tidemark.alerts.rule import Window
from tidemark.alerts.series import Observation, Phase, State
from tidemark.query.buckets import Buckets, buckets

_DATA_STALE = PlainPolicy()


@dataclass(frozen=True, slots=True)
class Ticks:
    """Which are to be judged now.

    Attributes:
        ticks: in order, Unix ms.
        skipped: how many older ones are not, and never will be.
    """

    ticks: tuple[int, ...]
    skipped: int = 0


def due(every_ms: int, judged_ms: int | None, complete_ms: int, most: int) -> Ticks:
    """The ticks that have become due since the last that was judged, in order.

    After an outage of more than ``most`` of them, it is the newest: they decide what is firing now, and an
    alert about noon that is sent at midnight helps nobody. The caller counts the skipped ones, and ``for``
    begins anew (``machine.interrupted``). A rule that is judged for the first time begins at the newest tick:
    what happened before there was a rule pages nobody.

    Args:
        every_ms: of the rule.
        judged_ms: the last tick that was judged; None if none was. Where ``every`` was changed it need not
            be a multiple.
        complete_ms: up to where data is complete.
        most: at least 1.
    """
    newest = complete_ms // every_ms * every_ms
    first = newest if judged_ms is None else (judged_ms // every_ms + 1) * every_ms
    found = range(first, newest + 1, every_ms)
    skipped = max(0, len(found) - most)
    return Ticks(tuple(found[skipped:]), skipped)


def upcoming(every_ms: int, complete_ms: int) -> int:
    """The tick whose window is still filling."""
    return (complete_ms // every_ms + 1) * every_ms


def span(window: Window, tick_ms: int) -> tuple[int, int]:
    """The window of a tick: ``[start, end)``, Unix ms; with ``upcoming``, the one that is still filling.

    A calendar's ends at the tick, too, and a tick on an edge closes the bucket before it: at midnight the
    whole day is judged, of 23 or 25 hours where a clock is set.
    """
    if window.length_ms is not None:
        return tick_ms - window.length_ms, tick_ms
    return _bucket(window, tick_ms).edges[0], tick_ms


def elapsed(window: Window, tick_ms: int) -> float:
    """Which part of the day, week or month is over at a tick, in (0, 1]; 1 of a window of a length."""
    if window.length_ms is not None:
        return 1.0
    start_ms, end_ms = _bucket(window, tick_ms).edges[:2]
    return (tick_ms - start_ms) / (end_ms - start_ms)


def _bucket(window: Window, tick_ms: int) -> Buckets:
    if window.calendar is None:
        raise ValueError("a window has neither a length nor a calendar")
    return buckets(tick_ms - 1, tick_ms, window.calendar, ZoneInfo(window.timezone))


def stale(complete_ms: int | None, now_ms: int, limit_ms: int) -> bool:
    """Whether the watermark is further behind the wall clock than the limit; not where no data ever came."""
    return complete_ms is not None and now_ms - complete_ms > limit_ms


def data_stale(state: State, complete_ms: int | None, now_ms: int, limit_ms: int) -> Step:
    """The one alert that is decided by the wall clock, since the data's clock stands still.

    It fires once, at the instant at which the lag passed the limit: whoever finds the watermark so, however
    late and however often, names the same alert. It resolves once, when the lag is within the limit.

    Args:
        state: of this alert; a new one has ``State()``.
        complete_ms: up to where data is complete; None where none ever came.
        now_ms: the wall clock.
        limit_ms: of the lag.
    """
    is_stale = stale(complete_ms, now_ms, limit_ms)
    if complete_ms is None or is_stale == (state.phase is Phase.FIRING):
        return state, ()
    # a wall clock that was set back must not make a change look old
    at_ms = max(complete_ms + limit_ms + 1 if is_stale else now_ms, state.seen_ms + 1)
    lag = (now_ms - complete_ms) / 1000
    return step(state, Observation(at_ms, holds=is_stale, value=lag), _DATA_STALE)
