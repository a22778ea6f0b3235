"""Since when each table holds everything, seen from an instant."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tidemark.query.instant import to_ms
from tidemark.query.source import Kept


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days each table keeps; 0: for ever."""

    raw_days: int = 0
    minute_days: int = 0
    hour_days: int = 0

    def kept(self, now: datetime) -> Kept:
        """Since when each table holds everything."""
        return Kept(*(_since(now, days) for days in (self.raw_days, self.minute_days, self.hour_days)))


NOTHING_DROPPED = Retention()


def _since(now: datetime, days: int) -> int | None:
    return to_ms(now - timedelta(days=days)) if days else None
