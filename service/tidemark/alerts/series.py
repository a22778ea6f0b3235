"""A series of a rule: its labels, what was seen of it at a tick, and what follows from that. Types only."""

from dataclasses import dataclass
from enum import StrEnum

Labels = tuple[tuple[str, str], ...]
"""Names and values, sorted by name: the series' dimensions (``campaign``), not those that the rule adds."""


class Phase(StrEnum):
    """Where a series is, as in the contract but for STALE, said of all of them while data is stale."""

    INACTIVE = "INACTIVE"
    PENDING = "PENDING"
    FIRING = "FIRING"
    RESOLVED = "RESOLVED"


@dataclass(frozen=True, slots=True)
class Observation:
    """What a rule saw of a series at a tick.

    Attributes:
        at_ms: the tick: the end of the window, Unix ms of the data's clock.
        holds: whether the condition holds; None without data.
        resolves: whether ``resolve_when`` holds; None without data, or where the rule has none.
        value: the left side of the condition's comparison; None where there is no single one.
        is_open: whether the window was not complete yet. Such an observation can fire and nothing else.
    """

    at_ms: int
    holds: bool | None
    resolves: bool | None = None
    value: float | None = None
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """What is kept of a series between ticks.

    Attributes:
        phase: where it is.
        since_ms: the first tick of this phase (of PENDING and FIRING: at which the condition began to hold).
        held_ms: the last tick at which the condition held; None if never.
        fired_ms: the tick at which it fired last; None if it never did, or if that was taken back.
        seen_ms: the newest complete tick that counted.
        value: of the last observation that had one.
        fired_open: whether it fired on a window that was not complete, which the complete one may take back.
    """

    phase: Phase = Phase.INACTIVE
    since_ms: int = 0
    held_ms: int | None = None
    fired_ms: int | None = None
    seen_ms: int = 0
    value: float | None = None
    fired_open: bool = False


class Kind(StrEnum):
    """What happened to a series that somebody is told of."""

    FIRED = "FIRED"
    RESOLVED = "RESOLVED"
    CORRECTED = "CORRECTED"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that somebody is told.

    Attributes:
        kind: what.
        at_ms: the tick that decided it.
        fired_ms: the tick at which the alert fired: with rule and labels it names the alert.
        value: as observed.
        reason: one sentence where it is not the condition alone: data that came late, no data.
    """

    kind: Kind
    at_ms: int
    fired_ms: int
    value: float | None
    reason: str = ""
