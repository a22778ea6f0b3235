"""What a Kafka topic holds now."""

import json
from collections.abc import Iterator
from typing import Any

from confluent_kafka import Consumer, TopicPartition


def held(bootstrap: str, topic: str) -> Iterator[dict[str, Any]]:
    """The committed JSON values of a topic, each partition to its present end; tombstones left out."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "held",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        for number in partitions:
            consumer.assign([TopicPartition(topic, number, 0)])
            while (message := consumer.poll(10)) is not None and message.error() is None:
                value = message.value()
                if value is not None:
                    yield json.loads(value)
    finally:
        consumer.close()
