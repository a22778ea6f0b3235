"""What a caller may ask."""

from dataclasses import dataclass
from datetime import datetime

from tidemark.query.limits import Limits


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller may ask now: its limits, and the earliest instant a range may begin at (aware, UTC)."""

    limits: Limits
    not_older_than: datetime
