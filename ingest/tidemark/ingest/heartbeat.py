"""Heartbeats: what lets a reader say how far its numbers are complete (DESIGN rule 7).

Each round puts one heartbeat into every partition, on the loop that also produces the events, so a heartbeat
lies behind every event that was taken before it, and its time is not before theirs.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException, Message

from tidemark.ingest.clock import BrokerClock
from tidemark.ingest.event import HEARTBEAT, Event

log = logging.getLogger("tidemark.collector")

SILENCE: Final = 5.0
"""Seconds without an acknowledged heartbeat after which no event is taken."""
_REDISCOVER: Final = 10.0
_SAY_AGAIN: Final = 5.0
_RETRY: Final = 0.5
_HELLO_SECONDS: Final = 2.0
_HELLO_STEPS: Final = 40


class Beats(Protocol):
    """What heartbeats need of the producer."""

    partitions: int

    def send_to(
        self, partition: int, event: Event, delivered: Callable[[KafkaError | None, Message], None]
    ) -> None:
        """Produce one event to a partition."""

    def discover(self) -> int:
        """Ask for the number of partitions; 0 while a topic is missing."""


class Heart:
    """The heartbeats of one collector process.

    Attributes:
        collector: its id, unique for each start.
    """

    def __init__(
        self,
        producer: Beats,
        clock: BrokerClock,
        *,
        collector: str,
        interval: float,
        bootstrap: str,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """``interval`` is in seconds; ``bootstrap`` is named in messages."""
        self.collector = collector
        self._producer = producer
        self._clock = clock
        self._interval = interval
        self._bootstrap = bootstrap
        self._monotonic_ns = monotonic_ns
        self._sequence = 0
        self._acknowledged: dict[int, int] = {}
        self._problem = f"the collector is waiting for Kafka at {bootstrap}"
        self._oldest_ns: int | None = None
        self._greeted = False

    def age(self) -> float | None:
        """Seconds since the oldest of the partitions' newest acknowledged heartbeats; None before any."""
        oldest = self._oldest_ns
        return None if oldest is None else (self._monotonic_ns() - oldest) / 1e9

    def problem(self) -> str | None:
        """Why no event can be taken now, None when all is well."""
        age = self.age()
        if age is None:
            return self._problem
        if age > max(SILENCE, 3 * self._interval):
            return f"the brokers have not acknowledged a heartbeat for {age:.0f} s"
        return None

    async def run(self) -> None:
        """Wait for the topics, learn the brokers' time, then beat until cancelled."""
        await self._topics()
        await self._hello()
        log.info("collector %s takes events", self.collector)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._rediscover())
            due = time.monotonic()
            while True:
                self.beat()
                due = max(due + self._interval, time.monotonic())
                await asyncio.sleep(due - time.monotonic())

    def beat(self, *, goodbye: bool = False) -> None:
        """Send one round of heartbeats; the last one of a clean shutdown says goodbye."""
        now = self._clock.now_ms()
        self._sequence += 1
        for partition in range(self._producer.partitions):
            self._send(partition, now, source=self.collector, goodbye=goodbye)

    def _send(self, partition: int, now: int, *, source: str, goodbye: bool) -> None:
        beat = Event(
            event_id=f"{source}/{partition}/{self._sequence}",
            event=HEARTBEAT,
            event_time=now,
            original_time=now,
            received_at=now,
            quantity=self._producer.partitions,
            ad_id=str(partition),
            source=source,
            variant="goodbye" if goodbye else "",
        )
        sent_ns = self._monotonic_ns()

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                return  # the age grows, and says so
            self.acknowledge(partition, sent_ns, message.timestamp(), counts=source == self.collector)

        try:
            self._producer.send_to(partition, beat, delivered)
        except (BufferError, KafkaException) as error:
            log.warning("a heartbeat could not be sent: %s", error)

    def acknowledge(self, partition: int, sent_ns: int, stamp: tuple[int, int], *, counts: bool) -> None:
        """Take in that a heartbeat is stored; runs on the polling thread.

        Args:
            partition: where it lies.
            sent_ns: when it was sent, by the monotonic clock.
            stamp: the kind of its timestamp and the time in Unix ms, as the brokers report it.
            counts: it is a heartbeat of this collector (and not the one that only asks for the time).
        """
        kind, appended_ms = stamp
        if kind == TIMESTAMP_LOG_APPEND_TIME:
            now = self._monotonic_ns()
            self._clock.learn(sent_ns=sent_ns, acknowledged_ns=now, appended_ms=appended_ms)
        if not counts:
            self._greeted = True
            return
        self._acknowledged[partition] = sent_ns
        beaten = [self._acknowledged.get(p) for p in range(self._producer.partitions)]
        if beaten and None not in beaten:
            self._oldest_ns = min(ns for ns in beaten if ns is not None)

    async def _topics(self) -> None:
        said = float("-inf")
        while not self._producer.partitions:
            try:
                self._producer.partitions = await asyncio.to_thread(self._producer.discover)
                waits_for = "the topics; `python -m tidemark.jobs` makes them"
            except KafkaException as error:
                waits_for = f"Kafka at {self._bootstrap}: {error.args[0].str()}"
            if not self._producer.partitions:
                self._problem = f"the collector is waiting for {waits_for}"
                if time.monotonic() - said > _SAY_AGAIN:
                    said = time.monotonic()
                    log.info("waiting for %s", waits_for)
                await asyncio.sleep(_RETRY)

    async def _hello(self) -> None:
        """Learn the brokers' time before the first heartbeat, which must not claim a wrong one.

        What asks for it is the goodbye of a collector that never was, so that no reader counts it.
        """
        self._problem = "the collector is learning the brokers' time"
        while not self._greeted:
            for partition in range(self._producer.partitions):
                self._send(partition, self._clock.now_ms(), source=f"{self.collector}-hello", goodbye=True)
            for _ in range(_HELLO_STEPS):
                if not self._greeted:
                    await asyncio.sleep(_HELLO_SECONDS / _HELLO_STEPS)

    async def _rediscover(self) -> None:
        while True:
            await asyncio.sleep(_REDISCOVER)
            try:
                found = await asyncio.to_thread(self._producer.discover)
            except KafkaException as error:
                log.warning("the partitions could not be asked for: %s", error.args[0].str())
                continue
            if found > self._producer.partitions:
                log.info("events.v1 has %d partitions now", found)
                self._producer.partitions = found
