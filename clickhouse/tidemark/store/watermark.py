"""How far the tables are complete, concluded from heartbeats (DESIGN rule 7). Pure: rows in, instants out.

Each collector sends heartbeats to every partition of ``events.v1``, behind the events it accepted; ``at`` is
when the brokers stored one. They reach ClickHouse on three paths: *raw* (from ``events.v1`` itself),
*folded* (through the campaign job, one cell for each collector and partition) and *experiment* (through the
experiment job, whose transaction shows a heartbeat together with all that came ahead of it). Three things
must not be mistaken for completeness:

* **A block of which only a part is visible.** One read of a Kafka table fills several tables, in no certain
  order, and is read again under a new name when one of them fails. Kafka hands out what follows a heartbeat
  only when the heartbeat's block was written whole: so it counts once a newer heartbeat of its partition is
  visible in a later block, and one that is read again is to be proved anew.
* **A mini-batch of which only a part is written.** Flink flushes a mini-batch in no particular order, so a
  heartbeat may stand in the topic before an event that came ahead of it. Two values of one heartbeat cell
  never come from one mini-batch, and mini-batches are written in order: the newer value proves the older one.
  After a pause the proof is begun anew: a job restored from a checkpoint folds events from before its crash
  together with newer heartbeats.
* **A transaction of which only a part was read.** The experiment job commits what it read between two
  checkpoints, in no particular order, and a large transaction may be read in several blocks. So its
  heartbeats count only when two later blocks have newer ones; a commit is read in one or two.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

_GONE = timedelta(seconds=10)
"""A collector whose newest heartbeat is older stops counting, once Flink has passed its last record."""

_FORGOTTEN = timedelta(hours=1)
_MOST_PARTITIONS = 10_000
_KEPT = 4

_PAUSE = timedelta(seconds=1.5)
"""A folded heartbeat that comes so long after the one before may be the first after a restore."""


class Path(StrEnum):
    """The way from the collector into ClickHouse."""

    RAW = "raw"
    FOLDED = "folded"
    EXPERIMENT = "experiment"


CAMPAIGN = (Path.RAW, Path.FOLDED)
"""The paths of what metrics are answered from. The experiments' own lags behind them by its commits."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One heartbeat as ClickHouse got it; ``block`` orders the reads of one path.

    ``goodbye``: it is the collector's last one on the partition (told on the raw path only).
    """

    path: Path
    block: datetime
    collector: str
    partition: int
    partitions: int
    at: datetime
    goodbye: bool = False


@dataclass(slots=True)
class _Cell:
    """The heartbeats of one collector and partition on one path: of each block the newest, in order."""

    seen: list[tuple[datetime, datetime]] = field(default_factory=list)  # (at, block)

    def add(self, at: datetime, block: datetime, *, pause_breaks: bool) -> None:
        if self.seen and pause_breaks and block - self.seen[-1][1] > _PAUSE:
            self.seen.clear()
        while self.seen and self.seen[-1][0] >= at:
            self.seen.pop()  # read again, so its block was not written whole, or the job went back
        if self.seen and self.seen[-1][1] == block:
            self.seen.pop()
        self.seen.append((at, block))
        del self.seen[:-_KEPT]

    def proved(self, path: Path) -> datetime | None:
        """The newest value that a later block proves, and on the folded path a later mini-batch too."""
        back = 2 if path is Path.RAW else 3
        return self.seen[-back][0] if len(self.seen) >= back else None

    @property
    def newest(self) -> datetime:
        return self.seen[-1][0]


class Tide:
    """What is complete on each path, as far as the heartbeats observed so far prove it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest_block: dict[Path, datetime] = {}
        self._cells: dict[Path, dict[tuple[str, int], _Cell]] = {path: {} for path in Path}
        self._partitions: dict[str, int] = {}
        self._said_goodbye: set[str] = set()
        self._proved: dict[Path, datetime] = {}
        self._newest = datetime.min.replace(tzinfo=UTC)

    def observe(self, heartbeats: Iterable[Heartbeat]) -> None:
        """Take heartbeats in, each path's in the order of its blocks."""
        with self._lock:
            for beat in heartbeats:
                self._observe(beat)

    def newest_block(self, path: Path) -> datetime | None:
        """The newest block with a heartbeat: what was touched before it is worth a look."""
        return self._newest_block.get(path)

    def through(self, path: Path) -> datetime | None:
        """Every event accepted before this instant has come in on ``path``; None before the first proof.

        What was proved stays proved, so the answer never goes back.
        """
        with self._lock:
            proved = self._prove(path)
            before = self._proved.get(path)
            if proved is not None and (before is None or proved > before):
                self._proved[path] = proved
            return self._proved.get(path)

    def _observe(self, beat: Heartbeat) -> None:
        if not 0 <= beat.partition < beat.partitions <= _MOST_PARTITIONS:
            return  # no collector of ours wrote it
        self._newest_block[beat.path] = max(beat.block, self._newest_block.get(beat.path, beat.block))
        cell = self._cells[beat.path].setdefault((beat.collector, beat.partition), _Cell())
        cell.add(beat.at, beat.block, pause_breaks=beat.path is Path.FOLDED)
        if beat.path is Path.RAW:
            self._newest = max(self._newest, beat.at)
            if beat.collector not in self._partitions:
                self._forget_old()
            known = self._partitions.get(beat.collector, 0)
            self._partitions[beat.collector] = max(beat.partitions, known)
            if beat.goodbye:
                self._said_goodbye.add(beat.collector)

    def _prove(self, path: Path) -> datetime | None:
        least: datetime | None = None
        for collector, partitions in self._partitions.items():
            if not self._counts(collector, path):
                continue
            for partition in range(partitions):
                cell = self._cells[path].get((collector, partition))
                at = cell.proved(path) if cell else None
                if at is None:
                    return None
                least = at if least is None else min(least, at)
        return least

    def _counts(self, collector: str, path: Path) -> bool:
        """Whether the collector may still have events under way on the path.

        Silence is measured by the newest heartbeat of any collector, so by the brokers' clock alone.
        """
        beats = self._beats(collector)
        if collector not in self._said_goodbye and self._newest - max(beats.values()) <= _GONE:
            return True
        cells = self._cells[path]
        return path is not Path.RAW and any(
            (collector, partition) not in cells or cells[collector, partition].newest < newest
            for partition, newest in beats.items()
        )

    def _beats(self, collector: str) -> dict[int, datetime]:
        """The newest heartbeat that the topic holds of each partition."""
        raw = self._cells[Path.RAW]
        return {
            partition: raw[collector, partition].newest
            for partition in range(self._partitions[collector])
            if (collector, partition) in raw
        }

    def _forget_old(self) -> None:
        """Drop the collectors that ended long ago, so that restarts do not add up."""
        for collector in list(self._partitions):
            if self._newest - max(self._beats(collector).values()) > _FORGOTTEN and not any(
                self._counts(collector, path) for path in Path
            ):
                del self._partitions[collector]
                self._said_goodbye.discard(collector)
                for cells in self._cells.values():
                    for key in [key for key in cells if key[0] == collector]:
                        del cells[key]
