"""How far an answer is complete: its watermark."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Freshness:
    """What is known about completeness at one instant. All instants are aware, in UTC.

    It must be read *before* the data it is told with, so that no answer claims more than it holds.

    Attributes:
        now: By the clock of this service.
        complete_through: Every event accepted before this instant is in the tables that answer, raw and
            folded; None before the first heartbeat.
        audited_through: Up to here raw events and folded rows were compared and agree; None before the first
            audit.
    """

    now: datetime
    complete_through: datetime | None
    audited_through: datetime | None

    @property
    def lag_ms(self) -> float | None:
        """``now - complete_through`` in milliseconds, never below 0; None where the latter is."""
        if self.complete_through is None:
            return None
        return max(0.0, (self.now - self.complete_through) / timedelta(milliseconds=1))

    def is_open(self, end: datetime) -> bool:
        """Whether events may still come in before ``end``, the (excluded) end of a range."""
        return self.complete_through is None or self.complete_through < end


FreshnessReader = Callable[[], Freshness]
