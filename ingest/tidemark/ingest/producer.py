"""The producer: events and dead letters into Kafka, each batch awaited until the brokers have it.

``acks=all`` and idempotent. A batch that is not acknowledged within `DEADLINE` seconds has failed: its events
may still arrive, and the client's retry is then a repeat that is counted once.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol
from zlib import crc32

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as Client

from tidemark.ingest.event import Event, encode
from tidemark.ingest.topics import EVENTS, REJECTED

log = logging.getLogger("tidemark.collector")

DEADLINE: Final = 4.6
"""Seconds until a request is told that its events are not stored."""
_TIMEOUT_MS: Final = 4_500
_SWEEP: Final = 0.1
_COMPLAIN_AGAIN: Final = 10.0
"""Seconds between log lines about brokers that are away: librdkafka tries again many times a second."""

Failure = str
"""Why a batch is not stored, as a sentence for the client."""


class Sender(Protocol):
    """What the doors need: a batch goes out, and it is known when it is stored or why it is not."""

    def send(self, events: Sequence[Event], letters: Sequence[bytes]) -> "asyncio.Future[Failure | None]":
        """Produce events and dead letters; the future is None once all are acknowledged."""


class _Batch:
    """One request's messages: counts their delivery reports, and is settled once."""

    __slots__ = ("_left", "_settle", "error", "future", "started")

    def __init__(
        self, size: int, future: "asyncio.Future[Failure | None]", settle: "Callable[[_Batch], None]"
    ) -> None:
        self.error: Failure | None = None
        self.future = future
        self.started = time.monotonic()
        self._left = size
        self._settle = settle

    def delivered(self, error: KafkaError | None, _: Message) -> None:
        """Take one delivery report; runs on the polling thread."""
        if error is not None and self.error is None:
            self.error = f"the brokers did not take it: {error.str()}"
        self._left -= 1
        if not self._left:
            self._settle(self)


def connect(bootstrap: str, *, on_fatal: Callable[[str], None]) -> Client:
    """A client of the brokers; ``on_fatal`` is told, on any thread, when it can never send again."""
    complained = float("-inf")

    def failed(error: KafkaError) -> None:
        nonlocal complained
        if error.fatal():
            on_fatal(f"the producer cannot go on: {error.str()}")
        elif time.monotonic() - complained > _COMPLAIN_AGAIN:
            complained = time.monotonic()
            log.warning("Kafka: %s", error.str())

    return Client(
        {
            "bootstrap.servers": bootstrap,
            "client.id": "tidemark-collector",
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 2,  # measured: as many events a CPU second as with 5, answered sooner
            "compression.type": "lz4",  # measured: a third less CPU of this process than with none
            "message.timeout.ms": _TIMEOUT_MS,
            "request.timeout.ms": _TIMEOUT_MS,
            "socket.timeout.ms": _TIMEOUT_MS + 1_000,
            "socket.nagle.disable": True,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 500,
            "retry.backoff.ms": 50,
            "retry.backoff.max.ms": 500,
            "queue.buffering.max.messages": 100_000,
            "queue.buffering.max.kbytes": 256 * 1024,
            "topic.metadata.refresh.interval.ms": 10_000,
            "error_cb": failed,
            "log_level": 0,  # error_cb tells the same, and we say it less often
        }
    )


class Producer:
    """A Kafka producer for one event loop, with a thread that serves its delivery reports.

    Messages go to the partition ``crc32(key) % partitions``, librdkafka's own choice for a key, made here so
    that no event goes to a partition that is not yet under heartbeats.
    """

    def __init__(self, client: Client) -> None:
        """``client`` is that of `connect`; the running loop is the one that the doors are served on."""
        self.partitions = 0
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._pending: dict[_Batch, None] = {}
        self._settled: deque[_Batch] = deque()
        self._waking = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="kafka-reports", daemon=True)
        self._thread.start()
        self._sweeper = self._loop.call_later(_SWEEP, self._sweep)

    def send(self, events: Sequence[Event], letters: Sequence[bytes]) -> "asyncio.Future[Failure | None]":
        """Produce events and dead letters; the future is None once all are acknowledged, or says why not.

        It runs in one step of the loop, so that a heartbeat made later lies behind these events.
        """
        future: asyncio.Future[Failure | None] = self._loop.create_future()
        size = len(events) + len(letters)
        if not size:
            future.set_result(None)
            return future
        batch = _Batch(size, future, self._settle)
        produce, partitions, delivered = self._client.produce, self.partitions, batch.delivered
        try:
            for event in events:
                key = event.event_id.encode()
                produce(EVENTS, encode(event), key, crc32(key) % partitions, delivered)
            for value in letters:
                produce(REJECTED, value, on_delivery=delivered)
        except BufferError:
            future.set_result("the collector's queue to the brokers is full")
        except KafkaException as error:
            future.set_result(f"the brokers cannot be reached: {error.args[0].str()}")
        else:
            self._pending[batch] = None
        return future

    def send_to(
        self, partition: int, event: Event, delivered: Callable[[KafkaError | None, Message], None]
    ) -> None:
        """Produce one event to a partition of its own; ``delivered`` runs on the polling thread.

        Raises:
            BufferError: the queue is full.
            confluent_kafka.KafkaException: it cannot be sent at all.
        """
        self._client.produce(EVENTS, encode(event), event.event_id.encode(), partition, delivered)

    def discover(self, timeout: float = 3.0) -> int:
        """Ask the brokers for the partitions of ``events.v1``; 0 while a topic is missing. Blocks.

        Raises:
            confluent_kafka.KafkaException: no broker answers.
        """
        known: dict[str, Any] = self._client.list_topics(timeout=timeout).topics
        if EVENTS not in known or REJECTED not in known:
            return 0
        return len(known[EVENTS].partitions)

    def close(self, timeout: float) -> int:
        """Wait for what is under way, then stop; returns how many messages were not acknowledged. Blocks."""
        left = self._client.flush(timeout)
        self._closing.set()
        self._thread.join()
        return left

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._client.poll(0.1)

    def _settle(self, batch: _Batch) -> None:
        self._settled.append(batch)
        if not self._waking:
            self._waking = True
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._waking = False
        while self._settled:
            batch = self._settled.popleft()
            self._pending.pop(batch, None)
            if not batch.future.done():
                batch.future.set_result(batch.error)

    def _sweep(self) -> None:
        """Fail what has waited too long: librdkafka reports timeouts late when a broker hangs."""
        overdue = time.monotonic() - DEADLINE
        for batch in list(self._pending):
            if batch.started > overdue:
                break
            del self._pending[batch]
            if not batch.future.done():
                batch.future.set_result(f"the brokers did not acknowledge it within {DEADLINE} s")
        self._sweeper = self._loop.call_later(_SWEEP, self._sweep)
