"""What a request's resolvers need: the asking side, who asks, and the id that logs name it by."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tidemark.freshness import Freshness
from tidemark.query.caller import Caller
from tidemark.query.catalogue import Dimension
from tidemark.query.frame import Answer
from tidemark.query.limits import Limits
from tidemark.query.request import Request


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller may ask.

    Attributes:
        limits: Of one question and of the caller.
        not_older_than: Where a range may begin at the earliest.
    """

    limits: Limits
    not_older_than: datetime


class Desk(Protocol):
    """The asking side: limits, cache and database behind one door. None of it blocks the event loop."""

    async def ask(self, request: Request, caller: Caller) -> Answer:
        """The answer to a question.

        Raises:
            QueryError: it is refused, or could not be answered.
        """
        ...

    def watch(self, request: Request, caller: Caller, min_interval_ms: int) -> AsyncIterator[Answer]:
        """The answer now, and the newest each time its data changed, at most once per interval.

        Raises:
            QueryError: it is refused, or could not be answered.
        """
        ...

    async def freshness(self) -> Freshness:
        """How far answers are complete."""
        ...

    async def values(self, dimension: Dimension, search: str | None, first: int, caller: Caller) -> list[str]:
        """The most frequent values of a dimension lately, those that contain ``search``."""
        ...

    def allowance(self, caller: Caller) -> Allowance:
        """What this caller may ask."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """One request's.

    Attributes:
        desk: Answers.
        caller: Who asks.
        request_id: What logs and masked errors name the request by.
    """

    desk: Desk
    caller: Caller
    request_id: str
