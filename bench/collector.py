"""The collector against a bare FastAPI with a producer: singly and in batches of 100, validation included.

Both run side by side on the same brokers and are loaded in turn; the ratio is of the medians over the rounds.
The collector's events (named "bench") go to ``events.v1`` of those brokers, the baseline's to a topic that is
removed afterwards.
usage: python bench/collector.py [--bootstrap HOST:PORT] [--rounds N] [--singles N] [--batches N] [--json]
"""

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import httpx
import psutil
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tidemark.ingest.topics import ensure_topics
from tidemark.settings import Settings, settings

HERE = Path(__file__).resolve().parent
BARE_TOPIC = "bench-bare"
BATCH = 100
CONNECTIONS = 64
AIM = 0.8
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its process and where it listens."""

    process: psutil.Process
    port: int


@dataclass(frozen=True, slots=True)
class Figure:
    """One loaded round of one server; CPU seconds are of its process alone."""

    requests_per_second: float
    events_per_second: float
    cpu_seconds: float
    events_per_cpu_second: float
    p50_ms: float
    p99_ms: float


def main() -> int:
    """Measure, print, and return 0 when the aim is reached."""
    options = _options()
    host, port = options.bootstrap.rsplit(":", 1)
    config = Settings(**{**settings().model_dump(), "host": host, "kafka_port": int(port), "brokers": 1})
    ensure_topics(config)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_topic(config))
        servers = {
            "bare": stack.enter_context(_bare(options.bootstrap)),
            "collector": stack.enter_context(_collector(host, port)),
        }
        report: dict[str, Any] = {
            "cores": os.cpu_count(),
            "single": _compare(servers, rounds=options.rounds, requests=options.singles, batch=1),
            "batch": _compare(servers, rounds=options.rounds, requests=options.batches, batch=BATCH),
        }
    print(json.dumps(report) if options.json else _text(report))
    return 0 if min(report["single"]["ratio"], report["batch"]["ratio"]) >= AIM else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The collector against a bare FastAPI with a producer.")
    parser.add_argument("--bootstrap", default=settings().bootstrap.split(",")[0], help="a broker, HOST:PORT")
    parser.add_argument("--rounds", type=int, default=5, help="how often each server is loaded")
    parser.add_argument("--singles", type=int, default=10_000, help="requests of one event in a round")
    parser.add_argument("--batches", type=int, default=1_500, help="requests of 100 events in a round")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def _compare(servers: dict[str, Server], *, rounds: int, requests: int, batch: int) -> dict[str, Any]:
    """Load the servers in turn, each once to warm up and then ``rounds`` times."""
    for server in servers.values():
        _round(server, requests // 4, batch)
    figures: dict[str, list[Figure]] = {name: [] for name in servers}
    for number in range(rounds):
        for name in sorted(servers, reverse=bool(number % 2)):
            figures[name].append(_round(servers[name], requests, batch))
    bare, ours = _median(figures["bare"]), _median(figures["collector"])
    return {
        "bare": asdict(bare),
        "collector": asdict(ours),
        "ratio": ours.events_per_second / bare.events_per_second,
        "cpu_ratio": ours.events_per_cpu_second / bare.events_per_cpu_second,
    }


def _round(server: Server, requests: int, batch: int) -> Figure:
    before = server.process.cpu_times()
    arguments = [HOST, str(server.port), str(requests), str(CONNECTIONS), str(batch)]
    ran = subprocess.run(
        [sys.executable, str(HERE / "collector_load.py"), *arguments],
        check=True,
        capture_output=True,
        timeout=180,
    )
    after = server.process.cpu_times()
    result = json.loads(ran.stdout)
    if result["statuses"] != {"200": requests} or result["error"]:
        raise SystemExit(f"not every request was answered 200: {result}")
    cpu = after.user + after.system - before.user - before.system
    return Figure(
        requests_per_second=requests / result["seconds"],
        events_per_second=result["events"] / result["seconds"],
        cpu_seconds=cpu,
        events_per_cpu_second=result["events"] / cpu,
        p50_ms=result["p50_ms"],
        p99_ms=result["p99_ms"],
    )


def _median(figures: list[Figure]) -> Figure:
    return Figure(
        **{f.name: statistics.median(getattr(one, f.name) for one in figures) for f in fields(Figure)}
    )


def _text(report: dict[str, Any]) -> str:
    lines = [
        f"{report['cores']} cores, {CONNECTIONS} connections, shared with the brokers and the load generator"
    ]
    for kind in ("single", "batch"):
        part = report[kind]
        for name in ("bare", "collector"):
            figure = Figure(**part[name])
            rates = f"{figure.requests_per_second:9,.0f} requests/s{figure.events_per_second:10,.0f} events/s"
            cost = f"{figure.cpu_seconds:7.2f} CPU s{figure.events_per_cpu_second:10,.0f} events/CPU s"
            waits = f"p50 {figure.p50_ms:.1f} ms, p99 {figure.p99_ms:.1f} ms"
            lines.append(f"{kind:7}{name:10}{rates}{cost}   {waits}")
        lines.append(f"{kind:7}ratio {part['ratio']:.2f} (aim {AIM}), by CPU {part['cpu_ratio']:.2f}")
    return "\n".join(lines)


@contextlib.contextmanager
def _topic(config: Settings) -> Iterator[None]:
    """The baseline's topic, of the same shape as ``events.v1``."""
    admin = AdminClient({"bootstrap.servers": config.bootstrap})
    stamped = {"message.timestamp.type": "LogAppendTime"}
    topic = NewTopic(BARE_TOPIC, num_partitions=config.event_partitions, replication_factor=1, config=stamped)
    admin.create_topics([topic])[BARE_TOPIC].result()
    try:
        yield
    finally:
        admin.delete_topics([BARE_TOPIC])[BARE_TOPIC].result()


@contextlib.contextmanager
def _bare(bootstrap: str) -> Iterator[Server]:
    port = _free_port()
    arguments = [str(HERE / "collector_bare.py"), bootstrap, str(port), BARE_TOPIC]
    with _started(arguments, port, {}) as server:
        yield server


@contextlib.contextmanager
def _collector(host: str, kafka_port: str) -> Iterator[Server]:
    port = _free_port()
    environment = {
        "TIDEMARK_HOST": host,
        "TIDEMARK_KAFKA_PORT": kafka_port,
        "TIDEMARK_BROKERS": "1",
        "TIDEMARK_COLLECTOR_PORT": str(port),
    }
    with _started(["-m", "tidemark.ingest"], port, environment) as server:
        yield server


@contextlib.contextmanager
def _started(arguments: list[str], port: int, environment: dict[str, str]) -> Iterator[Server]:
    process = subprocess.Popen([sys.executable, *arguments], env={**os.environ, **environment})
    try:
        _wait_ready(process, port)
        yield Server(psutil.Process(process.pid), port)
    finally:
        process.terminate()
        process.wait(30)


def _wait_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://{HOST}:{port}/readyz").status_code == httpx.codes.OK:
                return
        time.sleep(0.2)
    raise SystemExit("a server did not become ready within 30 s; its messages stand above")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
