"""From "accepted" to "seen in a GraphQL answer", with marked events among a steady stream (issue 4).

Runs against the cluster that `make up` started. For each rate, markers are single events of campaigns of
their own, ten a second; one client asks GraphQL for those not seen yet, twenty times a second. The baseline
is the same without the
stream: what the chain needs by itself. CPU seconds are those of all of the cluster's processes.
"""

import argparse
import asyncio
import json
import math
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import psutil

from tidemark.local.processes import cluster_processes
from tidemark.settings import Settings, settings

_MARKERS_A_SECOND = 10
_ASKS_A_SECOND = 20
_BATCH = 100
_QUERY = """query($names: [String!]!) { metrics(query: {metrics: [CLICKS], dimensions: [CAMPAIGN],
    where: [{dimension: CAMPAIGN, values: $names}], range: {lastSeconds: 600}}) { rows { campaign } } }"""


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds from accepted to seen, sorted; and what the run cost."""

    rate: int
    waits: list[float]
    sent: int
    cpu: float
    seconds: float

    def at(self, share: float) -> float:
        """The wait that ``share`` of the markers did not exceed."""
        return self.waits[min(len(self.waits) - 1, math.ceil(share * len(self.waits)) - 1)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rates", type=int, nargs="+", default=[1000, 5000], help="events a second")
    parser.add_argument("--seconds", type=float, default=40.0, help="how long each rate is held")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    options = parser.parse_args()
    own = settings()
    results = [asyncio.run(measure(own, rate, options.seconds)) for rate in (0, *options.rates)]
    if options.json:
        print(json.dumps([summary(result, results[0]) for result in results]))
        return
    print(f"accepted to seen, s, on {os.cpu_count()} cores")
    for result in results:
        figures = summary(result, results[0])
        print(
            f"{result.rate:>6}/s: p50 {figures['p50']:.2f}  p95 {figures['p95']:.2f}"
            f"  p99 {figures['p99']:.2f}  max {figures['max']:.2f}"
            f"  ({figures['p99_to_idle']:.2f} of the idle p99);"
            f" sent {figures['achieved']:.0f}/s, {figures['cores']:.2f} cores"
        )


def summary(result: Result, idle: Result) -> dict[str, float]:
    """The figures of one rate."""
    return {
        "rate": result.rate,
        "p50": statistics.median(result.waits),
        "p95": result.at(0.95),
        "p99": result.at(0.99),
        "max": result.waits[-1],
        "p99_to_idle": result.at(0.99) / idle.at(0.99),
        "achieved": result.sent / result.seconds,
        "cores": result.cpu / result.seconds,
    }


async def measure(own: Settings, rate: int, seconds: float) -> Result:
    """Hold ``rate`` for ``seconds`` and wait until every marker was seen."""
    running = cluster_processes(own)
    accepted: dict[str, float] = {}
    seen: dict[str, float] = {}
    end = asyncio.Event()
    before, start = _cpu(running), time.monotonic()
    async with httpx.AsyncClient(timeout=30) as client:
        asking = asyncio.create_task(_ask(client, own, accepted, seen, end))
        sent, _ = await asyncio.gather(
            _stream(client, own, rate, seconds), _mark(client, own, seconds, accepted)
        )
        held = time.monotonic() - start
        spent = _cpu(running) - before
        end.set()
        await asyncio.wait_for(asking, timeout=60)
    waits = sorted(seen[name] - at for name, at in accepted.items())
    return Result(rate, waits, sent, spent, held)


async def _stream(client: httpx.AsyncClient, own: Settings, rate: int, seconds: float) -> int:
    """Events in batches, on time whatever the answers take, at most 20 in flight."""
    if not rate:
        return 0
    run, sent, start = f"load-{time.time_ns()}", 0, time.monotonic()
    slots = asyncio.Semaphore(20)

    async def post(first: int) -> None:
        now = time.time_ns() // 1_000_000
        events = [
            {
                "event_id": f"{run}-{number}",
                "event": "impression",
                "event_time": now,
                "ad_id": f"a{number % 20}",
                "campaign_id": f"load-{number % 10}",
                "channel": "search",
                "user_id": f"u{number % 9999}",
            }
            for number in range(first, first + _BATCH)
        ]
        try:
            answer = await client.post(f"{own.collector_url}/v1/events", json=events)
            answer.raise_for_status()
        finally:
            slots.release()

    async with asyncio.TaskGroup() as tasks:
        while time.monotonic() - start < seconds:
            await slots.acquire()
            tasks.create_task(post(sent))
            sent += _BATCH
            await asyncio.sleep(max(0.0, start + sent / rate - time.monotonic()))
    return sent


async def _mark(client: httpx.AsyncClient, own: Settings, seconds: float, accepted: dict[str, float]) -> None:
    """One marked event after the other, and when its 200 came."""
    run, start = f"mark-{time.time_ns()}", time.monotonic()
    for number in range(int(seconds * _MARKERS_A_SECOND)):
        name = f"{run}-{number}"
        event = {
            "event_id": name,
            "event": "click",
            "event_time": time.time_ns() // 1_000_000,
            "campaign_id": name,
        }
        (await client.post(f"{own.collector_url}/v1/events", json=event)).raise_for_status()
        accepted[name] = time.monotonic()
        await asyncio.sleep(max(0.0, start + (number + 1) / _MARKERS_A_SECOND - time.monotonic()))


async def _ask(
    client: httpx.AsyncClient,
    own: Settings,
    accepted: dict[str, float],
    seen: dict[str, float],
    end: asyncio.Event,
) -> None:
    while not end.is_set() or len(seen) < len(accepted):
        missing = [name for name in accepted if name not in seen]
        if missing:
            body = {"query": _QUERY, "variables": {"names": missing[:200]}}
            answer = (await client.post(f"{own.service_url}/graphql", json=body)).raise_for_status().json()
            now = time.monotonic()
            seen.update({row["campaign"]: now for row in answer["data"]["metrics"]["rows"]})
        await asyncio.sleep(1 / _ASKS_A_SECOND)


def _cpu(processes: Sequence[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


if __name__ == "__main__":
    main()
