"""What a refusal suggests: parts of the question to replace, as GraphQL's MetricsQuery writes them.

Each gives what comes nearest to what was asked and would be accepted.
"""

import math
from collections.abc import Container, Sequence

from tidemark.query.limits import Limits

Part = dict[str, object]
WhereAsked = tuple[str, str, Sequence[str]]
TopAsked = tuple[int, str, bool]
HavingAsked = tuple[str, float | None, float | None]
OrderAsked = tuple[str | None, str | None, bool, str]


def fewer_dimensions(names: Sequence[str], order_by: Sequence[OrderAsked], limits: Limits) -> Part:
    """The first so many, and no order by the others."""
    kept = list(dict.fromkeys(names))[: limits.dimensions]
    suggestion: Part = {"dimensions": kept}
    if any(dimension not in kept for _, dimension, _, _ in order_by if dimension is not None):
        suggestion |= sensible_order(order_by, kept, has_buckets=True, limits=limits)
    return suggestion


def fitting_where(where: Sequence[WhereAsked], limits: Limits) -> Part:
    """The first conditions, the first values of each, and of values what may be.

    No stored value is as long as a value may be, so one that is cut matches what the whole one did.
    """
    conditions = []
    for dimension, operator, values in where:
        whole = list(dict.fromkeys(_cut(value, limits.value_bytes) for value in values))[: limits.values]
        if whole:
            conditions.append({"dimension": dimension, "op": operator, "values": whole})
    return {"where": conditions[: limits.conditions]}


def sensible_having(having: Sequence[HavingAsked], limits: Limits) -> Part:
    """The first, with bounds that are numbers and stand the right way round; without those that have none."""
    kept = []
    for metric, *given in having:
        least, most = (bound if bound is not None and math.isfinite(bound) else None for bound in given)
        if least is not None and most is not None and least > most:
            least, most = most, least
        if least is not None or most is not None:
            kept.append({"metric": metric, "min": least, "max": most})
    return {"having": kept[: limits.conditions]}


def sensible_order(
    order_by: Sequence[OrderAsked], dimensions: Container[str], *, has_buckets: bool, limits: Limits
) -> Part:
    """The first keys that there are."""
    kept: list[Part] = []
    for metric, dimension, by_bucket, direction in order_by:
        if (metric is not None) + (dimension is not None) + by_bucket != 1:
            continue
        if metric is not None:
            kept.append({"metric": metric, "direction": direction})
        elif dimension is None and has_buckets:
            kept.append({"bucket": True, "direction": direction})
        elif dimension in dimensions:
            kept.append({"dimension": dimension, "direction": direction})
    return {"orderBy": kept[: limits.conditions]}


def nearest_top(top: TopAsked, limits: Limits) -> Part:
    """As many of them as may be."""
    n, by, other = top
    return {"top": {"n": min(max(n, 1), limits.rows), "by": by, "other": other}}


def _cut(value: str, size: int) -> str:
    """The beginning that fits so many bytes, without halves of surrogate pairs."""
    return value.encode(errors="ignore")[:size].decode(errors="ignore")
