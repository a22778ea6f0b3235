"""Batches of events, as they go through the collector's door, and their pace."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass

import msgspec

from tidemark.ingest.replay.event import Event

MOST_EVENTS = 400
MOST_BYTES = 450_000
"""The collector takes 500 kB a batch; the rest is room."""
_SHORTEST_WAIT = 0.05
"""Seconds: a pace that is kept to 50 ms needs twenty requests a second, not one an event."""

Sleep = Callable[[float], Awaitable[None]]
Clock = Callable[[], float]

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that are sent together.

    Attributes:
        events: the events.
        numbers: for each the row of the file, or the number in its run, that it came from.
        lines: each event as JSON.
    """

    events: tuple[Event, ...]
    numbers: tuple[int, ...]
    lines: tuple[bytes, ...]

    def body(self) -> bytes:
        """The batch as NDJSON."""
        return b"\n".join(self.lines)

    def halves(self) -> "tuple[Batch, Batch]":
        """The batch in two, for a collector that finds it too large."""
        middle = len(self.events) // 2
        return (
            Batch(self.events[:middle], self.numbers[:middle], self.lines[:middle]),
            Batch(self.events[middle:], self.numbers[middle:], self.lines[middle:]),
        )


def batch_of(numbered: Iterable[tuple[int, Event]]) -> Batch:
    """One batch of all of these."""
    pairs = list(numbered)
    return Batch(
        tuple(event for _, event in pairs),
        tuple(number for number, _ in pairs),
        tuple(_encode(event) for _, event in pairs),
    )


class Pace:
    """When an event is due, by its time relative to the first one's.

    Files are not always in order: what is older than an event before it is due at once.
    """

    def __init__(self, factor: float, *, clock: Clock) -> None:
        self._factor = factor
        self._clock = clock
        self._start: tuple[float, int] | None = None
        self._newest = 0

    def wait(self, event: Event) -> float:
        """Seconds until the event is due; 0 or less when it is."""
        if self._start is None:
            self._start = self._clock(), event.event_time
        started, first = self._start
        self._newest = max(self._newest, event.event_time)
        return started + (self._newest - first) / 1000 / self._factor - self._clock()


async def batches(
    numbered: Iterable[tuple[int, Event]], *, pace: Pace | None = None, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[Batch]:
    """Group events, in order, into batches the collector takes.

    Args:
        numbered: events with their numbers.
        pace: makes each wait until it is due; None: as fast as they are taken.
        sleep: waits for so many seconds.
    """
    events: list[Event] = []
    numbers: list[int] = []
    lines: list[bytes] = []
    size = 0
    for number, event in numbered:
        wait = pace.wait(event) if pace else 0.0
        line = _encode(event)
        full = len(events) == MOST_EVENTS or size + len(line) + 1 > MOST_BYTES
        if events and (full or wait > _SHORTEST_WAIT):
            yield Batch(tuple(events), tuple(numbers), tuple(lines))
            events, numbers, lines, size = [], [], [], 0
        if wait > _SHORTEST_WAIT:
            await sleep(wait)
        events.append(event)
        numbers.append(number)
        lines.append(line)
        size += len(line) + 1
    if events:
        yield Batch(tuple(events), tuple(numbers), tuple(lines))
