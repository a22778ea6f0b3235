"""Rows per CPU second of the campaign job, against the plainest SQL that counts the same (issue 4).

Both read the same bounded topic with 5 % duplicates on the running cluster (`make up`); CPU seconds are those
of the TaskManagers from submission to the end, those of a run over one row taken off. The baseline is
`campaign_baseline.sql`, its state on the heap and without checkpoints.
"""

import argparse
import dataclasses
import json
import os
import time
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from flink_run import cpu_seconds
from tidemark.jobs import sql
from tidemark.jobs.definition import Job, jobs
from tidemark.local.fetch import connector_jar
from tidemark.settings import Settings, settings

_BASELINE = Path(__file__).with_name("campaign_baseline.sql")
_REPEAT_EVERY = 20
_NOT_IN_BASELINE = ("execution.checkpointing", "state.backend")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=400_000, help="rows in the topic, duplicates included")
    parser.add_argument("--runs", type=int, default=2, help="how often each is measured, in turn")
    options = parser.parse_args()
    own = settings()
    stamp = time.strftime("%H%M%S")
    full, tiny, sink = f"bench-full-{stamp}", f"bench-tiny-{stamp}", f"bench-sink-{stamp}"
    admin = AdminClient({"bootstrap.servers": own.bootstrap})
    config = {"message.timestamp.type": "LogAppendTime"}
    topics = [
        NewTopic(name, num_partitions=n, config=config) for name, n in ((full, 3), (tiny, 3), (sink, 1))
    ]
    for made in admin.create_topics(topics).values():
        made.result()
    try:
        fill(own.bootstrap, full, options.rows)
        fill(own.bootstrap, tiny, 1)
        ours = {topic: shipped(own, topic, sink) for topic in (full, tiny)}
        plain = {topic: baseline(own, topic, sink) for topic in (full, tiny)}
        best: dict[str, float] = {}
        for _ in range(options.runs):
            for name, job in (("ours", ours), ("baseline", plain)):
                fixed = cpu_seconds(own, job[tiny])
                spent = cpu_seconds(own, job[full]) - fixed
                best[name] = max(best.get(name, 0.0), options.rows / spent)
                print(f"{name:>8}: {options.rows / spent:8,.0f} rows per CPU second ({spent:.1f} s)")
        ratio = best["ours"] / best["baseline"]
        print(f"ratio ours / baseline: {ratio:.2f} on {os.cpu_count()} cores, best of {options.runs}")
    finally:
        admin.delete_topics([full, tiny, sink])


def fill(bootstrap: str, topic: str, rows: int) -> None:
    """Write ``rows`` events over ten minutes, every twentieth a repeat of the one before."""
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 1_000_000}
    )
    start = int(time.time() * 1000) - 600_000
    for index in range(rows):
        number = index - (index % _REPEAT_EVERY == 0 and index > 0)
        at = start + number * 600_000 // rows
        event = {
            "event_id": f"bench-{number}", "event": ("impression", "click", "conversion")[number % 3],
            "event_time": at, "original_time": at, "received_at": at, "quantity": 1, "value_micros": 0,
            "cost_micros": 1200, "campaign_id": f"c{number % 20}", "ad_id": f"a{number % 50}",
            "channel": "search", "source": "web", "platform": ("ios", "android")[number % 2], "country": "DE",
            "user_id": f"u{number % 5000}", "anonymous_id": "", "experiment_id": "", "variant": "",
            "properties": {"page": "/home"},
        }  # fmt: skip
        producer.produce(topic, json.dumps(event).encode(), key=f"bench-{number}")
        if index % 10_000 == 0:
            producer.poll(0)
    producer.flush()


def shipped(own: Settings, topic: str, sink: str) -> Job:
    """The campaign job as it runs, but from and to other topics, and with an end."""
    job = jobs(own, connector_jar(own))[0]
    replaced = tuple(
        statement.replace("'events.v1'", f"'{topic}'")
        .replace("'campaign.v1'", f"'{sink}'")
        .replace(
            "'scan.topic-partition-discovery.interval' = '10 s'", "'scan.bounded.mode' = 'latest-offset'"
        )
        for statement in job.statements
    )
    folder = job.checkpoints.with_name(f"bench-{topic}")
    plan = job.plan.with_name(f"bench-{topic}.json")
    configuration = job.configuration | {"execution.checkpointing.dir": folder.as_uri()}
    return dataclasses.replace(
        job, name=f"bench ours {topic}", statements=replaced, configuration=configuration, plan=plan
    )


def baseline(own: Settings, topic: str, sink: str) -> Job:
    """The same counting without our additions."""
    job = jobs(own, connector_jar(own))[0]
    configuration = {
        key: value for key, value in job.configuration.items() if not key.startswith(_NOT_IN_BASELINE)
    }
    return dataclasses.replace(
        job,
        name=f"bench baseline {topic}",
        plan=job.plan.with_name(f"bench-baseline-{topic}.json"),
        statements=tuple(
            sql.split(_BASELINE.read_text(), {"topic": topic, "sink": sink, "bootstrap": own.bootstrap})
        ),
        configuration=configuration,
    )


if __name__ == "__main__":
    main()
