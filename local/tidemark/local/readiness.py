"""Waiting until every part does its work, or one of them clearly cannot."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from tidemark.local.control import State
from tidemark.local.observation import Seen
from tidemark.local.verdict import Verdict, verdicts

_DEATHS = 3  # a part that died so often since the start will not come up by waiting
_PAUSE = 0.4


class NotReadyError(RuntimeError):
    """The cluster did not get ready.

    Attributes:
        parts: the parts that are to blame.
    """

    def __init__(self, message: str, parts: Sequence[str]) -> None:
        super().__init__(message)
        self.parts = tuple(parts)


def await_ready(
    names: Sequence[str],
    look: Callable[[], Seen],
    report: Callable[[Sequence[Verdict], float], None],
    *,
    patience: float,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> float:
    """Wait until all parts are well, and return the seconds it took; ``report`` is told after each look.

    Raises:
        NotReadyError: a part keeps dying, or ``patience`` (seconds) is over.
    """
    began = clock()
    lives: dict[str, set[int]] = defaultdict(set)
    while True:
        seen = look()
        found = verdicts(names, seen)
        elapsed = clock() - began
        report(found, elapsed)
        waiting = [verdict for verdict in found if not verdict.well]
        if not waiting:
            return elapsed
        dying = _dying(seen, lives)
        if dying:
            raise NotReadyError(f"{_and(dying)} cannot start: it dies again and again.", dying)
        if elapsed > patience:
            parts = [verdict.part for verdict in waiting]
            why = "; ".join(f"{verdict.part}: {verdict.says}" for verdict in waiting)
            raise NotReadyError(f"Not ready after {patience:.0f} s: {why}.", parts)
        pause(_PAUSE)


def _dying(seen: Seen, lives: dict[str, set[int]]) -> list[str]:
    """The parts that died ``_DEATHS`` times; ``lives`` remembers the process ids between calls."""
    for process in seen.processes.values():
        if process.pid:
            lives[process.name].add(process.pid)
    return [
        name
        for name, process in seen.processes.items()
        if process.state is State.FATAL or len(lives[name]) - (1 if process.state.alive else 0) >= _DEATHS
    ]


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)
