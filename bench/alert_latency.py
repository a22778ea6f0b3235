"""From "accepted" to the receiver's socket, with the shipped rules and 50 campaigns (issue 7).

On a Tidemark of its own. Probes are single spend events of campaigns of their own that cross the line at
once: those with a daily budget are told on the window that is filling (BudgetSpent), those without when the
minute is full (SpendWithoutConversions). The baseline is the same without a stream; what the figures hold
beyond it is what the load adds. CPU seconds are those of all of the cluster's processes.
"""

import argparse
import asyncio
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import yaml

import population
from tidemark.local.processes import cluster_processes

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from cluster import Cluster, now_ms
from webhook import Webhook, listening

if TYPE_CHECKING:
    from tidemark.settings import Settings

_STREAM = Path(__file__).with_name("event_stream.py")
_CAMPAIGNS, _MINUTE = 50, 60_000
_WARM = 60.0
"""Seconds that the stream runs before the probes: Java compiles."""

_BUDGET = 100
"""Of a probe with a budget, in currency units."""

_SPENT = {"budget": 150_000_000, "minute": 400_000_000}
"""What a probe of either kind spends, micros: over its line, and not over the other's."""


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds from accepted to told of one rate; of full minutes also from the minute's end."""

    rate: int
    filling: list[float]
    full: list[float]
    after_full: list[float]
    cores: float


def main() -> int:
    """Measure and print; 1 when an aim is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=int, default=1_000, help="events a second")
    parser.add_argument("--probes", type=int, default=45, help="of each kind and rate; the rules take 100")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidemark-") as folder:
        cluster = Cluster(Path(folder))
        _declare(cluster, options.probes)
        cluster.start()
        try:
            with listening(cluster.webhook_port) as webhook:
                results = [_measured(cluster, webhook, rate, options.probes) for rate in (0, options.rate)]
        finally:
            cluster.stop()
    print(f"accepted to the receiver's socket, s, {options.probes} probes each, on {os.cpu_count()} cores")
    idle = results[0]
    for one in results:
        print(
            f"{one.rate:>6}/s ({one.cores:.2f} cores): filling window {_shown(one.filling)} "
            f"({_p99(one.filling) / _p99(idle.filling):.2f} of the idle p99); "
            f"full minute {_shown(one.full)}, after its end {_shown(one.after_full)}"
        )
    worst = results[-1]
    missed = [
        name
        for name, seconds, most in (
            ("filling window", _p99(worst.filling), 10.0),
            ("full minute", _p99(worst.full), 65.0),
        )
        if seconds > most
    ]
    for name in missed:
        print(f"missed: {name}", file=sys.stderr)
    return 1 if missed else 0


def _declare(cluster: Cluster, probes: int) -> None:
    known = [{"id": population.campaign(number + 1), "daily_budget": 1e9} for number in range(_CAMPAIGNS)]
    known += [
        {"id": f"budget-{rate}-{number}", "daily_budget": _BUDGET}
        for rate in ("idle", "load")
        for number in range(probes)
    ]
    (cluster.catalogue / "campaigns.yaml").write_text(yaml.safe_dump(known), encoding="utf-8")
    receivers = yaml.safe_load((cluster.catalogue / "receivers.yaml").read_text(encoding="utf-8"))
    receivers["receivers"] = [
        {**receivers["receivers"][0], "matchers": [], "group_by": ["alertname", "campaign"]}
    ]
    (cluster.catalogue / "receivers.yaml").write_text(yaml.safe_dump(receivers), encoding="utf-8")


def _measured(cluster: Cluster, webhook: Webhook, rate: int, probes: int) -> Result:
    kind = "load" if rate else "idle"
    seconds = _WARM + probes * 2 + 10
    print(f"{rate} events/s for {seconds:.0f} s", file=sys.stderr, flush=True)
    url = cluster.settings.collector_url
    stream = (
        subprocess.Popen(
            [sys.executable, _STREAM, url, str(rate), str(seconds), str(_CAMPAIGNS)], stdout=subprocess.PIPE
        )
        if rate
        else None
    )
    try:
        if rate:
            time.sleep(_WARM)
        running, start = cluster_processes(cluster.settings), time.monotonic()
        before = _cpu(running)
        accepted, ends = asyncio.run(_probe(cluster.settings, kind, probes))
        cores = (_cpu(running) - before) / (time.monotonic() - start)
        cluster.until(lambda: accepted.keys() <= _told(webhook).keys(), within=120, what="every alert")
        if stream is not None:
            sent = json.loads(stream.communicate()[0])
            if sent["events"] / sent["seconds"] < 0.95 * rate:
                raise SystemExit(f"the stream did not keep up: {sent}")
    finally:
        if stream is not None:
            stream.kill()
    told = _told(webhook)
    waits = {name: told[name] - at for name, at in accepted.items()}
    return Result(
        rate,
        sorted(wait for name, wait in waits.items() if name.startswith("budget")),
        sorted(wait for name, wait in waits.items() if name.startswith("minute")),
        sorted(told[name] - end for name, end in ends.items()),
        cores,
    )


async def _probe(own: "Settings", kind: str, probes: int) -> tuple[dict[str, float], dict[str, float]]:
    """One of each kind every two seconds: when they were accepted, and when their minutes end (monotonic)."""
    accepted: dict[str, float] = {}
    ends: dict[str, float] = {}
    start = time.monotonic()
    async with httpx.AsyncClient(timeout=30) as client:
        for number in range(probes):
            for line, spent in _SPENT.items():
                name, at = f"{line}-{kind}-{number}", now_ms()
                event = {
                    "event": "spend",
                    "event_id": f"{name}-{at}",
                    "event_time": at,
                    "campaign_id": name,
                    "cost_micros": spent,
                }
                (await client.post(f"{own.collector_url}/v1/events", json=event)).raise_for_status()
                accepted[name] = time.monotonic()
                if line == "minute":
                    ends[name] = accepted[name] + (_MINUTE - at % _MINUTE) / 1000
                await asyncio.sleep(max(0.0, start + len(accepted) - time.monotonic()))
    return accepted, ends


def _told(webhook: Webhook) -> dict[str, float]:
    """When each probe was told first: of those with a budget BudgetSpent, else SpendWithoutConversions."""
    found: dict[str, float] = {}
    for one in webhook.told:
        group = one.payload["groupLabels"]
        name, rule = group.get("campaign", ""), group["alertname"]
        wanted = "BudgetSpent" if name.startswith("budget") else "SpendWithoutConversions"
        if rule == wanted and one.payload["status"] == "firing":
            found.setdefault(name, one.at)
    return found


def _shown(waits: Sequence[float]) -> str:
    return f"p50 {statistics.median(waits):.2f} p99 {_p99(waits):.2f}"


def _p99(waits: Sequence[float]) -> float:
    return waits[min(len(waits) - 1, math.ceil(0.99 * len(waits)) - 1)]


def _cpu(processes: Sequence[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


if __name__ == "__main__":
    raise SystemExit(main())
