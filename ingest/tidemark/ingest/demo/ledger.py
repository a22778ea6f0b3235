"""The demo's own books: what the collector has accepted, by minute and campaign."""

import fcntl
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tidemark.ingest.replay.batch import Batch
from tidemark.ingest.replay.event import Event
from tidemark.ingest.replay.sender import Answer

MINUTE_MS = 60_000
_KEPT_MINUTES = 10


class LedgerError(RuntimeError):
    """Books that cannot be used; the message is a sentence."""


class Totals(msgspec.Struct):
    """Sums of one campaign, as DESIGN section 1 defines the metrics; money in micros."""

    impressions: int = 0
    clicks: int = 0
    conversions: int = 0
    spend_micros: int = 0
    revenue_micros: int = 0
    events: int = 0

    def add(self, event: Event) -> None:
        """Count one event in."""
        match event.event:
            case "impression":
                self.impressions += event.quantity
            case "click":
                self.clicks += event.quantity
            case "conversion":
                self.conversions += event.quantity
        self.spend_micros += event.cost_micros
        self.revenue_micros += event.value_micros
        self.events += 1

    def merge(self, other: "Totals") -> None:
        """Count all of another's in."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it is kept on disk.

    Attributes:
        seed: of the run.
        start_ms: when its event 0 happened, Unix ms.
        rate: events a second.
        events: how many were accepted.
        ended: whether the collector answered for all that was sent; otherwise the totals are not known.
        saved_ms: when this was written.
        last_answer_ms: when the collector gave its last answer.
        from_ms: start of the minute of the first event.
        to_ms: end of the minute of the last event.
        totals: of that range by campaign, with what an earlier run left in its first minute.
        last_minute: of them those of the last minute.
    """

    seed: int
    start_ms: int
    rate: float
    events: int
    ended: bool
    saved_ms: int
    last_answer_ms: int
    from_ms: int
    to_ms: int
    totals: dict[str, Totals]
    last_minute: dict[str, Totals]


class Ledger:
    """Counts what was accepted.

    Metrics are kept by minute, so the range that is compared begins and ends with a minute; what an earlier
    run of the same seed left in the first one belongs to the totals.

    Attributes:
        totals: of this run by campaign.
        events: how many were accepted.
        refused: the reasons of those that were not.
    """

    def __init__(self, *, seed: int, start_ms: int, rate: float, earlier: Run | None = None) -> None:
        self._seed = seed
        self._start_ms = start_ms
        self._rate = rate
        self._first_minute = start_ms - start_ms % MINUTE_MS
        self._minutes: defaultdict[int, defaultdict[str, Totals]] = defaultdict(lambda: defaultdict(Totals))
        self._last_answer_ms = start_ms
        self.totals: defaultdict[str, Totals] = defaultdict(Totals)
        self.events = 0
        self.refused: list[str] = []
        self._carried = earlier.last_minute if earlier and earlier.to_ms > self._first_minute else {}
        for campaign, totals in self._carried.items():
            self._minutes[self._first_minute][campaign].merge(totals)

    def note_answer(self, batch: Batch, answer: Answer, now_ms: int) -> None:
        """Count a batch by the collector's answer."""
        refused = {refusal.index: refusal for refusal in answer.rejected}
        self.refused += [f"{refusal.field}: {refusal.reason}" for refusal in answer.rejected]
        for index, event in enumerate(batch.events):
            if index in refused:
                continue
            self._minutes[event.event_time - event.event_time % MINUTE_MS][event.campaign_id].add(event)
            self.totals[event.campaign_id].add(event)
            self.events += 1
        self._last_answer_ms = max(self._last_answer_ms, now_ms)
        # Only the last minute is ever asked for, and which one that is may still change a little.
        while len(self._minutes) > _KEPT_MINUTES:
            del self._minutes[min(self._minutes)]

    def run(self, *, ended: bool, now_ms: int) -> Run:
        """The run so far."""
        last_minute = max(self._minutes, default=self._first_minute)
        totals: defaultdict[str, Totals] = defaultdict(Totals)
        for book in (self._carried, self.totals):
            for campaign, sums in book.items():
                totals[campaign].merge(sums)
        return Run(
            seed=self._seed,
            start_ms=self._start_ms,
            rate=self._rate,
            events=self.events,
            ended=ended,
            saved_ms=now_ms,
            last_answer_ms=self._last_answer_ms,
            from_ms=self._first_minute,
            to_ms=last_minute + MINUTE_MS,
            totals=dict(totals),
            last_minute=dict(self._minutes.get(last_minute, {})),
        )


@contextmanager
def alone(home: Path, seed: int) -> Iterator[None]:
    """Hold the seed's books; two runs at once could not tell their events apart.

    Raises:
        LedgerError: another process holds them.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / f"demo-{seed}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LedgerError(
                f"A demo with seed {seed} is running: end it with Ctrl-C, or give another --seed."
            ) from error
        yield


def run_path(home: Path, seed: int) -> Path:
    """Where the last run of a seed is kept."""
    return home / f"demo-{seed}.json"


def save(path: Path, run: Run) -> None:
    """Keep the run; a reader sees the old one or this one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(run)))
    draft.replace(path)


def load(path: Path) -> Run | None:
    """The run that is kept there; None when there is none.

    Raises:
        LedgerError: the file is no run.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Run)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise LedgerError(f"{path} does not hold a run of the demo ({error}): remove it.") from error
