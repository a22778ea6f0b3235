"""The compacted topics of definitions: publishing what is in force, and following it.

``definitions.v1`` holds the canonical form of each experiment by its id, for the services and for the next
publication; ``job-experiments.v1`` and ``job-metrics.v1`` hold what the Flink job needs of them.
"""

import json
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from tidemark.experiments.definition import Definition
from tidemark.experiments.message import Message, messages
from tidemark.experiments.publication import Publication, plan
from tidemark.experiments.published import Published, PublishedError, decode, encode
from tidemark.ingest.topics import DEFINITIONS, JOB_EXPERIMENTS, JOB_METRICS

log = logging.getLogger("tidemark.experiments")

_PATIENCE = 15.0
"""Seconds for the brokers to answer one thing."""

_AGAIN = 1.0
"""Seconds between two attempts to follow the topic."""


class TopicError(RuntimeError):
    """The brokers did not give or take the definitions; the message says what to do."""


def held(bootstrap: str, topic: str) -> dict[bytes, bytes]:
    """The newest value of each key that a topic of one partition holds, without those that were taken away.

    Raises:
        TopicError: it could not be read to its end in 15 s.
    """
    consumer = _consumer(bootstrap)
    found: dict[bytes, bytes] = {}
    try:
        for key, value in _to_the_end(consumer, topic):
            if value is None:
                found.pop(key, None)
            else:
                found[key] = value
    finally:
        consumer.close()
    return found


def published(bootstrap: str) -> dict[str, Published]:
    """Each experiment as it was last published.

    Raises:
        TopicError: the topic could not be read.
        PublishedError: another version wrote it.
    """
    forms = held(bootstrap, DEFINITIONS).values()
    return {one.definition.id: one for one in map(decode, forms)}


def publish(bootstrap: str, declared: Iterable[Definition], now_ms: int) -> Publication:
    """Put in force what is declared, as far as it may change, and say what was done.

    A changed definition's generation before stays with the job until the next change, so that its numbers
    go on while the new one's are computed.

    Raises:
        TopicError: the brokers did not give or take something; publish again, which is harmless.
        PublishedError: another version wrote what is there.
    """
    result = plan(published(bootstrap), declared, now_ms)
    new = messages((), [(one.definition, one.generation) for one in result.in_force])
    sent: list[tuple[str, Message]] = []
    for topic, rows in ((JOB_METRICS, new.metrics), (JOB_EXPERIMENTS, new.experiments)):
        known = held(bootstrap, topic)
        sent += [(topic, row) for row in rows if known.get(row.key) != row.value]
        sent += [(topic, Message(key, None)) for key in outdated(known, result.in_force)]
    sent += [(DEFINITIONS, Message(one.definition.id.encode(), encode(one))) for one in result.in_force]
    sent += [(DEFINITIONS, Message(one.encode(), None)) for one in result.removed]
    _send(bootstrap, sent)
    return result


class Followed:
    """The experiments that are published, followed by a thread; ``published`` may be called by any."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._ended = threading.Event()
        self._known: Mapping[str, Published] = {}
        self._thread = threading.Thread(target=self._run, name="definitions", daemon=True)

    def published(self) -> Mapping[str, Published]:
        """By id. Empty until the topic was read for the first time."""
        return self._known

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        consumer, failure = _consumer(self._bootstrap), ""
        while not self._ended.is_set():
            try:
                for key, value in _to_the_end(consumer, DEFINITIONS):
                    self._take(key, value)
                while not self._ended.is_set():
                    message = consumer.poll(_AGAIN)
                    if message is not None and message.error() is None:
                        self._take(message.key() or b"", message.value())
            except TopicError as error:
                if str(error) != failure:
                    log.warning("%s; tried again each second", error)
                failure = str(error)
                self._ended.wait(_AGAIN)
        consumer.close()

    def _take(self, key: bytes, value: bytes | None) -> None:
        known = dict(self._known)
        known.pop(key.decode(), None)
        if value is not None:
            try:
                one = decode(value)
            except PublishedError:
                log.exception("experiment %s is left out", key.decode(errors="replace"))
                return
            known[one.definition.id] = one
        self._known = known


def outdated(known: Mapping[bytes, bytes], in_force: Iterable[Published]) -> Iterator[bytes]:
    """Keys that the job needs no more: but of each experiment's generations before, the newest one stays."""
    current = {one.definition.id: one.generation for one in in_force}
    before: dict[str, int] = defaultdict(int)
    rows = {key: json.loads(key) for key in known}
    for row in rows.values():
        if row["generation"] < current.get(row["experiment_id"], 0):
            before[row["experiment_id"]] = max(before[row["experiment_id"]], row["generation"])
    for key, row in rows.items():
        one = row["experiment_id"]
        if row["generation"] not in {current.get(one), before.get(one)}:
            yield key


def _consumer(bootstrap: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "tidemark-definitions",  # never used: partitions are assigned, nothing is committed
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )


def _to_the_end(consumer: Consumer, topic: str) -> Iterator[tuple[bytes, bytes | None]]:
    """The messages of a topic's one partition from its first to its present last; it stays assigned."""
    place, limit = TopicPartition(topic, 0, 0), time.monotonic() + _PATIENCE
    try:
        low, high = consumer.get_watermark_offsets(place, timeout=_PATIENCE)
        place.offset = low
        consumer.assign([place])
        while consumer.position([place])[0].offset < high and low < high:
            message = consumer.poll(0.5)
            if time.monotonic() > limit:
                raise TopicError(f"{topic} could not be read to its end in {_PATIENCE:.0f} s")
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


def _send(bootstrap: str, sent: Iterable[tuple[str, Message]]) -> None:
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "enable.idempotence": True,
            "message.timeout.ms": int(_PATIENCE * 1000),
            "log_level": 0,
        }
    )
    failed: list[str] = []

    def done(error: KafkaError | None, _: object) -> None:
        if error is not None:
            failed.append(error.str())

    for topic, message in sent:
        producer.produce(topic, key=message.key, value=message.value, on_delivery=done)
    left = producer.flush(_PATIENCE)
    if failed or left:
        why = failed[0] if failed else "no answer"
        raise TopicError(f"the brokers did not take {len(failed) + left} messages: {why}; publish again")
