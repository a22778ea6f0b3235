"""Events per CPU second of the experiment job as it catches up, against the campaign job on the same events.

Both read the same bounded topic on the running cluster (`make up`): users of one experiment with six
metrics, each with an exposure, then goal events over a day, 1 % of all an hour late and 5 % sent again. CPU
seconds are those of the TaskManagers from submission to the end, less those of a run over one event. Both
keep their state in RocksDB and take checkpoints as in operation.
"""

import argparse
import dataclasses
import json
import os
import time

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from flink_run import cpu_seconds
from tidemark.experiments.check import check
from tidemark.experiments.message import Messages, messages
from tidemark.experiments.vocabulary import vocabulary_of
from tidemark.jobs.definition import Job, jobs
from tidemark.local.fetch import connector_jar
from tidemark.query import catalogue
from tidemark.settings import Settings, settings

_EVENTS_A_USER = 6
_DEFINITION = """
id: bench
name: Benchmark
status: running
start: 2026-01-01
variants: {control: 1, treatment: 1}
planned_users: 100000
window: 2d
goals:
  - {name: buyers, label: Buyers, kind: proportion, event: conversion}
  - {name: purchases, label: Purchases, kind: mean, sum: quantity, event: conversion}
  - {name: revenue, label: Revenue, kind: mean, sum: value_micros, event: [conversion, refund], cap: 500}
  - {name: clickers, label: Clickers, kind: proportion, event: click}
  - name: conversion_rate
    label: Conversions a click
    kind: ratio
    numerator: {sum: quantity, event: conversion}
    denominator: {sum: quantity, event: click}
guardrails:
  - {name: refunds, label: Refunds, kind: proportion, event: refund, better: lower, margin: {relative: 20%}}
slices: [country, platform]
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=200_000, help="in the topic, repeats included")
    parser.add_argument("--runs", type=int, default=2, help="how often each is measured, in turn")
    options = parser.parse_args()
    own = settings()
    stamp = time.strftime("%H%M%S")
    names = {part: f"bench-{part}-{stamp}" for part in ("full", "tiny", "sink", "experiments", "metrics")}
    admin = AdminClient({"bootstrap.servers": own.bootstrap})
    config = {"message.timestamp.type": "LogAppendTime"}
    partitions = {"full": 3, "tiny": 3}
    topics = [
        NewTopic(name, num_partitions=partitions.get(part, 1), config=config) for part, name in names.items()
    ]
    for made in admin.create_topics(topics).values():
        made.result()
    try:
        _declare(own, names)
        _fill(own.bootstrap, names["full"], options.events)
        _fill(own.bootstrap, names["tiny"], 1)
        best: dict[str, float] = {}
        for _ in range(options.runs):
            for number, name in ((1, "experiment"), (0, "campaign")):
                fixed = cpu_seconds(own, _bounded(own, number, names, names["tiny"]))
                spent = cpu_seconds(own, _bounded(own, number, names, names["full"])) - fixed
                best[name] = max(best.get(name, 0.0), options.events / spent)
                print(f"{name:>10}: {options.events / spent:8,.0f} events per CPU second ({spent:.1f} s)")
        ratio = best["experiment"] / best["campaign"]
        print(f"ratio experiment / campaign: {ratio:.2f} on {os.cpu_count()} cores, best of {options.runs}")
    finally:
        admin.delete_topics(list(names.values()))


def declared(own: Settings, name: str) -> Messages:
    """What the job is told of the benchmark's experiment under this id."""
    text = _DEFINITION.replace("id: bench", f"id: {name}").encode()
    found = check("bench.yaml", text, vocabulary_of(catalogue.load(own.catalogue)), {})
    if isinstance(found, list):
        raise SystemExit(f"the benchmark's experiment is wrong: {'; '.join(map(str, found))}")
    return messages([], [(found, 1)])


def _declare(own: Settings, names: dict[str, str]) -> None:
    told = declared(own, "bench")
    producer = Producer({"bootstrap.servers": own.bootstrap})
    for topic, rows in ((names["experiments"], told.experiments), (names["metrics"], told.metrics)):
        for row in rows:
            producer.produce(topic, key=row.key, value=row.value)
    producer.flush()


def _fill(bootstrap: str, topic: str, count: int) -> None:
    """A user's exposure, then clicks, conversions and a refund within a day; every twentieth sent again."""
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 1_000_000}
    )
    start = int(time.time() * 1000) - 86_400_000
    users = max(1, count // _EVENTS_A_USER)
    for index in range(count):
        number = index - (index % 20 == 0 and index > 0)
        user, step = number % users, number // users
        late = 3_600_000 if number % 100 == 0 else 0
        at = start + number * 86_000_000 // count - late
        exposure = step == 0
        name = "exposure" if exposure else ("click", "conversion", "click", "conversion", "refund")[step % 5]
        event = {
            "event_id": f"bench-{number}", "event": name, "event_time": at, "original_time": at,
            "received_at": at, "quantity": 1, "value_micros": 0 if exposure else 12_345_678,
            "cost_micros": 0, "campaign_id": f"c{user % 20}", "ad_id": "", "channel": "search",
            "source": "web", "platform": ("ios", "android", "web")[user % 3],
            "country": ("DE", "FR", "US", "GB", "IN")[user % 5], "user_id": f"u{user}", "anonymous_id": "",
            "experiment_id": "bench" if exposure else "",
            "variant": ("control", "treatment")[user % 2] if exposure else "", "properties": {},
        }  # fmt: skip
        producer.produce(topic, json.dumps(event).encode(), key=f"bench-{number}")
        if index % 10_000 == 0:
            producer.poll(0)
    producer.flush()


def _bounded(own: Settings, number: int, names: dict[str, str], topic: str) -> Job:
    """A job as it runs, but from and to other topics, and with an end."""
    job = jobs(own, connector_jar(own))[number]
    other = {
        "events.v1": topic,
        "job-experiments.v1": names["experiments"],
        "job-metrics.v1": names["metrics"],
        "campaign.v1": names["sink"],
        "experiment.v1": names["sink"],
    }
    statements = []
    for statement in job.statements:
        changed = statement.replace(
            "'scan.startup.mode' = 'earliest-offset'",
            "'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset'",
        ).replace("'scan.topic-partition-discovery.interval' = '10 s',", "")
        for name, instead in other.items():
            changed = changed.replace(f"'{name}'", f"'{instead}'")
        statements.append(changed.replace("'tidemark-experiment'", f"'{topic}'"))
    folder = job.checkpoints.with_name(f"bench-{job.name}-{topic}")
    return dataclasses.replace(
        job,
        name=f"bench {job.name} {topic}",
        statements=tuple(statements),
        configuration=job.configuration | {"execution.checkpointing.dir": folder.as_uri()},
        plan=job.plan.with_name(f"bench-{job.name}-{topic}.json"),
    )


if __name__ == "__main__":
    main()
