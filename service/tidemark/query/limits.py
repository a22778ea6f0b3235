"""What one question may cost."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a question and of a caller; a refusal names its limit, its value and what was asked.

    Attributes:
        rows: The largest ``limit``, and the most buckets of a range.
        cells: The most rows times columns.
        metrics: How many metrics a question may name.
        dimensions: How many dimensions a question may name.
        conditions: How many conditions ``where`` may hold, and ``having``, and keys ``orderBy``.
        values: How many values one condition may hold.
        value_bytes: How long a value may be, in UTF-8; no stored value is longer than 1,000 characters.
        range_seconds: The longest range.
        age_seconds: How far back a range may begin.
        timeout_seconds: After this long ClickHouse ends the query.
        memory_bytes: What ClickHouse may use for the query.
        budget_per_minute: Units a caller gets each minute: a unit is a million rows or a gigabyte read.
        caller_queries: How many queries of one caller may be under way, running or waiting.
        queries: How many queries may be under way in all.
    """

    rows: int = 10_000
    cells: int = 250_000
    metrics: int = 50
    dimensions: int = 8
    conditions: int = 50
    values: int = 1_000
    value_bytes: int = 16_384
    range_seconds: int = 5 * 366 * 86_400
    age_seconds: int = 30 * 366 * 86_400
    timeout_seconds: int = 10
    memory_bytes: int = 2_000_000_000
    budget_per_minute: float = 3_000.0
    caller_queries: int = 64
    queries: int = 512


DEFAULT_LIMITS = Limits()
