"""The Kafka topics: their names, and how each is kept.

The number after the dot is the version of the contract on it.
"""

import logging
import time

from tidemark.settings import Settings

log = logging.getLogger("tidemark.topics")

EVENTS = "events.v1"
REJECTED = "rejected.v1"
CAMPAIGN = "campaign.v1"
EXPERIMENT = "experiment.v1"
DEFINITIONS = "definitions.v1"
JOB_EXPERIMENTS = "job-experiments.v1"
JOB_METRICS = "job-metrics.v1"
HISTORY = "history.v1"

_RETENTION_MS = str(7 * 24 * 3600 * 1000)


def topics(settings: Settings) -> dict[str, tuple[int, dict[str, str]]]:
    """Each topic's number of partitions and its configuration.

    All have the brokers' time (``LogAppendTime``), so that no client's clock orders anything (DESIGN rule 7).
    ``campaign.v1`` and ``experiment.v1`` have one partition: the order of their rows is what a heartbeat
    proves. Definitions of experiments are kept for ever, the newest of each. ``history.v1`` holds raw events
    that are older than ``events.v1``, for an experiment job that lost its state.
    """
    replicated = {"min.insync.replicas": "2" if settings.brokers > 1 else "1"}
    common = {"message.timestamp.type": "LogAppendTime", "retention.ms": _RETENTION_MS, **replicated}
    kept = {**common, "cleanup.policy": "compact", "retention.ms": "-1"}
    return {
        EVENTS: (settings.event_partitions, common),
        REJECTED: (1, common),
        HISTORY: (1, common),
        CAMPAIGN: (1, {**common, "cleanup.policy": "compact,delete"}),
        EXPERIMENT: (1, {**common, "cleanup.policy": "compact,delete"}),
        DEFINITIONS: (1, kept),
        # "delete", so that they can be emptied before the job begins without state
        **dict.fromkeys((JOB_EXPERIMENTS, JOB_METRICS), (1, {**kept, "cleanup.policy": "compact,delete"})),
    }


def ensure_topics(settings: Settings) -> None:
    """Make the topics that are missing; waits for the brokers, and says so."""
    from confluent_kafka import KafkaError, KafkaException  # noqa: PLC0415 - a heavy import for a list of names
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415
    from confluent_kafka.cimpl import NewTopic  # noqa: PLC0415

    admin = AdminClient({"bootstrap.servers": settings.bootstrap, "log_level": 0})
    replication = 3 if settings.brokers > 1 else 1
    wanted = [
        NewTopic(name, num_partitions=partitions, replication_factor=replication, config=config)
        for name, (partitions, config) in topics(settings).items()
    ]
    missing = wanted
    while missing:
        failed = []
        # all at once: one after the other would each wait for brokers that are not there yet
        made = admin.create_topics(missing, operation_timeout=10, request_timeout=10)
        for topic in missing:
            try:
                made[topic.topic].result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    log.info("topic %s cannot be made yet: %s", topic.topic, error.args[0].str())
                    failed.append(topic)
        missing = failed
        if missing:
            time.sleep(0.5)
