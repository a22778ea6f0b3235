"""The steps in their order: freshness, resolve, plan, execute, shape."""

from dataclasses import dataclass

from tidemark.freshness import FreshnessReader
from tidemark.query.database import Database
from tidemark.query.execute import execute
from tidemark.query.frame import Frame
from tidemark.query.limits import DEFAULT_LIMITS, Limits
from tidemark.query.plan import plan
from tidemark.query.request import Request
from tidemark.query.resolve import resolve
from tidemark.query.shape import shape


@dataclass(frozen=True, slots=True)
class Answerer:
    """Answers parsed questions. Blocking: call it from a thread.

    Attributes:
        database: Where the data is.
        freshness: Reads the watermark, and the time that ``lastSeconds`` counts from.
        currency: The deployment's, ISO 4217.
        limits: What one question may cost.
    """

    database: Database
    freshness: FreshnessReader
    currency: str
    limits: Limits = DEFAULT_LIMITS

    def answer(self, request: Request) -> Frame:
        """The answer to a question.

        Raises:
            QueryError: it took too long or too much memory.
        """
        # before the data, so that the watermark never claims more than the data holds
        freshness = self.freshness()
        planned = plan(resolve(request, freshness.now), self.limits)
        return shape(planned, execute(self.database, planned, self.limits), freshness, self.currency)
