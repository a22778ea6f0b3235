"""Topics of one partition, of which each key's newest value counts: read to the end, written, emptied."""

import time
from collections.abc import Iterable, Iterator

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tidemark.experiments.message import Message

PATIENCE = 15.0
"""Seconds for the brokers to answer one thing."""


class TopicError(RuntimeError):
    """The brokers did not give or take the definitions; the message says what to do."""


def held(bootstrap: str, topic: str) -> dict[bytes, bytes]:
    """The newest value of each key that a topic of one partition holds, without those that were taken away.

    Raises:
        TopicError: it could not be read to its end in 15 s.
    """
    reader = consumer(bootstrap)
    found: dict[bytes, bytes] = {}
    try:
        for key, value in to_the_end(reader, topic):
            if value is None:
                found.pop(key, None)
            else:
                found[key] = value
    finally:
        reader.close()
    return found


def empty(bootstrap: str, *topics: str) -> None:
    """Let the brokers forget all that the topics hold.

    Raises:
        TopicError: they did not.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    places = [TopicPartition(topic, 0, OFFSET_END) for topic in topics]
    try:
        for emptied in admin.delete_records(places, request_timeout=PATIENCE).values():
            emptied.result()
    except KafkaException as error:
        raise TopicError(f"{' and '.join(topics)} cannot be emptied: {error}") from error


def consumer(bootstrap: str) -> Consumer:
    """One that belongs to no group and commits nothing; the caller closes it."""
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "tidemark-definitions",  # never used: partitions are assigned, nothing is committed
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )


def to_the_end(reader: Consumer, topic: str) -> Iterator[tuple[bytes, bytes | None]]:
    """The messages of a topic's one partition from its first to its present last; it stays assigned.

    Raises:
        TopicError: it could not be read to its end in 15 s.
    """
    place, limit = TopicPartition(topic, 0, 0), time.monotonic() + PATIENCE
    try:
        low, high = reader.get_watermark_offsets(place, timeout=PATIENCE)
        place.offset = low
        reader.assign([place])
        while reader.position([place])[0].offset < high and low < high:
            message = reader.poll(0.5)
            if time.monotonic() > limit:
                raise TopicError(f"{topic} could not be read to its end in {PATIENCE:.0f} s")
            if message is None:
                continue
            error = message.error()
            if error is not None:
                raise TopicError(f"{topic} cannot be read: {error.str()}")
            yield message.key() or b"", message.value()
    except KafkaException as error:
        raise TopicError(
            f"{topic} cannot be read: {error}; is the cluster up (`tidemark status`)?"
        ) from error


def send(bootstrap: str, sent: Iterable[tuple[str, Message]]) -> None:
    """Write messages, each with its topic.

    Raises:
        TopicError: the brokers did not take all of them.
    """
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "enable.idempotence": True,
            "message.timeout.ms": int(PATIENCE * 1000),
            "log_level": 0,
        }
    )
    failed: list[str] = []

    def done(error: KafkaError | None, _: object) -> None:
        if error is not None:
            failed.append(error.str())

    for topic, message in sent:
        producer.produce(topic, key=message.key, value=message.value, on_delivery=done)
    left = producer.flush(PATIENCE)
    if failed or left:
        why = failed[0] if failed else "no answer"
        raise TopicError(f"the brokers did not take {len(failed) + left} messages: {why}; publish again")
