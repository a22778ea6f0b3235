"""What one question may cost."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one question; each refusal names its limit, its value and what was asked.

    Attributes:
        rows: The largest ``limit``.
        conditions: How many conditions ``where`` may hold.
        values: How many values one condition may hold.
        value_bytes: How long a value may be, in UTF-8; no stored value is longer than 1,000 characters.
        timeout_seconds: After this long ClickHouse ends the query.
        memory_bytes: What ClickHouse may use for the query.
    """

    rows: int = 10_000
    conditions: int = 50
    values: int = 1_000
    value_bytes: int = 16_384
    timeout_seconds: int = 10
    memory_bytes: int = 2_000_000_000


DEFAULT_LIMITS = Limits()
