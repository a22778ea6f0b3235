"""Writing a plan's SELECT: catalogue names and bound parameters, nothing else."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent

from tidemark.query.buckets import even_step
from tidemark.query.catalogue import Metric
from tidemark.query.formula import Measure, Sum
from tidemark.query.limits import Limits
from tidemark.query.request import OrderBy
from tidemark.query.resolve import Resolved
from tidemark.query.selection import Parameters, Period, Select, Selection, quoted, sums_of, template
from tidemark.query.source import Span

_FRAME, _BUCKETS, _TOP, _ESTIMATE = (template(name) for name in ("frame", "buckets", "top", "estimate"))


@dataclass(frozen=True, slots=True)
class Statement:
    """The SELECT of a plan, what is bound to it, and the EXPLAIN ESTIMATE of what it reads with the same."""

    sql: str
    parameters: Mapping[str, object]
    estimate_sql: str
    estimate_parameters: Mapping[str, object]


def write(
    resolved: Resolved, limits: Limits, current: tuple[Span, ...], previous: tuple[Span, ...]
) -> Statement:
    """The SELECT that answers a question from these spans of its range and of the earlier one."""
    return _Writer(resolved, limits, current, previous).statement()


class _Writer:
    """Writes one statement; its parts share the parameters and the names of the sums."""

    def __init__(
        self, resolved: Resolved, limits: Limits, current: tuple[Span, ...], previous: tuple[Span, ...]
    ) -> None:
        self._resolved, self._request, self._limits = resolved, resolved.request, limits
        self._current, self._previous = current, previous
        self._selection = Selection.of(resolved)
        self._parameters = Parameters()
        self._sums = sums_of(self._request.metrics)
        self._all_sums = self._selection.sums
        self._names = {one: f"s{number}" for number, one in enumerate(self._all_sums)}

    def statement(self) -> Statement:
        request = self._request
        selects = tuple(self._selection.selects(self._periods(), self._parameters))
        estimate = dict(self._parameters.values)
        keys = self._keys()
        # nothing to choose, to order or to leave out once the missing buckets are there
        is_plain = keys == ["bucket"] and not request.having and not request.order_by
        selected = list(self._columns(present=self._resolved.buckets is not None and not is_plain))
        parts = {
            "columns": ",\n    ".join(selected),
            "where": self._where(),
            # without keys: one row, also of nothing
            "group_by": f"GROUP BY {', '.join(keys)}" if keys else "",
            "timeout_seconds": self._limits.timeout_seconds,
            "memory_bytes": self._limits.memory_bytes,
            **(self._marked(selects) if request.top else self._source(selects)),
        }
        order_by = f"ORDER BY {', '.join(self._order())}" if keys else ""
        if self._resolved.buckets is None or is_plain:
            order_by = self._fill(keys) if is_plain else order_by
            sql = _FRAME.substitute(parts, having=self._having("HAVING"), order_by=order_by)
        else:
            names = [*keys, *(self._names[one] for one in self._sums)]
            names += [f"p{self._names[one]}" for one in self._sums] if self._resolved.previous else []
            sql = _BUCKETS.substitute(
                parts,
                names=", ".join(names),
                fill=self._fill(keys),
                having=self._having("WHERE"),
                order_by=order_by,
            )
        self._parameters.bind("rows", "UInt32", request.limit + 1)
        return Statement(
            sql=_without_comments(sql),
            parameters=self._parameters.values,
            estimate_sql=_without_comments(_ESTIMATE.substitute(sources=_union(selects))),
            estimate_parameters=estimate,
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
        return ["bucket"] * (request.grain is not None) + ["other"] * request.has_remainder + dimensions

    def _source(self, selects: Sequence[Select]) -> dict[str, str]:
        """The rows to group: of folded rows of one table without a subquery, which costs planning."""
        if len(selects) == 1 and selects[0].folded and not self._within_buckets():
            return {"with": selects[0].with_, "source": dedent(selects[0].body)}
        return {"with": "", "source": f"FROM\n(\n{_union(selects)}\n)"}

    def _columns(self, *, present: bool) -> Iterator[str]:
        """Keys, the metrics' sums, those of the earlier range, and what rows are chosen by."""
        request = self._request
        if request.grain is not None:
            yield "bucket" if request.top else f"{self._bucket()} AS bucket"
        if request.has_remainder:
            yield "other"
        for number in range(len(request.dimensions)):
            merged = number == 0 and request.has_remainder
            yield (f"if(other, '', toString(d{number}))" if merged else f"d{number}") + f" AS dim{number}"
        for name, one, period in self._wanted():
            yield f"{_merged(one, f'g_{name}') if request.top else _aggregate(one, period)} AS {name}"
        if present:
            yield "count() > 0 AS present"

    def _wanted(self) -> Iterator[tuple[str, Sum, str | None]]:
        """Each sum by its name, and the condition of its period; those of the metrics first."""
        two = self._resolved.previous is not None
        period = "NOT previous" if two else None
        yield from ((self._names[one], one, period) for one in self._sums)
        if two:
            yield from ((f"p{self._names[one]}", one, "previous") for one in self._sums)
        yield from ((self._names[one], one, period) for one in self._all_sums if one not in self._sums)

    def _where(self) -> str:
        if self._request.top is not None:
            return "" if self._request.top.other else "WHERE NOT other"
        return self._within_buckets()

    def _within_buckets(self) -> str:
        """Where some of the earlier range has no counterpart, that is in no row."""
        return "WHERE bucket >= 0" if "previous_edges" in self._parameters.values else ""

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

    def _marked(self, selects: Sequence[Select]) -> dict[str, str]:
        """The rows' groups, marked whether they belong to the remainder."""
        top = self._request.top
        if top is None:
            raise ValueError("a question without top has no remainder")
        self._parameters.bind("top", "UInt32", top.n)
        dimensions = [f"d{number}" for number in range(len(self._request.dimensions))]
        buckets = [f"{self._bucket()} AS bucket"] if self._request.grain is not None else []
        current = "countIf(NOT previous) > 0" if self._resolved.previous else "count() > 0"
        groups = [
            *buckets,
            *dimensions,
            f"{current} AS is_current",
            *(f"{_aggregate(one, period, state=True)} AS g_{name}" for name, one, period in self._wanted()),
        ]
        totals = {one: f"total_{self._names[one]}" for one in top.by.formula.sums}
        marked = _TOP.substitute(
            self._source(selects),
            by=top.by.formula.sql(totals),
            totals=",\n        ".join(
                f"{_merged(one, f'g_{self._names[one]}')} OVER value AS {total}"
                for one, total in totals.items()
            ),
            groups=",\n            ".join(groups),
            where=self._within_buckets(),
            keys=", ".join(["bucket"] * len(buckets) + dimensions),
        )
        return {"with": "", "source": f"FROM\n(\n{marked}\n)"}

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
            if number == 0 and self._request.has_remainder:
                yield "other"
            yield f"dim{number} {order.direction}"


def _union(selects: Iterable[Select]) -> str:
    return "\n    UNION ALL\n".join(one.text.rstrip() for one in selects)


def _aggregate(one: Sum, period: str | None, *, state: bool = False) -> str:
    """A sum over the rows of a period; of users also as a state, which can be merged over groups."""
    conditions = [] if period is None else [period]
    if one.event is not None:
        conditions.append(f"event = {quoted(one.event)}")
    if one.measure is Measure.USERS:
        function = "uniqCombined64IfState" if state else "uniqCombined64If"
        return f"{function}(users, {' AND '.join([*conditions, 'notEmpty(users)'])})"
    if not conditions:
        return f"sum(toInt128({one.measure}))"
    return f"sumIf(toInt128({one.measure}), {' AND '.join(conditions)})"


def _merged(one: Sum, name: str) -> str:
    """The same over groups."""
    return f"uniqCombined64IfMerge({name})" if one.measure is Measure.USERS else f"sum({name})"


def _without_comments(sql: str) -> str:
    """Without comments and empty lines, which are for those who read the files; it holds no values."""
    return "\n".join(line for line in sql.splitlines() if line.strip() and not line.lstrip().startswith("--"))
