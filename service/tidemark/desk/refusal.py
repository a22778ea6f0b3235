"""Which refusals pass: what a caller may do about an error, and whether time helps."""

from typing import Final

from tidemark.query.errors import Code, QueryError

# About the caller that asked, not about the question: another caller may get an answer.
PERSONAL: Final = frozenset({Code.BUDGET_EXHAUSTED, Code.TOO_MANY_QUERIES})
# The same question may be answered later. A question that is too large or too expensive stays so.
_PASSING: Final = PERSONAL | {Code.QUERY_TIMEOUT, Code.INTERNAL}


def is_personal(error: Exception) -> bool:
    """Whether it says nothing to other callers."""
    return isinstance(error, QueryError) and error.code in PERSONAL


def is_passing(error: Exception) -> bool:
    """Whether the same question may be answered later; of errors that nobody expected this is hoped."""
    return not isinstance(error, QueryError) or error.code in _PASSING


def retry_seconds(error: Exception) -> float:
    """How long it says to wait; 0 if it does not."""
    after = error.details.get("retryAfterMs") if isinstance(error, QueryError) else None
    return after / 1000 if isinstance(after, int | float) else 0.0


def reason(error: Exception) -> str:
    """What tells it from other errors: its code, or its type."""
    return error.code if isinstance(error, QueryError) else type(error).__name__
