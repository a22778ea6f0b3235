"""Every process is killed under traffic.

Afterwards the totals are right to the event, and nothing was done by hand.
"""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from cluster import Cluster, now_ms

MINUTE = 60_000


class Traffic:
    """A client that sends small batches one after the other and notes every answer."""

    def __init__(self, cluster: Cluster, run: str, *, retry: bool = True) -> None:
        self.cluster, self.run, self.retry = cluster, run, retry
        self.sent = 0
        self.statuses: dict[int, int] = {}
        self.longest = 0.0
        self.failures: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _send(self) -> None:
        with httpx.Client(timeout=30) as http:
            while not self._ended.is_set():
                at = now_ms()
                batch = [
                    {
                        "event_id": f"{self.run}-{self.sent + n}",
                        "event": "click",
                        "event_time": at,
                        "campaign_id": self.run,
                    }
                    for n in range(20)
                ]
                self._deliver(http, batch)
                self.sent += len(batch)
                self._ended.wait(0.02)

    def _deliver(self, http: httpx.Client, batch: list[dict[str, object]]) -> None:
        url = f"{self.cluster.settings.collector_url}/v1/events"
        until = time.monotonic() + 120
        while time.monotonic() < until:
            start = time.monotonic()
            try:
                status = http.post(url, json=batch).status_code
            except httpx.TransportError as error:
                status = 0
                self.failures.append(repr(error))
            self.longest = max(self.longest, time.monotonic() - start)
            self.statuses[status] = self.statuses.get(status, 0) + 1
            if status == 200:
                return
            time.sleep(0.1)
        raise AssertionError(f"a batch was not taken within 120 s: {self.statuses}")


@contextmanager
def traffic(cluster: Cluster, name: str) -> Iterator[Traffic]:
    started = now_ms()
    with Traffic(cluster, f"{name}-{started}") as running:
        cluster.until(lambda: running.sent > 200, within=30, what="traffic")
        yield running
    cluster.await_through(now_ms(), within=90)
    bounds = {"start_ms": started - MINUTE, "end_ms": now_ms() + MINUTE}
    cluster.until(
        lambda: (
            cluster.campaign(running.run, "clicks", "events", **bounds)
            == {"clicks": running.sent, "events": running.sent}
        ),
        within=30,
        what=f"{running.sent} clicks (answered: {cluster.campaign(running.run, 'clicks', **bounds)})",
    )


def watch(cluster: Cluster, killed: float, is_back: Callable[[], bool]) -> float:
    """Ask for the freshness until the part is back and answers were fresh for ten seconds.

    Returns how long after the kill the last answer came that was more than five seconds behind, or none came.
    """
    last_stale = 0.0
    while time.monotonic() < killed + 180:
        try:
            lag = cluster.freshness()["lagMs"]
        except (httpx.TransportError, AssertionError):
            lag = None
        elapsed = time.monotonic() - killed
        if lag is None or lag > 5000 or not is_back():
            last_stale = elapsed
        elif elapsed - last_stale > 10:
            return last_stale
        time.sleep(0.1)
    raise AssertionError(f"not fresh within 180 s: {cluster.freshness()}")


@pytest.mark.parametrize(
    "part", ["service", "taskmanager-1", "taskmanager-2", "jobmanager", "collector", "kafka-1"]
)
def test_totals_are_right_to_the_event_after_a_kill(cluster: Cluster, part: str) -> None:
    with traffic(cluster, part) as running:
        before = cluster.pid(part)
        cluster.kill(part, signal.SIGKILL)
        killed = time.monotonic()
        stale = watch(cluster, killed, lambda: cluster.pid(part) not in (0, before))
        print(f"{part}: fresh again after {stale:.1f} s; answers {running.statuses}")


def test_a_replay_goes_on_when_the_collector_is_killed_in_the_middle_of_it(
    cluster: Cluster, tmp_path: Path
) -> None:
    run, rows, start = f"replay-{now_ms()}", 150_000, now_ms() - 10 * MINUTE
    with (tmp_path / "clicks.ndjson").open("w") as file:
        file.writelines(json.dumps({"at": start + row, "campaign": run}) + "\n" for row in range(rows))
    (tmp_path / "map.yaml").write_text(
        "common:\n  event_id: '{campaign}-{row}'\n  event_time: {column: at, format: unix-milliseconds}\n"
        "  campaign_id: '{campaign}'\nevents:\n  - event: click\n"
    )
    with ThreadPoolExecutor(1) as pool:
        replay = pool.submit(
            cluster.tidemark,
            "replay",
            str(tmp_path / "clicks.ndjson"),
            "--map",
            str(tmp_path / "map.yaml"),
            "--json",
        )
        bounds = {"start_ms": start - MINUTE, "end_ms": start + 5 * MINUTE}
        cluster.until(
            lambda: bool(cluster.campaign(run, "clicks", **bounds)), within=60, what="its first events"
        )
        assert not replay.done()
        cluster.kill("collector", signal.SIGKILL)
        summary = json.loads(replay.result().stdout)
    assert summary["accepted"] == rows, summary
    cluster.await_through(now_ms(), within=90)
    assert cluster.campaign(run, "clicks", "events", **bounds) == {"clicks": rows, "events": rows}


def test_with_three_brokers_one_may_die_and_every_answer_is_200(three_brokers: Cluster) -> None:
    with traffic(three_brokers, "one-of-three") as running:
        for part in ("kafka-2", "kafka-1"):
            before, sent = three_brokers.pid(part), running.sent
            three_brokers.kill(part, signal.SIGKILL)
            three_brokers.until(lambda sent=sent: running.sent > sent + 2000, within=60, what="more traffic")  # type: ignore[misc]
            three_brokers.until(
                lambda part=part, before=before: three_brokers.pid(part) != before,  # type: ignore[misc]
                within=30,
                what=f"a new {part}",
            )
            three_brokers.await_in_sync(within=60)
        print(f"the longest answer took {running.longest:.2f} s; {running.statuses}")
    assert set(running.statuses) == {200}, (running.statuses, running.failures)
