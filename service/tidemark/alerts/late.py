"""Events that came after their window was judged: which minutes they touched."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files

from tidemark.store.database import Database

_TOUCHED = (files("tidemark.alerts") / "sql" / "touched.sql").read_text(encoding="utf-8")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE_MS = 60_000


@dataclass(slots=True)
class Late:
    """Reads the marks that the audit keeps, each once.

    A mark counts when the watermark has passed the instant at which the brokers stored the event: only then
    every table has it.
    """

    database: Database
    seen: datetime = _EPOCH
    waiting: dict[int, int] = field(default_factory=dict)
    """By minute (Unix ms) when the newest of the events that touched it was stored, Unix ms."""

    def minutes(self, complete_ms: int) -> set[int]:
        """The minutes (Unix ms) before the watermark that late events touched, and that are whole now."""
        bound = {"seen": self.seen, "complete_ms": complete_ms}
        for minute_ms, stored_ms, block in self.database.query(_TOUCHED, bound).rows():
            self.waiting[minute_ms] = max(stored_ms, self.waiting.get(minute_ms, 0))
            self.seen = max(self.seen, block)
        ready = {minute for minute, stored_ms in self.waiting.items() if stored_ms < complete_ms}
        for minute in ready:
            del self.waiting[minute]
        return ready


def touches(minutes: set[int], start_ms: int, end_ms: int) -> bool:
    """Whether a window holds one of the minutes, or part of it."""
    return any(start_ms < minute + MINUTE_MS and minute < end_ms for minute in minutes)
