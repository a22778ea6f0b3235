"""The topics of definitions: publishing what is in force, and asking for its numbers anew.

``definitions.v1`` holds the canonical form of each experiment by its id, for the services and for the next
publication, and the job's beginning; ``job-experiments.v1`` and ``job-metrics.v1`` hold what the Flink job
needs of them.
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from confluent_kafka import Consumer, KafkaException, TopicPartition

from tidemark.experiments.compacted import PATIENCE, TopicError, consumer, empty, held, send
from tidemark.experiments.definition import Definition
from tidemark.experiments.message import Message, messages
from tidemark.experiments.publication import Publication, plan
from tidemark.experiments.published import BEGINNING, Published, anew, decode, encode, encode_beginning
from tidemark.ingest.topics import DEFINITIONS, EVENTS, JOB_EXPERIMENTS, JOB_METRICS


def published(bootstrap: str) -> dict[str, Published]:
    """Each experiment as it was last published, with those that were removed.

    Raises:
        TopicError: the topic could not be read.
        PublishedError: another version wrote it.
    """
    forms = (form for key, form in held(bootstrap, DEFINITIONS).items() if key != BEGINNING)
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
    _tell(bootstrap, result.in_force, result.removed)
    return result


def renew(bootstrap: str, now_ms: int, *, beginning: bool) -> None:
    """Ask for all numbers anew, as a new generation of each experiment.

    For a job that starts without its state, or whose last rows may be lost with their transaction: the
    generation before is kept as it is, and answers until the new one has caught up.

    Args:
        bootstrap: the brokers.
        now_ms: the time, Unix ms.
        beginning: whether the job is about to begin without state, and knows only what the brokers hold now.

    Raises:
        TopicError: the brokers did not give or take something; renew again.
        PublishedError: another version wrote what is there.
    """
    known = [anew(one, now_ms) for one in published(bootstrap).values()]
    in_force = tuple(one for one in known if not one.is_removed)
    if beginning:
        # a tombstone is nothing to the job: of a generation that it could read it would write other rows
        empty(bootstrap, JOB_METRICS, JOB_EXPERIMENTS)
        send(bootstrap, [(DEFINITIONS, Message(BEGINNING, encode_beginning(first_append(bootstrap))))])
    _tell(bootstrap, in_force, [one for one in known if one.is_removed])


def first_append(bootstrap: str) -> int:
    """When the brokers stored the first event of which every partition still has all that followed, Unix ms.

    0 if nothing was ever taken away.

    Raises:
        TopicError: the topic could not be read.
    """
    reader = consumer(bootstrap)
    try:
        partitions = reader.list_topics(EVENTS, timeout=PATIENCE).topics[EVENTS].partitions
        return max(_first_append(reader, TopicPartition(EVENTS, number)) for number in partitions)
    except KafkaException as error:
        raise TopicError(
            f"{EVENTS} cannot be read: {error}; is the cluster up (`tidemark status`)?"
        ) from error
    finally:
        reader.close()


def _first_append(reader: Consumer, place: TopicPartition) -> int:
    low, high = reader.get_watermark_offsets(place, timeout=PATIENCE)
    if low == 0:
        return 0
    if low == high:
        return round(time.time() * 1000)
    place.offset = low
    reader.assign([place])
    message = reader.poll(PATIENCE)
    if message is None or (error := message.error()) is not None:
        why = "no answer" if message is None or error is None else error.str()
        raise TopicError(f"the first event of {EVENTS}, partition {place.partition}, cannot be read: {why}")
    return int(message.timestamp()[1])


def _tell(bootstrap: str, in_force: Iterable[Published], removed: Iterable[Published]) -> None:
    """Send what is new to the job, and to the topic of definitions what is in force and what was removed."""
    new = messages((), [(one.definition, one.generation) for one in in_force])
    sent: list[tuple[str, Message]] = []
    for topic, rows in ((JOB_METRICS, new.metrics), (JOB_EXPERIMENTS, new.experiments)):
        known = held(bootstrap, topic)
        sent += [(topic, row) for row in rows if known.get(row.key) != row.value]
        sent += [(topic, Message(key, None)) for key in outdated(known, in_force)]
    told = (*in_force, *removed)
    sent += [(DEFINITIONS, Message(one.definition.id.encode(), encode(one))) for one in told]
    send(bootstrap, sent)


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
