"""What a table with sparklines asks for: the totals of its lines, and their buckets."""

import csv
import io
from typing import Any

from tidemark.query.limits import DEFAULT_LIMITS
from tidemark.query.options import Words

# What decides how many rows there are and in which order is settled by the totals.
_OF_LINES_ONLY = frozenset({"last", "from", "to", "compare", "having", "order", "limit"})
_MOST_VALUES = 200  # of a condition in an address


def totals(words: Words) -> Words:
    """The same question over the whole range: rates and users do not add up, so they are asked for."""
    return [
        (name, _without_bucket(value) if name == "order" else value)
        for name, value in words
        if name != "grain"
    ]


def buckets(words: Words, total: dict[str, Any]) -> Words:
    """The buckets of the range that the totals answer, whatever the clock does between the two."""
    resolved, columns = total["resolved"], len(total["columns"]) + 1
    return [
        *((name, value) for name, value in words if name not in _OF_LINES_ONLY),
        ("from", resolved["from"]),
        ("to", resolved["to"]),
        ("limit", str(min(DEFAULT_LIMITS.rows, DEFAULT_LIMITS.cells // columns))),
    ]


def narrowed(words: Words, total: dict[str, Any]) -> Words | None:
    """The buckets of the lines that the totals show, for when not all fit; None if that cannot be asked."""
    dimension = next((column["name"] for column in total["columns"] if column["kind"] == "DIMENSION"), None)
    if dimension is None or any(name == "top" for name, _ in words):  # top has chosen already
        return None
    shown = list(dict.fromkeys(row[dimension] for row in total["rows"]))
    if not 0 < len(shown) <= _MOST_VALUES:
        return None
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(shown)
    return [*buckets(words, total), ("where", f"{dimension}={text.getvalue()}")]


def _without_bucket(order: str) -> str:
    """The keys that totals have."""
    return ",".join(key for key in order.split(",") if key.strip().lstrip("-").lower() != "bucket")
