"""Why a question gets no answer: one clear sentence for people, one code for machines."""

from enum import StrEnum


class Code(StrEnum):
    """Machine-readable reasons, ``extensions.code`` in GraphQL."""

    UNKNOWN_NAME = "UNKNOWN_NAME"
    UNKNOWN_TIMEZONE = "UNKNOWN_TIMEZONE"
    BAD_RANGE = "BAD_RANGE"
    BAD_CONDITION = "BAD_CONDITION"
    BAD_LIMIT = "BAD_LIMIT"
    BAD_TOP = "BAD_TOP"
    BAD_HAVING = "BAD_HAVING"
    BAD_ORDER = "BAD_ORDER"
    NOTHING_ASKED = "NOTHING_ASKED"
    BAD_PARAMETER = "BAD_PARAMETER"  # of a door that takes words: unknown, or given twice
    NOT_STARTED = "NOT_STARTED"  # of an experiment: a draft
    UNKNOWN_EXPERIMENT = "UNKNOWN_EXPERIMENT"
    BAD_ACKNOWLEDGEMENT = "BAD_ACKNOWLEDGEMENT"  # of an alert that there is not, or by nobody
    BAD_SILENCE = "BAD_SILENCE"
    # limits: `limit`, `requested` and, where there is one, `suggestion` (a part of the question to replace)
    RANGE_TOO_LONG = "RANGE_TOO_LONG"
    RANGE_TOO_OLD = "RANGE_TOO_OLD"
    TOO_MANY_ROWS = "TOO_MANY_ROWS"
    TOO_MANY_CELLS = "TOO_MANY_CELLS"
    TOO_MANY_DIMENSIONS = "TOO_MANY_DIMENSIONS"
    TOO_MANY_METRICS = "TOO_MANY_METRICS"
    TOO_MANY_CONDITIONS = "TOO_MANY_CONDITIONS"
    TOO_MANY_VALUES = "TOO_MANY_VALUES"
    VALUE_TOO_LONG = "VALUE_TOO_LONG"
    # what the question costs, known before it runs or while it does; `retryAfterMs` where waiting helps
    BUDGET_EXHAUSTED = "BUDGET_EXHAUSTED"
    TOO_EXPENSIVE = "TOO_EXPENSIVE"
    TOO_MANY_QUERIES = "TOO_MANY_QUERIES"
    TOO_SLOW = "TOO_SLOW"  # of a subscription that is not read
    QUERY_TIMEOUT = "QUERY_TIMEOUT"
    QUERY_TOO_LARGE = "QUERY_TOO_LARGE"
    INTERNAL = "INTERNAL"


class QueryError(ValueError):
    """A question that is refused, or that could not be answered.

    Attributes:
        code: The reason, for machines.
        details: More for machines: ``limit`` and ``requested`` (numbers), ``retryAfterMs``, ``suggestion``
            (keys of the question with the values that would be accepted).
    """

    def __init__(self, code: Code, message: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.details = details
