"""Every offset of ``events.v1`` accounted for: messages that no row can be made of become dead letters too.

ClickHouse's Kafka engine makes no row of a message without bytes, in any format, so such messages are seen by
their
absence: a gap in the offsets that were read. A larger gap means that Kafka no longer had what was never read.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tidemark.ingest.topics import EVENTS
from tidemark.store.database import Database

_LISTED = 1000
"""Of a longer gap one dead letter says how long it is."""

_EMPTY = "the message has no bytes (an empty message, a tombstone or a transaction's marker)"


@dataclass(frozen=True, slots=True)
class Read:
    """What one block read of one partition: offsets ``first`` to ``last`` but for those ``missing``."""

    block: datetime
    partition: int
    first: int
    last: int
    missing: Sequence[int]


@dataclass(frozen=True, slots=True)
class Gap:
    """An offset that made no row, and why."""

    partition: int
    offset: int
    reason: str


def gaps(reads: Iterable[Read], last: dict[int, int]) -> Iterator[Gap]:
    """The offsets that no block holds.

    ``last`` is the newest offset read of each partition and is brought on.
    """
    for read in reads:
        before = last.get(read.partition)
        if before is not None and read.first > before + 1:
            skipped = read.first - before - 1
            if skipped > _LISTED:
                reason = f"{skipped:,} messages from here on were never read: Kafka no longer had them"
                yield Gap(read.partition, before + 1, reason)
            else:
                yield from (Gap(read.partition, offset, _EMPTY) for offset in range(before + 1, read.first))
        if before is None or read.last > before:
            yield from (Gap(read.partition, offset, _EMPTY) for offset in read.missing)
            last[read.partition] = read.last


class OffsetWatch:
    """Turns gaps into dead letters; ``step`` reads what came since the last one.

    What was accounted for is kept, so that a gap is seen however long the service was away. A dead letter
    that is written twice is one row.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        known = database.query("SELECT partition, last, block FROM tidemark.offsets_progress FINAL").rows()
        self._last: dict[int, int] = {partition: last for partition, last, _ in known}
        self._cursor = min((block for _, _, block in known), default=datetime.fromtimestamp(0, UTC))

    def step(self) -> int:
        """Look at the blocks since the last step and return how many gaps they had."""
        rows = self._database.query(
            "SELECT block, partition, first, last, missing FROM tidemark.offsets"
            " WHERE block > {since:DateTime64(6, 'UTC')} ORDER BY block, partition",
            {"since": self._cursor},
        ).rows()
        if not rows:
            return 0
        last = dict(self._last)
        found = list(gaps((Read(*row) for row in rows), last))
        now, cursor = datetime.now(UTC), rows[-1][0]
        if found:
            names = ("topic", "partition", "offset", "at", "door", "field", "reason", "raw")
            letters = [
                (EVENTS, gap.partition, gap.offset, now, "kafka", "message", gap.reason, "") for gap in found
            ]
            self._database.insert("tidemark.rejected", names, letters)
        self._database.insert(
            "tidemark.offsets_progress",
            ("partition", "last", "block", "written_at"),
            [(partition, offset, cursor, now) for partition, offset in last.items()],
        )
        # only now: a step that failed is done again
        self._last, self._cursor = last, cursor
        return len(found)
