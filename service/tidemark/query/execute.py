"""Running a plan: the one step that touches the database."""

from tidemark.query.database import Database, Table
from tidemark.query.errors import Code, QueryError
from tidemark.query.limits import DEFAULT_LIMITS, Limits
from tidemark.query.plan import Plan


def execute(database: Database, plan: Plan, limits: Limits = DEFAULT_LIMITS) -> Table:
    """Run the plan's SELECT.

    Raises:
        QueryError: it took too long or too much memory. Other errors of the database pass through.
    """
    try:
        return database.query(plan.sql, plan.parameters)
    except Exception as error:
        # the engine's own names of its errors, in every message of its
        text = str(error)
        if "TIMEOUT_EXCEEDED" in text or "TOO_SLOW" in text:
            raise QueryError(
                Code.QUERY_TIMEOUT,
                f"The query took longer than {limits.timeout_seconds} s; ask for a shorter range, for fewer "
                "campaigns, or with from and to on whole minutes.",
                limit=limits.timeout_seconds,
            ) from error
        if "MEMORY_LIMIT_EXCEEDED" in text:
            raise QueryError(
                Code.QUERY_TOO_LARGE,
                f"The query needed more than {limits.memory_bytes // 10**6:,} MB; ask for a shorter range, "
                "for fewer dimensions, or with from and to on whole minutes.",
                limit=limits.memory_bytes,
            ) from error
        raise
