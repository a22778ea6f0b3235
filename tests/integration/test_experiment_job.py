"""Whatever the order of events and definitions, the job's rows are those of a batch over the events."""

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import experiment_truth as truth
from cluster import Cluster, now_ms, rfc3339
from tidemark.experiments.published import encode
from tidemark.experiments.topic import published

HOUR = 3_600_000
_DIFFERENCE = Path(__file__).resolve().parents[1] / "support" / "batch_difference.py"
DEFINITION = """
id: {run}
name: Every kind of trouble
status: running
start: {start}
end: {end}
variants: {{control: 1, treatment: 1}}
planned_users: 1000
window: 1h
goals:
  - {{name: buyers, label: Buyers, kind: proportion, event: conversion}}
  - {{name: revenue, label: Revenue, kind: mean, sum: value_micros, event: [conversion, refund]}}
  - {{name: capped, label: Capped, kind: mean, sum: value_micros, event: conversion, cap: 30}}
  - name: click_rate
    label: Click rate
    kind: ratio
    numerator: {{sum: quantity, event: click}}
    denominator: {{sum: quantity, event: [impression, click]}}
covariate: {{days: 1}}
slices: [country, platform]
"""


def publish(cluster: Cluster, folder: Path, text: str, name: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)
    cluster.tidemark("experiments", "publish", "--folder", str(folder))


def rows_of(cluster: Cluster, run: str) -> truth.Rows:
    """What the job told of the newest generation."""
    told = truth.told(cluster.settings.bootstrap, run)
    return told.get(published(cluster.settings.bootstrap)[run].generation, {})


def test_every_row_is_that_of_a_batch_whatever_the_order_and_after_flink_was_killed(
    cluster: Cluster, tmp_path: Path
) -> None:
    run, now = f"trouble-{now_ms()}", now_ms()
    events = truth.nasty(random.Random(7), run, 600, now - 12 * HOUR, 8 * 3600)
    events += truth.extreme(run, now - 10 * HOUR)
    half = len(events) // 2
    cluster.send(events[:half])
    text = DEFINITION.format(run=run, start=rfc3339(now - 11 * HOUR), end=rfc3339(now - 5 * HOUR))
    publish(cluster, tmp_path / "declared", text, run)
    definition = published(cluster.settings.bootstrap)[run].definition
    cluster.send(events[half : half + half // 2])
    # the first two are restored by Flink, the last is submitted anew from its newest checkpoint
    for part in ("taskmanager-1", "taskmanager-2", "jobmanager"):
        cluster.kill(part, signal.SIGKILL)
    cluster.send(events[half + half // 2 :])
    wanted = truth.expected(events, definition)
    assert len(wanted) > 1000

    took = cluster.until(
        lambda: rows_of(cluster, run) == wanted, within=120, what=f"{len(wanted)} rows as Python has them"
    )
    print(f"{len(events)} events, {len(wanted)} rows, {took:.1f} s after the last event")

    one = published(cluster.settings.bootstrap)[run]
    file = tmp_path / "definition.json"
    file.write_bytes(encode(one))

    def in_clickhouse() -> dict[str, int]:
        command = [sys.executable, str(_DIFFERENCE), str(cluster.settings.home / "clickhouse"), str(file)]
        done = subprocess.run(
            [*command, str(one.generation)], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    cluster.await_through(now_ms())
    cluster.stop_part("service")
    try:
        assert in_clickhouse() == {"row_count": len(wanted), "different": 0}
    finally:
        cluster.start_part("service")


def test_without_state_and_beyond_what_kafka_holds_a_new_generation_is_counted_from_raw_events(
    cluster: Cluster, tmp_path: Path
) -> None:
    run, now = f"forgotten-{now_ms()}", now_ms()
    events = truth.nasty(random.Random(8), run, 100, now - 12 * HOUR, 8 * 3600)
    half = len(events) // 2
    text = DEFINITION.format(run=run, start=rfc3339(now - 11 * HOUR), end=rfc3339(now - 5 * HOUR))
    publish(cluster, tmp_path / "declared", text, run)
    bootstrap = cluster.settings.bootstrap
    definition = published(bootstrap)[run].definition
    cluster.send(events[:half])
    before = truth.expected(events[:half], definition)
    cluster.until(lambda: rows_of(cluster, run) == before, within=60, what="the rows of one half")
    cluster.await_through(now_ms())
    (first,) = truth.told(bootstrap, run)

    cluster.tidemark("jobs", "stop", "experiment", "--forget")
    cluster.delete_events()
    cluster.send(events[half:])
    cluster.tidemark("jobs", "submit", "experiment")

    ask = "query($id: ID!) { experiment(id: $id) { results { reasons } } }"
    (reasons,) = {tuple(one["reasons"]) for one in cluster.graphql(ask, id=run)["experiment"]["results"]}
    assert "REBUILDING" in reasons
    wanted = truth.expected(events, definition)
    took = cluster.until(lambda: rows_of(cluster, run) == wanted, within=120, what="the rows of all")
    print(f"{half} events from raw ones, {len(wanted)} rows, {took:.1f} s after the job was there again")
    told = truth.told(bootstrap, run)
    assert min(told) == first
    assert told[first] == before, "the generation before stays as it was"
