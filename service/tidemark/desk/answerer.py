"""What the desk needs of the query side; all but `freshness` and `prepare` blocks and runs in threads."""

from collections.abc import Sequence
from typing import Protocol

from tidemark.freshness import Freshness
from tidemark.query.answer import Prepared
from tidemark.query.catalogue import Dimension
from tidemark.query.execute import Bounds
from tidemark.query.frame import Frame
from tidemark.query.request import Request


class Answerer(Protocol):
    """Answers questions, one step at a time. Safe to call from threads."""

    def freshness(self) -> Freshness:
        """How far the tables are complete now; cheap, from memory."""

    def prepare(self, request: Request, freshness: Freshness) -> Prepared:
        """Resolve and plan; pure, under a millisecond.

        Raises:
            QueryError: the question is refused.
        """

    def estimate(self, prepared: Prepared) -> int:
        """About how many rows will be read; about a millisecond."""

    def run(self, prepared: Prepared, query_id: str, bounds: Bounds) -> Frame:
        """The answer.

        Raises:
            QueryError: it took too long or too much memory.
            TooManyRowsError: it would have read more rows than ``bounds`` allow.
        """

    def cancel(self, query_id: str) -> None:
        """End that query, so that its `run` returns; nothing happens if there is no such query (yet)."""

    def values(self, dimension: Dimension, search: str | None, first: int) -> Sequence[str]:
        """The ``first`` most frequent values of a dimension lately that contain ``search``."""
