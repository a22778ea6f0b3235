"""The viewers of the dashboard benchmark, in a process of their own: 20 dashboards of six panels.

A panel is due every few seconds, whatever the answers take, and an answer is timed from the instant at
which it was due: who is late makes the next one late, and that counts. Each viewer has an address of its
own in 127.0.0.0/8, so that the service sees 20 callers and its limits are those of a day in production.

usage: python bench/dashboard_viewers.py PLAN
takes a ``Plan`` and prints a ``Seen``, both as JSON.
"""

import asyncio
import random
import sys
import time
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections import Counter
from datetime import UTC, datetime

import msgspec
import uvloop

from dashboard_panels import PANELS, Panel, document, draw, question

_PATIENCE = 30.0
_CLOSED = (IncompleteReadError, ConnectionResetError, BrokenPipeError)


class Plan(msgspec.Struct, frozen=True):
    """What the viewers do.

    Attributes:
        host: The service's.
        port: The service's.
        start: When the first panels are due, by ``time.monotonic()``, the one clock of a machine.
        warm_up: Seconds after it that do not count.
        seconds: Seconds after those that count.
        every: Seconds between two refreshes of a panel.
        viewers: How many.
        cost: Whether the answers' cost is asked for.
        together: Whether a viewer's panels are all due at once, as after a reload; else each at its own time.
    """

    host: str
    port: int
    start: float
    warm_up: float
    seconds: float
    every: float = 5.0
    viewers: int = 20
    cost: bool = False
    together: bool = False


class PanelSeen(msgspec.Struct):
    """What one panel's viewers saw: milliseconds from due to answered, and what answers say of themselves."""

    waited_ms: list[float] = msgspec.field(default_factory=list)
    lag_ms: list[float] = msgspec.field(default_factory=list)
    rows_read: list[float] = msgspec.field(default_factory=list)
    elapsed_ms: list[float] = msgspec.field(default_factory=list)
    cache_hits: int = 0
    sources: dict[str, int] = msgspec.field(default_factory=Counter)


class Seen(msgspec.Struct):
    """What all viewers saw; ``panels`` in the order of PANELS, ``errors`` with how often each came.

    ``cpu_seconds`` are the viewers' own in the seconds that count.
    """

    panels: list[PanelSeen]
    errors: dict[str, int]
    reconnects: int
    cpu_seconds: float


class _Resolved(msgspec.Struct):
    source: str


class _Freshness(msgspec.Struct, rename="camel"):
    lag_ms: float | None


class _Cost(msgspec.Struct, rename="camel"):
    rows_read: float
    elapsed_ms: float
    cache_hit: bool


class _Frame(msgspec.Struct, rename="camel"):
    resolved: _Resolved
    freshness: _Freshness
    row_count: int
    cost: _Cost | None = None


class _Data(msgspec.Struct):
    metrics: _Frame


class _Answer(msgspec.Struct):
    data: _Data | None = None
    errors: list[msgspec.Raw] | None = None


_ANSWER, _ENCODER = msgspec.json.Decoder(_Answer), msgspec.json.Encoder()


class Connection:
    """One keep-alive HTTP/1.1 connection to ``/graphql``, made anew when the server has closed it."""

    def __init__(self, plan: Plan, viewer: int) -> None:
        self.reconnects = -1
        self._plan, self._address = plan, f"127.0.1.{viewer + 1}"
        self._streams: tuple[StreamReader, StreamWriter] | None = None

    async def post(self, body: bytes) -> tuple[int, bytes]:
        """The status and the body of the answer.

        What a closing server did not read is sent once more on a new connection, as browsers do.

        Raises:
            OSError, IncompleteReadError: there is no answer.
        """
        used = self._streams
        if used is None or used[0].at_eof():
            return await _exchange(*await self._open(), body)
        try:
            return await _exchange(*used, body)
        except _CLOSED as error:
            if isinstance(error, IncompleteReadError) and error.partial:
                raise
            return await _exchange(*await self._open(), body)

    async def _open(self) -> tuple[StreamReader, StreamWriter]:
        self.close()
        self._streams = await asyncio.open_connection(
            self._plan.host, self._plan.port, local_addr=(self._address, 0)
        )
        self.reconnects += 1
        return self._streams

    def close(self) -> None:
        """Close it; the next post opens another."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


async def _exchange(reader: StreamReader, writer: StreamWriter, body: bytes) -> tuple[int, bytes]:
    writer.write(
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    start = head.index(b"content-length:") + len(b"content-length:")
    return int(head[9:12]), await reader.readexactly(int(head[start : head.index(b"\r\n", start)]))


class Run:
    """All viewers of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.seen = Seen([PanelSeen() for _ in PANELS], Counter(), 0, 0.0)
        self._documents = [document(panel, cost=plan.cost) for panel in PANELS]

    async def all(self) -> Seen:
        """Everything that they saw in the seconds that count."""
        async with asyncio.TaskGroup() as tasks:
            for viewer in range(self.plan.viewers):
                phase = random.Random(viewer)
                at_once = phase.random()
                for index in range(len(PANELS)):
                    share = at_once if self.plan.together else phase.random()
                    tasks.create_task(self._watch(viewer, index, share * self.plan.every))
            await asyncio.sleep(self.plan.start + self.plan.warm_up - time.monotonic())
            before = time.process_time()
        self.seen.cpu_seconds = time.process_time() - before
        return self.seen

    async def _watch(self, viewer: int, index: int, phase: float) -> None:
        """One panel of one viewer, from its first refresh to its last."""
        plan, panel = self.plan, PANELS[index]
        chance, connection = random.Random(viewer * len(PANELS) + index), Connection(plan, viewer)
        due, counts_from = plan.start + phase, plan.start + plan.warm_up
        while due < counts_from + plan.seconds:
            body = self._body(panel, index, chance)
            await asyncio.sleep(due - time.monotonic())
            try:
                async with asyncio.timeout(_PATIENCE):
                    status, answer = await connection.post(body)
            except (OSError, IncompleteReadError) as error:
                self.seen.errors[f"no answer: {error!r}"] += 1
                connection.close()
            else:
                self._take(index, status, answer, (time.monotonic() - due) * 1000, counts=due >= counts_from)
            due += plan.every
        self.seen.reconnects += connection.reconnects
        connection.close()

    def _body(self, panel: Panel, index: int, chance: random.Random) -> bytes:
        """A request with filters that no other refresh has but by chance."""
        asked = question(panel, draw(panel, chance), datetime.now(UTC))
        return _ENCODER.encode({"query": self._documents[index], "variables": {"query": asked}})

    def _take(self, index: int, status: int, answer: bytes, waited_ms: float, *, counts: bool) -> None:
        """Note an answer; one that is none counts as an error in the warm-up too."""
        try:
            read = _ANSWER.decode(answer)
        except msgspec.DecodeError as error:
            self.seen.errors[f"HTTP {status}, no answer of GraphQL ({error}): {answer[:200]!r}"] += 1
            return
        if status != 200 or read.errors or read.data is None:  # noqa: PLR2004
            first = bytes(read.errors[0])[:300].decode() if read.errors else "no data"
            self.seen.errors[f"HTTP {status}, panel {PANELS[index].name}: {first}"] += 1
            return
        if not counts:
            return
        seen, frame = self.seen.panels[index], read.data.metrics
        seen.waited_ms.append(waited_ms)
        seen.sources[frame.resolved.source] += 1
        if frame.freshness.lag_ms is not None:
            seen.lag_ms.append(frame.freshness.lag_ms)
        if frame.cost is not None:
            seen.rows_read.append(frame.cost.rows_read)
            seen.elapsed_ms.append(frame.cost.elapsed_ms)
            seen.cache_hits += frame.cost.cache_hit


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(Run(msgspec.json.decode(sys.argv[1], type=Plan)).all())
    sys.stdout.buffer.write(_ENCODER.encode(result))
