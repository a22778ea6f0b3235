"""What became of a file: counted while it is sent, shown or written as JSON at the end."""

from collections import defaultdict
from dataclasses import asdict, dataclass, field

from tidemark.ingest.replay.batch import Batch
from tidemark.ingest.replay.cells import UnreadableError
from tidemark.ingest.replay.event import Sums
from tidemark.ingest.replay.sender import Answer

_MOST_REASONS = 50
"""Reasons may quote what they refuse; beyond so many different ones they are counted together."""
_OTHER = "other reasons"


@dataclass(slots=True)
class Reason:
    """How often something was refused, and the first row where it was."""

    count: int
    first_row: int
    example: str = ""


@dataclass(slots=True)
class Reasons:
    """Reasons, counted."""

    count: int = 0
    by_text: dict[str, Reason] = field(default_factory=dict)

    def add(self, text: str, row: int, example: str = "") -> None:
        """Count a reason once more."""
        self.count += 1
        if text not in self.by_text and len(self.by_text) >= _MOST_REASONS:
            text, example = _OTHER, ""
        known = self.by_text.setdefault(text, Reason(0, row, example))
        known.count += 1
        if row < known.first_row:
            known.first_row, known.example = row, example

    def most_frequent(self) -> list[tuple[str, Reason]]:
        """The reasons, the most frequent first."""
        return sorted(self.by_text.items(), key=lambda item: -item[1].count)

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "count": self.count,
            "reasons": [{"reason": text, **asdict(reason)} for text, reason in self.most_frequent()],
        }


@dataclass(slots=True)
class Report:
    """What became of a file.

    Attributes:
        rows: how many rows were read.
        unreadable: rows or events of rows that were not what the map says, and so were not sent.
        accepted: events the collector accepted.
        rejected: events the collector refused.
        by_event: the sums of the accepted events by their name.
        retries: requests that had to be sent again.
        seconds: from the first event to the last answer.
        shift_ms: what was added to every event's time.
    """

    rows: int = 0
    unreadable: Reasons = field(default_factory=Reasons)
    accepted: int = 0
    rejected: Reasons = field(default_factory=Reasons)
    by_event: defaultdict[str, Sums] = field(default_factory=lambda: defaultdict(Sums))
    retries: int = 0
    seconds: float = 0.0
    shift_ms: int = 0

    @property
    def sent(self) -> int:
        """Events that the collector answered for."""
        return self.accepted + self.rejected.count

    @property
    def events_per_second(self) -> float:
        """Events the collector answered for, a second."""
        return self.sent / self.seconds if self.seconds else 0.0

    @property
    def is_clean(self) -> bool:
        """Whether all of the file is in."""
        return not self.unreadable.count and not self.rejected.count

    def note_unreadable(self, row: int, problem: UnreadableError) -> None:
        """Count what could not be sent."""
        self.unreadable.add(f"{problem.path}: {problem.reason}", row, problem.cell[:60])

    def note_answer(self, batch: Batch, answer: Answer) -> None:
        """Count a batch by the collector's answer."""
        self.accepted += answer.accepted
        refused = {refusal.index for refusal in answer.rejected}
        for refusal in answer.rejected:
            event = batch.events[refusal.index]
            reason = f"{refusal.field}: {refusal.reason}" if refusal.field else refusal.reason
            self.rejected.add(reason, batch.numbers[refusal.index], event.event_id)
        for index, event in enumerate(batch.events):
            if index not in refused:
                self.by_event[event.event].add(event)

    def as_json(self) -> dict[str, object]:
        """For machines; times in seconds, money in micros."""
        return {
            "rows": self.rows,
            "sent": self.sent,
            "accepted": self.accepted,
            "rejected": self.rejected.as_json(),
            "unreadable": self.unreadable.as_json(),
            "by_event": {name: asdict(sums) for name, sums in sorted(self.by_event.items())},
            "retries": self.retries,
            "seconds": round(self.seconds, 3),
            "events_per_second": round(self.events_per_second, 1),
            "shift_ms": self.shift_ms,
        }
