"""The events that come in while a benchmark runs, from a process of its own.

usage: python bench/event_stream.py COLLECTOR_URL EVENTS_A_SECOND SECONDS [CAMPAIGNS]
sends batches of 100, each when it is due whatever the answers take, at most 20 of them under way; prints
one JSON object: events sent and accepted, seconds, CPU seconds. Anything but an acceptance ends it with a
failure.
"""

import asyncio
import json
import random
import sys
import time

import httpx
import msgspec

import population

_BATCH = 100
_UNDER_WAY = 20


async def main(url: str, rate: int, seconds: float, campaigns: int = population.CAMPAIGNS) -> None:
    """Send and print."""
    chance, run, start = random.Random(time.time_ns()), f"live-{time.time_ns()}", time.monotonic()
    slots, sent = asyncio.Semaphore(_UNDER_WAY), 0

    async def post(body: bytes) -> None:
        try:
            answer = (await client.post(f"{url}/v1/events", content=body)).raise_for_status().json()
            if answer != {"accepted": _BATCH, "rejected": []}:
                raise RuntimeError(f"the collector refused events of the stream: {answer}")
        finally:
            slots.release()

    async with httpx.AsyncClient(timeout=30) as client, asyncio.TaskGroup() as tasks:
        for batch in range(round(rate * seconds / _BATCH)):
            await asyncio.sleep(start + batch * _BATCH / rate - time.monotonic())
            await slots.acquire()
            now = time.time_ns() // 1_000_000
            events = [
                population.event(chance, f"{run}-{sent + place}", now, campaigns) for place in range(_BATCH)
            ]
            tasks.create_task(post(msgspec.json.encode(events)))
            sent += _BATCH
    spent = {"events": sent, "seconds": time.monotonic() - start, "cpu_seconds": time.process_time()}
    print(json.dumps(spent))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), *map(int, sys.argv[4:])))
