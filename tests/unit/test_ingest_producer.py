import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException

from tidemark.ingest.clock import BrokerClock
from tidemark.ingest.event import Event
from tidemark.ingest.heartbeat import Heart
from tidemark.ingest.producer import Producer

NOW = 1_795_470_000_000
Report = Callable[[KafkaError | None, Any], None]


class Topics:
    def __init__(self, **partitions: int) -> None:
        self.topics = {name: self.Topic(range(count)) for name, count in partitions.items()}

    class Topic:
        def __init__(self, partitions: range) -> None:
            self.partitions = partitions


class Brokers:
    """A client whose delivery reports the test gives, on the polling thread as the real one."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, bytes | None, int]] = []
        self.reports: list[Report] = []
        self.room = 100
        self.topics: dict[str, int] = {"events.v1": 3, "rejected.v1": 1}
        self.due: list[tuple[Report, KafkaError | None]] = []
        self.polled = threading.Event()
        self.reported = threading.Event()

    def produce(
        self,
        topic: str,
        value: bytes,
        key: bytes | None = None,
        partition: int = -1,
        on_delivery: Report | None = None,
    ) -> None:
        if len(self.sent) == self.room:
            raise BufferError
        assert on_delivery is not None
        self.sent.append((topic, value, key, partition))
        self.reports.append(on_delivery)

    def poll(self, _: float) -> None:
        self.polled.wait(0.01)
        self.polled.clear()
        while self.due:
            report, error = self.due.pop(0)
            report(error, None)
            if not self.due:
                self.reported.set()

    async def report(self) -> None:
        """Acknowledge all that was sent, and wait until the loop has heard of it."""
        self.reported.clear()
        self.due += [(report, None) for report in self.reports]
        self.reports.clear()
        self.polled.set()
        await asyncio.to_thread(self.reported.wait, 2)
        await asyncio.sleep(0)

    def list_topics(self, timeout: float) -> Topics:
        assert timeout > 0
        return Topics(**{name: count for name, count in self.topics.items()})  # noqa: C416

    def flush(self, _: float) -> int:
        return len(self.reports)


def event(event_id: str) -> Event:
    return Event(event_id, "click", NOW, NOW, NOW)


def run(test: Callable[[Producer, Brokers], Any]) -> None:
    async def whole() -> None:
        brokers = Brokers()
        producer = Producer(brokers)  # type: ignore[arg-type]
        producer.partitions = 3
        try:
            await test(producer, brokers)
        finally:
            producer.close(0)

    asyncio.run(whole())


def test_a_batch_is_done_when_each_of_its_messages_is_acknowledged() -> None:
    async def check(producer: Producer, brokers: Brokers) -> None:
        future = producer.send([event("a"), event("b")], [b"letter"])
        last = brokers.reports.pop()
        await brokers.report()
        assert not future.done()
        brokers.reports.append(last)
        await brokers.report()
        assert await future is None
        assert [(topic, key) for topic, _, key, _ in brokers.sent] == [
            ("events.v1", b"a"),
            ("events.v1", b"b"),
            ("rejected.v1", None),
        ]

    run(check)


def test_the_same_id_always_goes_to_the_same_partition_as_librdkafka_chooses() -> None:
    async def check(producer: Producer, brokers: Brokers) -> None:
        producer.send([event("a"), event("a"), event("b"), event("c")], [])
        assert [partition for *_, partition in brokers.sent] == [0xE8B7BE43 % 3] * 2 + [
            0x71BEEFF9 % 3,
            0x06B9DF6F % 3,
        ]

    run(check)


def test_one_message_that_fails_fails_the_batch() -> None:
    async def check(producer: Producer, brokers: Brokers) -> None:
        future = producer.send([event("a"), event("b")], [])
        brokers.due += [
            (brokers.reports[0], None),
            (brokers.reports[1], KafkaError(KafkaError.REQUEST_TIMED_OUT)),
        ]
        assert await future == "the brokers did not take it: Broker: Request timed out"

    run(check)


def test_a_full_queue_fails_at_once_and_late_reports_change_nothing() -> None:
    async def check(producer: Producer, brokers: Brokers) -> None:
        brokers.room = 1
        assert (
            await producer.send([event("a"), event("b")], [])
            == "the collector's queue to the brokers is full"
        )
        await brokers.report()

    run(check)


def test_what_the_brokers_never_answer_fails_by_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidemark.ingest.producer.DEADLINE", 0.05)
    monkeypatch.setattr("tidemark.ingest.producer._SWEEP", 0.02)

    async def check(producer: Producer, brokers: Brokers) -> None:
        future = producer.send([event("a")], [])
        assert await asyncio.wait_for(future, 2) == "the brokers did not acknowledge it within 0.05 s"
        await brokers.report()

    run(check)


def test_nothing_to_send_is_done() -> None:
    async def check(producer: Producer, _: Brokers) -> None:
        assert await producer.send([], []) is None

    run(check)


def test_a_missing_topic_means_no_partitions() -> None:
    async def check(producer: Producer, brokers: Brokers) -> None:
        assert producer.discover() == 3
        del brokers.topics["rejected.v1"]
        assert producer.discover() == 0

    run(check)


class Partitions:
    """A producer of heartbeats that keeps them."""

    def __init__(self, count: int) -> None:
        self.partitions = count
        self.beats: list[tuple[int, Event]] = []
        self.error: Exception | None = None

    def send_to(self, partition: int, beat: Event, _: Report) -> None:
        if self.error:
            raise self.error
        self.beats.append((partition, beat))

    def discover(self) -> int:
        return self.partitions


class Local:
    def __init__(self) -> None:
        self.ns = 10**12

    def __call__(self) -> int:
        return self.ns


def heart(producer: Partitions, local: Local, interval: float = 1.0) -> Heart:
    clock = BrokerClock(monotonic_ns=local, wall_ms=NOW)
    return Heart(producer, clock, collector="c-1", interval=interval, bootstrap="kafka:9", monotonic_ns=local)


def acknowledge(of: Heart, local: Local, partitions: int) -> None:
    stamp = (TIMESTAMP_LOG_APPEND_TIME, NOW + (local.ns - 10**12) // 1_000_000)
    for partition in range(partitions):
        of.acknowledge(partition, local.ns, stamp, counts=True)


def test_a_round_puts_one_heartbeat_into_each_partition() -> None:
    producer, local = Partitions(2), Local()
    beating = heart(producer, local)
    beating.beat()
    beating.beat(goodbye=True)
    first = Event("c-1/0/1", "heartbeat", NOW, NOW, NOW, quantity=2, ad_id="0", source="c-1")
    assert producer.beats[0] == (0, first)
    assert [(p, b.event_id, b.variant) for p, b in producer.beats] == [
        (0, "c-1/0/1", ""),
        (1, "c-1/1/1", ""),
        (0, "c-1/0/2", "goodbye"),
        (1, "c-1/1/2", "goodbye"),
    ]


def test_a_collector_is_ready_once_every_partition_has_acknowledged() -> None:
    producer, local = Partitions(2), Local()
    beating = heart(producer, local)
    assert beating.problem() == "the collector is waiting for Kafka at kafka:9"
    acknowledge(beating, local, 1)
    assert beating.problem() is not None
    acknowledge(beating, local, 2)
    assert (beating.problem(), beating.age()) == (None, 0)


def test_five_seconds_of_silence_on_one_partition_close_the_doors() -> None:
    producer, local = Partitions(2), Local()
    beating = heart(producer, local)
    acknowledge(beating, local, 2)
    local.ns += 5 * 10**9
    assert beating.problem() is None
    local.ns += 10**9
    acknowledge(beating, local, 1)
    assert beating.problem() == "the brokers have not acknowledged a heartbeat for 6 s"
    acknowledge(beating, local, 2)
    assert beating.problem() is None


def test_a_new_partition_must_be_acknowledged_before_it_counts_as_silent() -> None:
    producer, local = Partitions(1), Local()
    beating = heart(producer, local)
    acknowledge(beating, local, 1)
    producer.partitions = 2
    acknowledge(beating, local, 1)
    assert beating.problem() is None
    local.ns += 6 * 10**9
    acknowledge(beating, local, 1)
    assert beating.problem() is not None


@pytest.mark.parametrize(
    "error", [BufferError("full"), KafkaException(KafkaError(KafkaError.BROKER_NOT_AVAILABLE))]
)
def test_a_heartbeat_that_cannot_be_sent_ends_nothing(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    producer, local = Partitions(1), Local()
    producer.error = error
    heart(producer, local).beat()
    assert "a heartbeat could not be sent" in caplog.text


def test_the_brokers_time_is_learned_from_heartbeats() -> None:
    producer, local = Partitions(1), Local()
    clock = BrokerClock(monotonic_ns=local, wall_ms=NOW + 3_600_000)
    beating = Heart(producer, clock, collector="c", interval=1, bootstrap="k", monotonic_ns=local)
    beating.acknowledge(0, local.ns, (TIMESTAMP_LOG_APPEND_TIME, NOW), counts=True)
    assert clock.now_ms() == NOW


def test_the_first_heartbeat_waits_for_the_brokers_time() -> None:
    """What asks for it is a goodbye of a collector that never was, so no reader counts it."""
    local = Local()

    class Answering(Partitions):
        twice = asyncio.Event()

        def send_to(self, partition: int, beat: Event, report: Report) -> None:
            super().send_to(partition, beat, report)
            if len(self.beats) == 2:
                self.twice.set()
            report(None, Message())

    class Message:
        def timestamp(self) -> tuple[int, int]:
            return TIMESTAMP_LOG_APPEND_TIME, NOW - 3_600_000

    producer = Answering(1)

    async def beat_once() -> None:
        task = asyncio.create_task(heart(producer, local).run())
        await producer.twice.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(beat_once())
    hello, first = (beat for _, beat in producer.beats[:2])
    assert (hello.source, hello.variant) == ("c-1-hello", "goodbye")
    assert (first.source, first.variant, first.event_time) == ("c-1", "", NOW - 3_600_000)
