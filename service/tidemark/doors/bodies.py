"""Answers as JSON objects, their names those of the GraphQL schema; instants are RFC 3339 in UTC."""

from datetime import datetime
from typing import Any

from tidemark.freshness import Freshness
from tidemark.query.catalogue import Catalogue
from tidemark.query.explanation import Explanation
from tidemark.query.frame import Cost, Frame
from tidemark.query.instant import format_instant
from tidemark.query.limits import Limits
from tidemark.query.resolve import Resolved

Body = dict[str, Any]


def frame_body(frame: Frame) -> Body:
    """Everything that is the same as long as the data is: columns, a row an object, what was really asked."""
    names = [column.name for column in frame.columns]
    return {
        "columns": [
            {"name": one.name, "kind": one.kind.value, "unit": _plain(one.unit)} for one in frame.columns
        ],
        "rows": [
            dict(zip(names, row, strict=True))
            for row in zip(*(column.values for column in frame.columns), strict=True)
        ],
        "rowCount": frame.row_count,
        "truncated": frame.truncated,
        "resolved": resolved_body(frame.resolved, frame.source),
    }


def resolved_body(resolved: Resolved, source: str) -> Body:
    """What was really asked."""
    return {
        "from": format_instant(resolved.start),
        "to": format_instant(resolved.end),
        "grain": _plain(resolved.grain),
        "timezone": resolved.timezone,
        "source": source,
        "previousFrom": instant(resolved.previous_start),
        "previousTo": instant(resolved.previous_end),
    }


def freshness_body(known: Freshness, end: datetime) -> Body:
    """How far the answer to a range that ends at ``end`` is complete."""
    return {
        "now": format_instant(known.now),
        "completeThrough": instant(known.complete_through),
        "auditedThrough": instant(known.audited_through),
        "lagMs": known.lag_ms,
        "openBucket": known.is_open(end),
    }


def cost_body(cost: Cost) -> Body:
    """What the answer cost."""
    return {
        "rowsRead": cost.rows_read,
        "bytesRead": cost.bytes_read,
        "elapsedMs": cost.elapsed_ms,
        "cacheHit": cost.cache_hit,
        "charged": cost.charged,
        "remaining": cost.remaining,
    }


def explanation_body(told: Explanation) -> Body:
    """The plan, and under ``run`` what running it took (null where it was not run)."""
    ran = told.rows_read is not None
    return {
        "resolved": resolved_body(told.resolved, told.source),
        "buckets": told.buckets,
        "parts": [
            {"source": part.source, "from": format_instant(part.start), "to": format_instant(part.end)}
            for part in told.parts
        ],
        "sql": told.sql,
        "parameters": [{"name": one.name, "type": one.type, "value": one.value} for one in told.parameters],
        "estimatedRows": told.estimated_rows,
        "price": told.price,
        "limits": {"timeoutMs": told.limits.timeout_seconds * 1000, "memoryBytes": told.limits.memory_bytes},
        "run": {"rowsRead": told.rows_read, "bytesRead": told.bytes_read, "elapsedMs": told.elapsed_ms}
        if ran
        else None,
    }


def catalogue_body(catalogue: Catalogue, currency: str) -> Body:
    """What can be asked for; each name is that of a column, and a word of a question.

    ``currency`` is the unit of amounts, ISO 4217.
    """
    return {
        "metrics": [
            {
                "name": metric.field,
                "label": metric.label,
                "unit": _plain(metric.unit_in(currency)),
                "description": metric.description,
                "expression": metric.expression,
                "interval": metric.is_rate,
            }
            for metric in catalogue.metrics.values()
        ],
        "dimensions": [
            {"name": one.field, "label": one.label, "description": one.description}
            for one in catalogue.dimensions.values()
        ],
        "version": catalogue.version,
    }


def limits_body(limits: Limits, not_older_than: datetime) -> Body:
    """What one question may ask for; every answer tells what the caller's budget has left."""
    return {
        "maxRangeSeconds": limits.range_seconds,
        "notOlderThan": format_instant(not_older_than),
        "maxRows": limits.rows,
        "maxCells": limits.cells,
        "maxMetrics": limits.metrics,
        "maxDimensions": limits.dimensions,
        "maxConditions": limits.conditions,
        "maxValues": limits.values,
        "maxQueries": limits.caller_queries,
        "budgetPerMinute": limits.budget_per_minute,
        "timeoutMs": limits.timeout_seconds * 1000,
    }


def instant(at: datetime | None) -> str | None:
    """An instant's text; None stays None."""
    return None if at is None else format_instant(at)


def _plain(text: str | None) -> str | None:
    """A member of an enum as the text that it is."""
    return None if text is None else str(text)
