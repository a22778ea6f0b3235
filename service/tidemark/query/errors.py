"""Why a question gets no answer: one clear sentence for people, one code for machines."""

from enum import StrEnum


class Code(StrEnum):
    """Machine-readable reasons, ``extensions.code`` in GraphQL."""

    UNKNOWN_NAME = "UNKNOWN_NAME"
    BAD_RANGE = "BAD_RANGE"
    BAD_CONDITION = "BAD_CONDITION"
    BAD_LIMIT = "BAD_LIMIT"
    NOTHING_ASKED = "NOTHING_ASKED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    QUERY_TIMEOUT = "QUERY_TIMEOUT"
    QUERY_TOO_LARGE = "QUERY_TOO_LARGE"
    INTERNAL = "INTERNAL"


class QueryError(ValueError):
    """A question that is refused, or that could not be answered.

    Attributes:
        code: The reason, for machines.
        details: More for machines, such as ``limit`` and ``requested``.
    """

    def __init__(self, code: Code, message: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.details = details
