"""The steps in their order: freshness, resolve, plan, estimate, execute, shape. They block."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib.resources import files

from tidemark.freshness import Freshness, FreshnessReader
from tidemark.query.catalogue import Dimension
from tidemark.query.database import Database
from tidemark.query.execute import UNBOUNDED, Bounds, estimate, execute
from tidemark.query.frame import Frame
from tidemark.query.instant import to_ms
from tidemark.query.limits import DEFAULT_LIMITS, Limits
from tidemark.query.plan import Plan, plan
from tidemark.query.request import Request, TimeRange
from tidemark.query.resolve import less_of, resolve, shorter
from tidemark.query.shape import shape
from tidemark.query.source import Kept, Rollups

RollupsReader = Callable[[], Rollups | None]
KeptReader = Callable[[datetime], Kept]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question that can be run: its plan, and how far the answer will be complete."""

    plan: Plan
    freshness: Freshness

    @property
    def key(self) -> str:
        """Equal for two questions that have the same answer."""
        return self.plan.key

    @property
    def source(self) -> str:
        """The tables that will answer."""
        return self.plan.source

    @property
    def less(self) -> Mapping[str, object]:
        """The suggestion for a refusal of it because it took too much; empty where there is none."""
        return less_of(self.plan.resolved)

    def shorter(self, share: float) -> TimeRange | None:
        """About so much of its range (below 1); None where it is short already."""
        return shorter(self.plan.resolved, share)


def no_rollups() -> Rollups | None:
    """There are none."""
    return None


def nothing_dropped(_now: datetime) -> Kept:
    """Every table holds everything."""
    return Kept()


@dataclass(frozen=True, slots=True)
class Answerer:
    """Answers parsed questions.

    Attributes:
        database: Where the data is.
        freshness: Reads the watermark, and the time that ``lastSeconds`` counts from.
        currency: The deployment's, ISO 4217.
        limits: What one question may cost.
        rollups: What hours and days hold right; None where there are none.
        kept: Since when each table surely holds everything, seen from an instant.
    """

    database: Database
    freshness: FreshnessReader
    currency: str
    limits: Limits = DEFAULT_LIMITS
    rollups: RollupsReader = no_rollups
    kept: KeptReader = nothing_dropped

    def prepare(self, request: Request, freshness: Freshness) -> Prepared:
        """Resolve and plan. ``freshness`` was read before, so it never claims more than the data will hold.

        Raises:
            QueryError: the question is beyond a limit.
        """
        rollups = self.rollups()
        resolved = resolve(request, freshness.now, self.limits)
        planned = plan(resolved, self.limits, rollups=rollups, kept=self.kept(freshness.now))
        if planned.uses_rollups and rollups is not None:
            # what they hold was checked at their last look, and that is what the answer may claim
            freshness = replace(
                freshness,
                complete_through=_earlier(freshness.complete_through, rollups.through),
                audited_through=_earlier(freshness.audited_through, rollups.audited_through),
            )
        return Prepared(planned, freshness)

    def estimate(self, prepared: Prepared) -> int:
        """How many rows it will read."""
        return estimate(self.database, prepared.plan)

    def run(self, prepared: Prepared, query_id: str | None = None, bounds: Bounds = UNBOUNDED) -> Frame:
        """The answer; with an id the query can be cancelled meanwhile.

        Raises:
            QueryError: it took too long or too much memory.
            TooManyRowsError: it would have read more rows than ``bounds`` allow.
        """
        table = execute(self.database, prepared.plan, self.limits, query_id=query_id, bounds=bounds)
        return shape(prepared.plan, table, prepared.freshness, self.currency)

    def answer(self, request: Request) -> Frame:
        """All steps at once.

        Raises:
            QueryError: the question is beyond a limit, or took too long or too much memory.
        """
        return self.run(self.prepare(request, self.freshness()))

    def cancel(self, query_id: str) -> None:
        """End a query that runs."""
        self.database.cancel(query_id)

    def values(self, dimension: Dimension, search: str | None, first: int) -> list[str]:
        """The most frequent values of a dimension lately, for pickers; ``search`` is contained in them."""
        raw = dimension.column is None
        since = to_ms(self.freshness().now - timedelta(days=_VALUES_DAYS[raw])) // 1000
        parameters = {"since": since, "search": search or "", "first": first}
        if raw:
            parameters["key"] = dimension.property_key or ""
        sql = _PROPERTY_VALUES if raw else _VALUES.replace("$column", dimension.column or "")
        table = self.database.query(sql, parameters)
        return [str(value) for value in table.columns[0]] if table.row_count else []


_VALUES_DAYS = {False: 7, True: 1}
"""What is lately: raw events cost more."""

_SQL = files("tidemark.query") / "sql"
_VALUES = (_SQL / "values.sql").read_text(encoding="utf-8")
_PROPERTY_VALUES = (_SQL / "property_values.sql").read_text(encoding="utf-8")


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else min(one, other)
