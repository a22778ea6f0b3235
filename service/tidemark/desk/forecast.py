"""What a question will read, guessed from the last one of its shape.

The engine refuses what would read more than a caller has left, by its index and before it reads
(``max_rows_to_read``). So no EXPLAIN ESTIMATE is needed before each query, which costs half as much as a
small query itself (``bench/price.py`` prints both). The guess serves two ends: what is expensive is
reserved before it runs, and what is small gets one thread.
"""

from cachetools import LRUCache

from tidemark.query.answer import Prepared
from tidemark.query.execute import Bounds

_SHAPES = 2_000
_SMALL_ROWS = 1_000_000
"""What one thread reads in some 100 ms; a second one would cost more than it saves."""


class Forecast:
    """Rows read by shape: the statement's text, in which no value of a question stands."""

    def __init__(self) -> None:
        self._rows: LRUCache[str, int] = LRUCache(_SHAPES)

    def rows(self, prepared: Prepared) -> int | None:
        """What the last question of this shape read; None if there was none lately."""
        found: int | None = self._rows.get(prepared.plan.sql)
        return found

    def learn(self, prepared: Prepared, rows: int) -> None:
        """This one has read so much."""
        self._rows[prepared.plan.sql] = rows

    def bounds(self, prepared: Prepared, units: float) -> Bounds:
        """What a run may take whose caller has so many units (a unit is a million rows)."""
        rows = self.rows(prepared)
        small = rows is not None and rows < _SMALL_ROWS
        return Bounds(rows=max(1, int(units * 1e6)), threads=1 if small else None)
