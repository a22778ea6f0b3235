"""Running a plan: the steps that touch the database."""

from dataclasses import dataclass

from tidemark.query.database import Database, Table
from tidemark.query.errors import Code, QueryError
from tidemark.query.limits import DEFAULT_LIMITS, Limits
from tidemark.query.plan import Plan
from tidemark.query.resolve import less_of

_SHORTER = "ask for a shorter range, for fewer campaigns, or with from and to on whole minutes"
_ESTIMATED_ROWS = 3
"""The column of an EXPLAIN ESTIMATE: database, table, parts, rows, marks."""


def estimate(database: Database, plan: Plan) -> int:
    """How many rows the plan's SELECT will read, from the tables' indexes."""
    table = database.query(plan.estimate_sql, plan.estimate_parameters)
    return sum(table.columns[_ESTIMATED_ROWS]) if table.row_count else 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one run may take.

    Attributes:
        rows: The most rows it may read; the engine refuses more by its index, before it reads any.
        threads: How many it may use; None: as many as there are cores.
    """

    rows: int | None = None
    threads: int | None = None

    @property
    def settings(self) -> str:
        """As ClickHouse's settings, to stand behind those of the statement."""
        found = {"max_rows_to_read": self.rows, "max_threads": self.threads}
        return "".join(f", {name} = {value:d}" for name, value in found.items() if value is not None)


UNBOUNDED = Bounds()


class TooManyRowsError(Exception):
    """More rows would have been read than the run was allowed."""


def execute(
    database: Database,
    plan: Plan,
    limits: Limits = DEFAULT_LIMITS,
    *,
    query_id: str | None = None,
    bounds: Bounds = UNBOUNDED,
) -> Table:
    """Run the plan's SELECT.

    Raises:
        QueryError: it took too long or too much memory. Other errors of the database pass through.
        TooManyRowsError: it would have read more rows than ``bounds`` allow.
    """
    try:
        return database.query(plan.sql + bounds.settings, plan.parameters, query_id=query_id)
    except Exception as error:
        if "TOO_MANY_ROWS" in str(error):
            raise TooManyRowsError from error
        refused = over_limit(
            error,
            limits,
            slow=_SHORTER,
            large=f"{_SHORTER}, or for fewer dimensions",
            **less_of(plan.resolved),
        )
        if refused is not None:
            raise refused from error
        raise


def over_limit(
    error: Exception, limits: Limits, *, slow: str, large: str, **details: object
) -> QueryError | None:
    """The refusal that the engine's error is, or None: it took too long, or too much memory.

    ``slow`` and ``large`` say what to ask for instead; ``details`` are the refusal's.
    """
    # the engine's own names of its errors, in every message of its
    text = str(error)
    if "TIMEOUT_EXCEEDED" in text or "TOO_SLOW" in text or "QUERY_WAS_CANCELLED" in text:
        seconds = limits.timeout_seconds
        message = f"The query took longer than {seconds} s and was ended; {slow}."
        return QueryError(Code.QUERY_TIMEOUT, message, limit=seconds, **details)
    if "MEMORY_LIMIT_EXCEEDED" in text:
        size = limits.memory_bytes
        message = f"The query needed more than {size // 10**6:,} MB; {large}."
        return QueryError(Code.QUERY_TOO_LARGE, message, limit=size, **details)
    return None
