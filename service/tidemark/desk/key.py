"""A question's key: two requests have the same one exactly if they ask for the same."""

import hashlib
import json

from tidemark.query.instant import to_ms
from tidemark.query.request import OrderBy, Request, TimeRange


def canonical(request: Request) -> str:
    """A digest of the request, unresolved: ``lastSeconds`` stays what it is, whatever the time.

    The order of conditions and of their values, and values that stand there twice, make no difference; the
    order of metrics and dimensions does, since columns come in it.
    """
    parts = {
        "metrics": [metric.name for metric in request.metrics],
        "dimensions": [dimension.name for dimension in request.dimensions],
        "where": sorted(
            [condition.dimension.name, condition.operator, sorted(set(condition.values))]
            for condition in request.where
        ),
        "range": _range(request.range),
        "grain": request.grain,
        "limit": request.limit,
        "timezone": request.timezone,
        "compare": request.compare,
        "top": request.top and [request.top.n, request.top.by.name, request.top.other],
        "having": sorted(json.dumps([one.metric.name, one.minimum, one.maximum]) for one in request.having),
        "order": [_order(one) for one in request.order_by],
    }
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _range(asked: TimeRange) -> list[int | None]:
    return [
        None if asked.start is None else to_ms(asked.start),
        None if asked.end is None else to_ms(asked.end),
        asked.last_seconds,
    ]


def _order(one: OrderBy) -> list[str | None]:
    # a metric and a dimension may share no field, but nothing keeps a metric from being called BUCKET
    return [type(one.key).__name__, one.key.name if one.key else None, one.direction]
