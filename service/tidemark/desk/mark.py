"""What an answer depends on."""

from dataclasses import dataclass
from datetime import datetime

from tidemark.query.answer import Prepared


@dataclass(frozen=True, slots=True)
class Mark:
    """A question and the watermark it was asked at: equal marks, answers equally fresh.

    Attributes:
        key: The prepared question's.
        complete_through: Of the reading before the question; None while nothing is known.
        audited_through: Likewise.
    """

    key: str
    complete_through: datetime | None
    audited_through: datetime | None

    @classmethod
    def of(cls, prepared: Prepared) -> "Mark":
        """The mark of a question that is asked now."""
        known = prepared.freshness
        return cls(prepared.key, known.complete_through, known.audited_through)

    @property
    def is_known(self) -> bool:
        """Whether there is a watermark; without one nothing tells an old answer from a new one."""
        return self.complete_through is not None
