"""Raw events for an experiment job that began without its state, where Kafka no longer reaches.

Kafka keeps a week; ClickHouse keeps what was there before. Whatever a generation needs of it is written to
``history.v1``, which the job reads beside ``events.v1``; it knows an event by its identity, so one that comes
twice counts once. Such a generation is whole when the job has committed what it read, and everything after.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from tidemark.experiments.definition import Definition
from tidemark.experiments.message import experiment_row, metric_rows
from tidemark.experiments.published import Published
from tidemark.experiments.registry import Registry
from tidemark.experiments.statement import template
from tidemark.ingest.topics import HISTORY
from tidemark.query.instant import format_instant, from_ms, to_ms
from tidemark.store.database import Database

log = logging.getLogger("tidemark.history")

JOB_GROUP = "tidemark-flink-experiment"
"""The consumer group under which the job commits what its checkpoints hold."""

_MOST = 200_000
"""Events of one read; a single minute may hold more."""

_TURN = 1.0
"""Seconds after which a step ends, so that the thread can end; the next one goes on."""

_PATIENCE = 15.0
_COUNTS, _EVENTS = template("history_counts"), template("history_events")


@dataclass(frozen=True, slots=True)
class Sent:
    """A generation whose events are all sent; ``end`` is the offset behind them."""

    experiment: str
    generation: int
    end: int


def first_needed(definition: Definition) -> int | None:
    """The least time of an event that can count, Unix ms; None for a draft."""
    row = experiment_row(definition)
    return None if row is None else int(row["start_ms"]) - int(row["covariate_ms"])


def needs_history(definition: Definition, beginning_ms: int) -> bool:
    """Whether events can count that the job cannot know, which began at ``beginning_ms`` (Unix ms)."""
    first = first_needed(definition)
    return first is not None and first < beginning_ms


def spans(counts: Iterable[tuple[int, int]], most: int) -> Iterator[tuple[int, int]]:
    """Adjacent minutes that hold at most so many events together, as [from, to) in Unix s.

    ``counts``: minutes (Unix s, rising) with their events. A minute that holds more stands alone.
    """
    first, end, held = 0, 0, 0
    for minute, count in counts:
        if held and held + count > most:
            yield first, end
            held = 0
        if not held:
            first = minute
        end, held = minute + 60, held + count
    if held:
        yield first, end


class History:
    """Sends what is needed, one generation after another; ``step`` is called again and again."""

    def __init__(
        self, database: Database, bootstrap: str, registry: Registry, *, floor: Callable[[], datetime]
    ) -> None:
        """``floor``: since when raw events are surely all there."""
        self._database, self._bootstrap, self._registry, self._floor = database, bootstrap, registry, floor
        self._work: Iterator[Sent | None] | None = None
        self._sent: Sent | None = None
        self._given_up: set[tuple[str, int]] = set()

    def step(self) -> None:
        """Go on for about a second.

        Raises:
            KafkaException: the brokers did not take or tell something; the generation begins again.
        """
        if self._sent is not None:
            if self._committed() >= self._sent.end:
                self._finish(self._sent)
                self._sent = None
            return
        if self._work is None:
            self._work = self._next()
        until = time.monotonic() + _TURN
        try:
            while self._work is not None and self._sent is None and time.monotonic() < until:
                self._sent = next(self._work)
                if self._sent is not None:
                    self._work = None
        except BaseException:
            self._work = None
            raise

    def _next(self) -> Iterator[Sent | None] | None:
        """The work on a generation that needs it; None if there is none."""
        beginning = self._registry.beginning_ms()
        needy = [
            one for one in self._registry.published().values() if needs_history(one.definition, beginning)
        ]
        if not needy:
            return None
        done = set(
            self._database.query("SELECT experiment_id, generation FROM tidemark.experiment_history").rows()
        )
        for one in needy:
            key = (one.definition.id, one.generation)
            if key not in done and key not in self._given_up and self._is_kept(one):
                return self._feed(one, beginning)
        return None

    def _is_kept(self, one: Published) -> bool:
        first = first_needed(one.definition)
        if first is not None and to_ms(self._floor()) <= first:
            return True
        self._given_up.add((one.definition.id, one.generation))
        log.error(
            "experiment %s cannot be counted again: it needs events since %s, and raw events are kept since "
            "%s; its numbers stay those of before the job's state was lost. Declare another experiment, and "
            "keep raw events longer (TIDEMARK_RETENTION_RAW_DAYS)",
            one.definition.id,
            format_instant(from_ms(first or 0)),
            format_instant(self._floor()),
        )
        return False

    def _feed(self, one: Published, beginning: int) -> Iterator[Sent | None]:
        """Send the events of a generation; yields None after each part, and at last what was sent."""
        definition = one.definition
        scope = {
            "experiment": definition.id,
            "events": sorted({str(key["event"]) for key, _ in metric_rows(definition)}),
            "first_ms": first_needed(definition),
            "beginning_ms": beginning,
        }
        counts = self._database.query(_COUNTS.substitute(), scope).rows()
        total, sent = sum(count for _, count in counts), 0
        log.info(
            "experiment %s: %s events from before the job's beginning are read again",
            definition.id,
            f"{total:,}",
        )
        producer = Producer(
            {"bootstrap.servers": self._bootstrap, "acks": "all", "enable.idempotence": True, "linger.ms": 20,
             "compression.type": "lz4", "queue.buffering.max.messages": 2 * _MOST, "log_level": 0}
        )  # fmt: skip
        for start, end in spans(counts, _MOST):
            bounds = scope | {"from_s": start, "to_s": end}
            table = self._database.query(_EVENTS.substitute(), bounds)
            for event_id, text in table.rows():
                producer.produce(HISTORY, key=event_id, value=text)
            left = producer.flush(_PATIENCE)
            if left:
                raise KafkaException(
                    f"the brokers did not take {left:,} events of {HISTORY} in {_PATIENCE:.0f} s"
                )
            sent += table.row_count
            yield None
        log.info("experiment %s: %s events are sent to the job", definition.id, f"{sent:,}")
        yield Sent(definition.id, one.generation, self._end())

    def _finish(self, sent: Sent) -> None:
        now = datetime.now(UTC)
        self._database.insert(
            "tidemark.experiment_history",
            ("experiment_id", "generation", "read_at"),
            [(sent.experiment, sent.generation, now)],
        )
        log.info("experiment %s: the job has read them", sent.experiment)

    def _end(self) -> int:
        """The offset behind the last event of the topic."""
        consumer = self._consumer()
        try:
            return consumer.get_watermark_offsets(TopicPartition(HISTORY, 0), timeout=_PATIENCE)[1]
        finally:
            consumer.close()

    def _committed(self) -> int:
        """The offset up to which the job's checkpoints hold what it read."""
        consumer = self._consumer()
        try:
            (place,) = consumer.committed([TopicPartition(HISTORY, 0)], timeout=_PATIENCE)
            return max(int(place.offset), 0)  # nothing read is a negative number
        finally:
            consumer.close()

    def _consumer(self) -> Consumer:
        return Consumer({"bootstrap.servers": self._bootstrap, "group.id": JOB_GROUP, "log_level": 0})
