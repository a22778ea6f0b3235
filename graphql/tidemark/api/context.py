"""What a request brings to the resolvers: who asks, and the desk that answers."""

from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tidemark.alerts.serving import Serving
from tidemark.alerts.shown import AlertState
from tidemark.desk.allowance import Allowance
from tidemark.desk.feed import Tidings
from tidemark.desk.poller import News
from tidemark.experiments.definition import Status
from tidemark.experiments.experiment import Experiment
from tidemark.freshness import Freshness
from tidemark.query.caller import Caller
from tidemark.query.catalogue import Dimension
from tidemark.query.database import Database
from tidemark.query.frame import Answer
from tidemark.query.request import Request

T = TypeVar("T")


class Desk(Protocol):
    """Where questions are asked; nothing in it blocks the event loop. All of it may raise `QueryError`."""

    async def ask(self, request: Request, caller: Caller) -> Answer:
        """The answer to one question."""
        ...

    def watch(self, request: Request, caller: Caller, min_interval_ms: int) -> AsyncIterator[News]:
        """An answer at once, and a new one when data changed, at most one in ``min_interval_ms``.

        An error that may pass comes as a value: it is that of one response, and the stream goes on.
        """
        ...

    async def freshness(self) -> Freshness:
        """How far answers are complete now."""
        ...

    async def tend(self, work: Callable[[Serving], T], caller: Caller, *, writes: bool = False) -> T:
        """What blocking ``work`` finds of alerts, or writes down."""
        ...

    def follow(self, states: Collection[AlertState], caller: Caller) -> AsyncIterator[Tidings]:
        """Each alert in these states once, then each that changes.

        What cannot be read for a while comes as a value: it is the error of one response.
        """
        ...

    async def values(self, dimension: Dimension, search: str | None, first: int, caller: Caller) -> list[str]:
        """The ``first`` most frequent values of a dimension lately that contain ``search``."""
        ...

    def experiment(self, id_: str) -> Experiment | None:
        """The experiment of this id; None if there is none."""
        ...

    def experiments(self, status: Status | None) -> list[Experiment]:
        """All experiments, or those of a status."""
        ...

    async def read(self, work: Callable[[Database], T], caller: Caller) -> T:
        """What blocking ``work`` finds of an experiment."""
        ...

    def allowance(self, caller: Caller) -> Allowance:
        """What the caller may ask now."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """One request's: its desk, its caller, and the id under which the log tells of it."""

    desk: Desk
    caller: Caller
    request_id: str
