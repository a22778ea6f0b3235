"""What the experiment job costs as events come in, and how soon its rows are seen (issue 6).

On the running cluster (`make up`), by rate: exposures and goal events of new users through the collector; CPU
of the TaskManagers with the job and, in the same run, without it; seconds from an exposure's acceptance until
its row is read committed from ``experiment.v1``. At the end the size of the job's state a user. The
experiment is told to the job alone, under an id of its own, and taken away again.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx
from confluent_kafka import Consumer, Producer, TopicPartition

from experiment_job import declared
from flink_run import task_managers
from tidemark.experiments.message import Message
from tidemark.ingest.topics import EXPERIMENT, JOB_EXPERIMENTS, JOB_METRICS
from tidemark.jobs.rest import Flink
from tidemark.settings import Settings, settings

_BATCH, _GOALS = 100, 4
"""Events of one request; goal events that follow an exposure."""

_MARKER_SECONDS = 0.5
_TIDEMARK = Path(sys.executable).with_name("tidemark")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rates", type=int, nargs="+", default=[0, 100, 1_000, 3_000], help="events a second"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each is measured")
    options = parser.parse_args()
    own = settings()
    name = f"bench-{time.time_ns()}"
    with _told(own, name), _Seen(own, name) as seen:
        users = 0
        for rate in options.rates:
            print(f"{rate:6,} events/s: ", end="", flush=True)
            with_it, late = _run(own, name, rate, options.seconds, seen)
            users += round(rate * (options.seconds + 5) / (1 + _GOALS))
            subprocess.run([_TIDEMARK, "jobs", "stop", "experiment"], check=True, capture_output=True)
            without, _ = _run(own, f"{name}-off", rate, options.seconds, None)
            subprocess.run([_TIDEMARK, "jobs", "submit", "experiment"], check=True, capture_output=True)
            print(
                f"{with_it - without:5.2f} cores more than the {without:.2f} without the job "
                f"(ratio {with_it / without:.2f}); rows seen p50 {_at(late, 0.5):.2f} s, "
                f"p95 {_at(late, 0.95):.2f} s",
                flush=True,
            )
        size = _state(own)
        print(
            f"state: {size / 1e6:.1f} MB, at most {size / max(users, 1):,.0f} bytes each of {users:,} users"
        )


@contextmanager
def _told(own: Settings, name: str) -> Iterator[None]:
    rows = declared(own, name)
    sent = [(JOB_METRICS, row) for row in rows.metrics] + [(JOB_EXPERIMENTS, row) for row in rows.experiments]
    _send(own, sent)
    try:
        yield
    finally:
        _send(own, [(topic, Message(row.key, None)) for topic, row in sent])


def _send(own: Settings, rows: list[tuple[str, Message]]) -> None:
    producer = Producer({"bootstrap.servers": own.bootstrap})
    for topic, row in rows:
        producer.produce(topic, key=row.key, value=row.value)
    producer.flush()


class _Seen:
    """When each marker's row came, by ``time.monotonic()``; its exposure has a country of its own."""

    def __init__(self, own: Settings, name: str) -> None:
        self.at: dict[str, float] = {}
        self._name = name
        self._consumer = Consumer(
            {
                "bootstrap.servers": own.bootstrap,
                "group.id": name,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
            }
        )
        place = TopicPartition(EXPERIMENT, 0)
        _, place.offset = self._consumer.get_watermark_offsets(place)
        self._consumer.assign([place])
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while not self._ended.is_set():
            message = self._consumer.poll(0.2)
            if message is None or message.error() is not None:
                continue
            row = json.loads(message.value() or b"")
            if row["experiment_id"] == self._name:
                self.at.setdefault(row["country"], time.monotonic())


def _run(
    own: Settings, name: str, rate: int, seconds: float, seen: _Seen | None
) -> tuple[float, list[float]]:
    """Cores of the TaskManagers at this rate, after 5 s of warm-up, and how late each marker's row was."""
    accepted: dict[str, float] = {}
    start, number, marker = time.monotonic(), 0, 0
    before: tuple[float, float] | None = None
    with httpx.Client(timeout=30) as http:

        def post(events: list[dict[str, object]]) -> None:
            http.post(f"{own.collector_url}/v1/events", json=events).raise_for_status()

        while (now := time.monotonic() - start) < seconds + 5:
            if now >= 5 and before is None:  # noqa: PLR2004
                before = (time.monotonic(), _spent(own))
            while number < now * rate:
                post([_event(name, number + place) for place in range(_BATCH)])
                number += _BATCH
            if seen is not None and now >= marker * _MARKER_SECONDS:
                country = f"{rate}-{marker}"
                post([_exposure(name, f"{name}-{country}", country)])
                accepted[country] = time.monotonic()
                marker += 1
            time.sleep(0.01)
    if before is None:
        raise SystemExit("the run was shorter than its warm-up; give --seconds more")
    cores = (_spent(own) - before[1]) / (time.monotonic() - before[0])
    if seen is None:
        return cores, []
    until = time.monotonic() + 30
    while not accepted.keys() <= seen.at.keys():
        if time.monotonic() > until:
            missing = len(accepted.keys() - seen.at.keys())
            raise SystemExit(f"{missing} of {len(accepted)} markers' rows did not come within 30 s")
        time.sleep(0.1)
    return cores, [seen.at[country] - at for country, at in accepted.items()]


def _event(name: str, number: int) -> dict[str, object]:
    """The exposure of a new user, or a goal event of one that was exposed a second ago or longer."""
    user, step = number // (1 + _GOALS), number % (1 + _GOALS)
    if step == 0:
        return _exposure(name, f"{name}-{user}", ("DE", "FR", "US")[user % 3])
    event = ("click", "conversion")[step % 2]
    return {
        "event_id": f"{name}-{number}", "event": event, "event_time": time.time_ns() // 1_000_000,
        "user_id": f"{name}-{max(0, user - 200 * step)}", "value_micros": 1_000_000, "source": "web",
    }  # fmt: skip


def _exposure(name: str, user: str, country: str) -> dict[str, object]:
    return {
        "event_id": f"{user}-exposure", "event": "exposure", "event_time": time.time_ns() // 1_000_000,
        "user_id": user, "experiment_id": name, "variant": ("control", "treatment")[len(user) % 2],
        "country": country, "source": "web",
    }  # fmt: skip


def _spent(own: Settings) -> float:
    return sum(times.user + times.system for times in (one.cpu_times() for one in task_managers(own)))


def _state(own: Settings) -> int:
    """Bytes of the newest checkpoint's whole state."""
    flink = Flink(own.flink_url)
    run = next(run for run in flink.runs() if run.name == "experiment" and run.alive)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        told = httpx.get(f"{own.flink_url}/jobs/{run.id}/checkpoints").json()
        found = told.get("latest", {}).get("completed")  # a job that is starting has no latest one
        if found:
            return int(found["state_size"])
        time.sleep(0.5)
    raise SystemExit("the experiment job took no checkpoint within a minute")


def _at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


if __name__ == "__main__":
    main()
