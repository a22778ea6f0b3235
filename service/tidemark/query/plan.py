"""From a resolved question to one SELECT: catalogue names and bound parameters, nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from tidemark.query.formula import Sum
from tidemark.query.limits import DEFAULT_LIMITS, Limits
from tidemark.query.resolve import Resolved
from tidemark.query.selection import Selection, sums_of
from tidemark.query.source import Kept, Rollups, Source, Span, spans
from tidemark.query.statement import write

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
        keys = (request.grain is not None) + request.has_remainder + len(request.dimensions)
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
    selection = Selection.of(resolved)
    read = partial(spans, raw=selection.needs_raw, narrow=selection.is_narrow, rollups=rollups, kept=kept)
    edges = resolved.buckets.edges if resolved.buckets else ()
    current = read(resolved.start_ms, resolved.end_ms, edges)
    previous: tuple[Span, ...] = ()
    if resolved.previous is not None:
        before = resolved.previous
        bounds = [bound for stretch in before.stretches if stretch for bound in stretch]
        previous = read(before.start, before.end, bounds)
    statement = write(resolved, limits, current, previous)
    return Plan(
        resolved=resolved,
        spans=current + previous,
        sql=statement.sql,
        parameters=statement.parameters,
        sums=sums_of(resolved.request.metrics),
        estimate_sql=statement.estimate_sql,
        estimate_parameters=statement.estimate_parameters,
        key=_key(resolved, statement.sql, statement.parameters),
    )


def _key(resolved: Resolved, sql: str, parameters: Mapping[str, object]) -> str:
    request, before = resolved.request, resolved.previous
    named = [
        # an answer tells its ranges, of which the statement only has the part where events can lie
        [resolved.start_ms, resolved.end_ms, before and (before.start, before.end)],
        [one.name for one in request.metrics],
        [one.name for one in request.dimensions],
        request.timezone,
        sql,
    ]
    return sha256(repr((named, parameters)).encode("utf-8", "surrogatepass")).hexdigest()


def _without_comments(sql: str) -> str:
    """Without comments and empty lines, which are for those who read the files; it holds no values."""
    return "\n".join(line for line in sql.splitlines() if line.strip() and not line.lstrip().startswith("--"))
