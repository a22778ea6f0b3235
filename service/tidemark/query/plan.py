"""From a resolved question to one SELECT: catalogue names and bound parameters, nothing else."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from tidemark.query.buckets import even_step
from tidemark.query.catalogue import Metric
from tidemark.query.formula import Measure, Sum
from tidemark.query.limits import DEFAULT_LIMITS, Limits
from tidemark.query.request import OrderBy, Request
from tidemark.query.resolve import Resolved
from tidemark.query.selection import Parameters, Period, Selection, quoted, template
from tidemark.query.source import Kept, Rollups, Source, Span, spans

_FRAME, _BUCKETS, _TOP, _ESTIMATE = (template(name) for name in ("frame", "buckets", "top", "estimate"))
_NOTHING_KEPT_BACK = Kept()


@dataclass(frozen=True, slots=True)
class Plan:
    """One SELECT and how to read its result.

    Its columns are, in this order: ``bucket`` (which of the range's buckets, from 0) where the question has
    a grain,
    ``other`` (0 or 1) where it has a remainder, the question's dimensions, ``sums``, and with a comparison
    ``sums`` again over the earlier range.

    Attributes:
        resolved: The question.
        spans: Which table answers which part of the range, and of the earlier one.
        sql: ClickHouse SQL; it asks for one row more than the limit, to see whether there are more.
        parameters: What is bound to the SQL's ``{name:Type}``.
        sums: What the last columns hold.
        estimate_sql: An EXPLAIN ESTIMATE of what ``sql`` reads.
        estimate_parameters: What is bound to that.
        key: Equal for two plans that have the same answer.
    """

    resolved: Resolved
    spans: tuple[Span, ...]
    sql: str
    parameters: Mapping[str, object]
    sums: tuple[Sum, ...]
    estimate_sql: str
    estimate_parameters: Mapping[str, object]
    key: str

    @property
    def width(self) -> int:
        """How many columns the result has."""
        request = self.resolved.request
        keys = (request.grain is not None) + _has_other(request) + len(request.dimensions)
        return keys + len(self.sums) * (2 if request.compare else 1)

    @property
    def source(self) -> str:
        """The tables that answer: ``campaign_minute``, or several in order with ``+`` between them."""
        return "+".join(sorted({span.source.value for span in self.spans}))

    @property
    def uses_rollups(self) -> bool:
        """Whether hours or days answer a part of it."""
        return any(span.source in (Source.CAMPAIGN_HOUR, Source.CAMPAIGN_DAY) for span in self.spans)


def plan(
    resolved: Resolved,
    limits: Limits = DEFAULT_LIMITS,
    *,
    rollups: Rollups | None = None,
    kept: Kept = _NOTHING_KEPT_BACK,
) -> Plan:
    """Choose the sources and write the SELECT. Pure: the same question gives the same text.

    Raises:
        QueryError: retention has left too little to answer it.
    """
    return _Writer(resolved, limits, rollups, kept).plan()


class _Writer:
    """Writes one plan; its parts share the parameters and the names of the sums."""

    def __init__(self, resolved: Resolved, limits: Limits, rollups: Rollups | None, kept: Kept) -> None:
        self._resolved, self._request, self._limits = resolved, resolved.request, limits
        self._parameters = Parameters()
        self._sums = _sums(self._request.metrics)
        self._all_sums = _sums(_every_metric(self._request))
        self._names = {one: f"s{number}" for number, one in enumerate(self._all_sums)}
        self._selection = Selection(
            dimensions=self._request.dimensions,
            where=self._request.where,
            sums=self._all_sums,
            has_buckets=self._request.grain is not None,
            has_previous=resolved.previous is not None,
        )
        raw = self._selection.needs_raw
        edges = resolved.buckets.edges if resolved.buckets else ()
        self._current = spans(resolved.start_ms, resolved.end_ms, edges, raw=raw, rollups=rollups, kept=kept)
        self._previous: tuple[Span, ...] = ()
        if resolved.previous is not None:
            before = resolved.previous
            bounds = [bound for stretch in before.stretches if stretch for bound in stretch]
            self._previous = spans(before.start, before.end, bounds, raw=raw, rollups=rollups, kept=kept)

    def plan(self) -> Plan:
        request = self._request
        sources = list(self._selection.selects(self._periods(), self._parameters))
        ranked = list(self._ranked(sources))
        estimate = Parameters(dict(self._parameters.values))
        keys = self._keys()
        selected = [*self._key_columns(), *self._aggregates()]
        parts = {
            "columns": ",\n    ".join(selected),
            "sources": self._marked(sources, ranked) if request.top else _union(sources),
            "where": self._where(),
            "group_by": f"GROUP BY {', '.join(keys)}"
            if keys
            else "",  # without keys: one row, also of nothing
            "order_by": f"ORDER BY {', '.join(self._order())}" if keys else "",
            "timeout_seconds": self._limits.timeout_seconds,
            "memory_bytes": self._limits.memory_bytes,
        }
        if self._resolved.buckets is None:
            sql = _FRAME.substitute(parts, having=self._having("HAVING"))
        else:
            names = [*keys, *(self._names[one] for one in self._sums)]
            names += [f"p{self._names[one]}" for one in self._sums] if self._resolved.previous else []
            sql = _BUCKETS.substitute(
                parts, names=", ".join(names), fill=self._fill(keys), having=self._having("WHERE")
            )
        self._parameters.bind("rows", "UInt32", request.limit + 1)
        text = _without_comments(sql)
        return Plan(
            resolved=self._resolved,
            spans=self._current + self._previous,
            sql=text,
            parameters=self._parameters.values,
            sums=self._sums,
            estimate_sql=_without_comments(_ESTIMATE.substitute(sources=_union(sources + ranked))),
            estimate_parameters=estimate.values,
            key=_key(request, text, self._parameters.values),
        )

    def _periods(self) -> list[Period]:
        """What is read together: both ranges at once, unless they overlap."""
        if self._resolved.previous is None:
            return [Period(self._current, previous=False)]
        if self._resolved.previous.end <= self._resolved.start_ms:
            return [Period(self._previous + self._current, self._resolved.start_ms)]
        return [Period(self._current, previous=False), Period(self._previous, previous=True)]

    def _keys(self) -> list[str]:
        """The names of what rows are grouped by, in the order of the result's columns."""
        request = self._request
        dimensions = [f"dim{number}" for number in range(len(request.dimensions))]
        return ["bucket"] * (request.grain is not None) + ["other"] * _has_other(request) + dimensions

    def _key_columns(self) -> Iterator[str]:
        if self._request.grain is not None:
            yield f"{self._bucket()} AS bucket"
        if _has_other(self._request):
            yield "other"
        for number in range(len(self._request.dimensions)):
            merged = number == 0 and _has_other(self._request)
            yield (f"if(other, '', toString(d{number}))" if merged else f"d{number}") + f" AS dim{number}"

    def _where(self) -> str:
        found = []
        if self._request.top is not None and not self._request.top.other:
            found.append("NOT other")
        if "previous_edges" in self._parameters.values:  # some of the earlier range has no counterpart
            found.append("bucket >= 0")
        return f"WHERE {' AND '.join(found)}" if found else ""

    def _bucket(self) -> str:
        """Which bucket a row's time lies in; -1 where an earlier time has no counterpart."""
        resolved = self._resolved
        if resolved.buckets is None:
            raise ValueError("a question without a grain has no buckets")
        now = self._position("edges", [*enumerate(resolved.buckets.starts)], resolved.buckets.edges)
        if resolved.previous is None:
            return now
        points: list[tuple[int, int]] = [(-1, 0)]
        for number, stretch in enumerate(resolved.previous.stretches):
            if stretch is None:
                continue
            start, end = stretch
            if points[-1][1] == start:
                points.pop()
            points += [(number, start), (-1, end)]
        # without gaps and of one width they are counted like the current ones
        edges = [at for _, at in points[1:]]
        whole = (
            [number for number, _ in points[1:]] == [*range(len(resolved.buckets)), -1]
            and edges[0] <= resolved.previous.start
            and resolved.previous.end <= edges[-1]
        )
        before = self._position("previous_edges", points, edges if whole else None)
        return f"if(previous, {before}, {now})"

    def _position(self, name: str, points: Sequence[tuple[int, int]], edges: Sequence[int] | None) -> str:
        step = even_step(edges) if edges else None
        if edges and step:
            first = self._parameters.bind(f"{name}_first", "Int64", edges[0])
            return f"toInt32(intDiv(time - {first}, {self._parameters.bind(f'{name}_step', 'Int64', step)}))"
        starts = self._parameters.bind(name, "Array(Int64)", [at for _, at in points])
        numbers = self._parameters.bind(f"{name}_numbers", "Array(Int32)", [number for number, _ in points])
        return f"transform(roundDown(time, {starts}), {starts}, {numbers}, toInt32(-1))"

    def _fill(self, keys: Sequence[str]) -> str:
        if self._resolved.buckets is None:
            return ""
        until = self._parameters.bind("buckets", "Int32", len(self._resolved.buckets))
        # of nothing, WITH FILL makes rows of defaults; that present is 0 there tells them
        before = ["present", *keys[1:]] if keys[1:] else []
        return f"ORDER BY {', '.join([*before, 'bucket'])} WITH FILL FROM toInt32(0) TO {until}"

    def _aggregates(self) -> Iterator[str]:
        """The metrics' sums, those of the earlier range, and what else rows are chosen and ordered by."""
        two = self._resolved.previous is not None
        period = "NOT previous" if two else None
        for one in self._sums:
            yield f"{self._aggregate(one, period)} AS {self._names[one]}"
        if two:
            for one in self._sums:
                yield f"{self._aggregate(one, 'previous')} AS p{self._names[one]}"
        for one in self._all_sums:
            if one not in self._sums:
                yield f"{self._aggregate(one, period)} AS {self._names[one]}"
        if self._resolved.buckets is not None:
            yield "count() > 0 AS present"

    def _aggregate(self, one: Sum, period: str | None) -> str:
        conditions = [] if period is None else [period]
        if one.event is not None:
            conditions.append(f"event = {quoted(one.event)}")
        if one.measure is Measure.USERS:
            return f"uniqCombined64If(users, {' AND '.join([*conditions, 'notEmpty(users)'])})"
        if not conditions:
            return f"sum(toInt128({one.measure}))"
        return f"sumIf(toInt128({one.measure}), {' AND '.join(conditions)})"

    def _ranked(self, sources: Sequence[str]) -> Iterable[str]:
        """What the greatest values are found in: the range alone, without the earlier one."""
        if self._request.top is None:
            return ()
        if self._resolved.previous is None:
            return sources
        current = Period(self._current, previous=False)
        return self._selection.selects([current], self._parameters, prefix="top_")

    def _marked(self, sources: Sequence[str], ranked: Sequence[str]) -> str:
        """The sources' rows, marked whether they belong to the remainder."""
        top = self._request.top
        if top is None:
            raise ValueError("a question without top has no remainder")
        self._parameters.bind("top", "UInt32", top.n)
        sums = [f"{self._aggregate(one, None)} AS {self._names[one]}" for one in top.by.formula.sums]
        return _TOP.substitute(
            sums=",\n            ".join(sums),
            ranked=_union(ranked),
            by=top.by.formula.sql(self._names),
            sources=_union(sources),
        )

    def _having(self, clause: str) -> str:
        found = ["present"] if self._resolved.buckets is not None and self._request.dimensions else []
        for number, having in enumerate(self._request.having):
            value = having.metric.formula.sql(self._names, as_float=True)
            for sign, bound in ((">=", having.minimum), ("<=", having.maximum)):
                if bound is not None:
                    name = f"having_{number}_{'min' if sign == '>=' else 'max'}"
                    found.append(f"{value} {sign} {self._parameters.bind(name, 'Float64', float(bound))}")
        return f"{clause} {' AND '.join(found)}" if found else ""

    def _order(self) -> Iterator[str]:
        """The question's keys, or the first metric's without a bucket; then all that tell rows apart."""
        request = self._request
        keys = self._keys()
        for order in request.order_by:
            yield from self._order_key(order)
        if not request.order_by and request.grain is None:
            yield from [key for key in keys if key == "other"]
            if request.metrics:
                yield f"{request.metrics[0].formula.sql(self._names)} DESC NULLS LAST"
        yield from keys

    def _order_key(self, order: OrderBy) -> Iterator[str]:
        if order.key is None:
            yield f"bucket {order.direction}"
        elif isinstance(order.key, Metric):
            yield f"{order.key.formula.sql(self._names)} {order.direction} NULLS LAST"
        else:
            number = self._request.dimensions.index(order.key)
            if number == 0 and _has_other(self._request):
                yield "other"
            yield f"dim{number} {order.direction}"


def _has_other(request: Request) -> bool:
    return request.top is not None and request.top.other


def _every_metric(request: Request) -> Iterator[Metric]:
    yield from request.metrics
    yield from (having.metric for having in request.having)
    yield from (order.key for order in request.order_by if isinstance(order.key, Metric))
    if request.top is not None:
        yield request.top.by


def _sums(metrics: Iterator[Metric] | Sequence[Metric]) -> tuple[Sum, ...]:
    return tuple(dict.fromkeys(one for metric in metrics for one in metric.formula.sums))


def _union(sources: Sequence[str]) -> str:
    return "    UNION ALL\n".join(sources)


def _key(request: Request, sql: str, parameters: Mapping[str, object]) -> str:
    named = [
        [one.name for one in request.metrics],
        [one.name for one in request.dimensions],
        request.timezone,
        sql,
    ]
    return sha256(repr((named, parameters)).encode("utf-8", "surrogatepass")).hexdigest()


def _without_comments(sql: str) -> str:
    """Without comments and empty lines, which are for those who read the files; it holds no values."""
    return "\n".join(line for line in sql.splitlines() if line.strip() and not line.lstrip().startswith("--"))
