"""A load generator: keep-alive connections that each send one request after the other, over bare sockets.

It is a process of its own, so that it does not share an interpreter with what it measures.
usage: python bench/collector_load.py HOST PORT REQUESTS CONNECTIONS BATCH
prints one JSON object: seconds, requests, events, answers by status, and the latencies' p50 and p99 in ms.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from typing import cast

import uvloop

_BODIES = 500


def event(number: int, now: int) -> dict[str, object]:
    """An event as an application sends it, about 250 bytes."""
    return {
        "event_id": f"bench-{now}-{number}",
        "event": "bench",
        "event_time": now - number % 1000,
        "campaign_id": f"campaign-{number % 40}",
        "ad_id": f"ad-{number % 200}",
        "channel": "search",
        "platform": "mobile",
        "country": "DE",
        "user_id": f"user-{number % 5000}",
        "value_micros": 1_250_000,
        "properties": {"page": "/sale", "position": "3"},
    }


def requests(batch: int) -> list[bytes]:
    """Whole HTTP requests with distinct events, made before the clock runs."""
    now = time.time_ns() // 1_000_000
    made = []
    for number in range(_BODIES):
        events = [event(number * batch + place, now) for place in range(batch)]
        body = json.dumps(events[0] if batch == 1 else events, separators=(",", ":")).encode()
        head = f"POST /v1/events HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n\r\n"
        made.append(head.encode() + body)
    return made


class Connection(asyncio.Protocol):
    """One keep-alive connection: the next request follows the whole answer to the last."""

    def __init__(self, run: "Run") -> None:
        """``run`` hands out requests and takes answers."""
        self.run = run
        self.buffer = b""
        self.started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are of no class of asyncio's
        self.send()

    def send(self) -> None:
        """Send the next request, if there is one."""
        request = self.run.next()
        if request is None:
            self.transport.close()
            return
        self.started = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take an answer, whole or in part."""
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        start = head.index(b"content-length:") + 15
        length = int(head[start : (head + b"\r\n").index(b"\r\n", start)])
        if len(self.buffer) < end + 4 + length:
            return
        self.buffer = b""
        self.run.answered(int(head[9:12]), time.perf_counter() - self.started)
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count this connection out."""
        self.run.closed(exc)


class Run:
    """A bounded number of requests over a fixed number of connections."""

    def __init__(self, count: int, connections: int, batch: int) -> None:
        """``batch`` is the number of events a request."""
        self.requests = requests(batch)
        self.count = count
        self.sent = 0
        self.open = connections
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.error: str | None = None
        self.done = asyncio.Event()

    def next(self) -> bytes | None:
        """The next request, None when all were sent."""
        if self.sent == self.count:
            return None
        self.sent += 1
        return self.requests[self.sent % len(self.requests)]

    def answered(self, status: int, seconds: float) -> None:
        """Take an answer."""
        self.statuses[status] += 1
        self.latencies.append(seconds)

    def closed(self, exc: Exception | None) -> None:
        """Take the end of a connection."""
        self.error = self.error or (repr(exc) if exc else None)
        self.open -= 1
        if not self.open:
            self.done.set()


async def main(host: str, port: int, count: int, connections: int, batch: int) -> None:
    """Run and print."""
    run = Run(count, connections, batch)
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: Connection(run), host, port)
    await asyncio.wait_for(run.done.wait(), 120)
    seconds = time.perf_counter() - started
    ordered = sorted(run.latencies)
    result = {
        "seconds": seconds,
        "requests": len(ordered),
        "events": len(ordered) * batch,
        "statuses": run.statuses,
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p99_ms": ordered[len(ordered) * 99 // 100] * 1000,
        "error": run.error,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1], *map(int, sys.argv[2:])))
