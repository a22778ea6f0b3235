"""From a resolved question to one SELECT: catalogue names and bound parameters, nothing else."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from tidemark.query import grain
from tidemark.query.formula import Sum
from tidemark.query.instant import to_ms
from tidemark.query.limits import DEFAULT_LIMITS, Limits
from tidemark.query.request import Operator
from tidemark.query.resolve import Resolved
from tidemark.query.source import Source, Span, spans

BUCKET = "bucket"
_SQL = files("tidemark.query") / "sql"
_FRAME = Template((_SQL / "frame.sql").read_text(encoding="utf-8"))
_SOURCES = {source: Template((_SQL / f"{source}.sql").read_text(encoding="utf-8")) for source in Source}
# A span as a condition on its table's time: minute is in seconds, event_time in milliseconds.
_RANGES = {
    Source.CAMPAIGN_MINUTE: "minute >= toDateTime({%s:UInt32}, 'UTC') "
    "AND minute < toDateTime({%s:UInt32}, 'UTC')",
    Source.EVENTS: "event_time >= fromUnixTimestamp64Milli({%s:Int64}, 'UTC') "
    "AND event_time < fromUnixTimestamp64Milli({%s:Int64}, 'UTC')",
}
_UNITS = {Source.CAMPAIGN_MINUTE: 1000, Source.EVENTS: 1}
_OPERATORS = {Operator.IN: "IN", Operator.NOT_IN: "NOT IN"}


@dataclass(frozen=True, slots=True)
class Plan:
    """One SELECT and how to read its result.

    Its columns are, in this order: ``bucket`` (seconds since 1970) where the question has a grain, the
    question's dimensions, and ``sums``.

    Attributes:
        resolved: The question.
        spans: Which table answers which part of the range.
        sql: ClickHouse SQL; it asks for one row more than the limit, to see whether there are more.
        parameters: What is bound to the SQL's ``{name:Type}``.
        sums: What the last columns hold.
    """

    resolved: Resolved
    spans: tuple[Span, ...]
    sql: str
    parameters: dict[str, object]
    sums: tuple[Sum, ...]

    @property
    def width(self) -> int:
        """How many columns the result has."""
        request = self.resolved.request
        return bool(request.grain) + len(request.dimensions) + len(self.sums)

    @property
    def source(self) -> str:
        """The tables that answer: ``campaign_minute``, ``events`` or ``campaign_minute+events``."""
        return "+".join(sorted({span.source.value for span in self.spans}))


def plan(resolved: Resolved, limits: Limits = DEFAULT_LIMITS) -> Plan:
    """Choose the sources and write the SELECT. Pure: the same question gives the same text."""
    request = resolved.request
    sums = tuple(dict.fromkeys(one for metric in request.metrics for one in metric.formula.sums))
    parameters: dict[str, object] = {"rows": request.limit + 1}
    names = {one: f"sum_{number}" for number, one in enumerate(sums)}
    conditions = _conditions(resolved, sums, parameters)
    parts = spans(to_ms(resolved.start), to_ms(resolved.end))
    columns = [dimension.column for dimension in request.dimensions]
    keys = ([BUCKET] if request.grain else []) + columns
    select = [
        *(
            [f"toUnixTimestamp(toDateTime({grain.SQL[request.grain]}, 'UTC')) AS {BUCKET}"]
            if request.grain
            else []
        ),
        *columns,
        *(f"{_aggregate(one, number, parameters)} AS {names[one]}" for number, one in enumerate(sums)),
    ]
    # the first metric's order, unless buckets give one; all dimensions, so that no two rows are equal
    first = (
        [f"{request.metrics[0].formula.sql(names)} DESC NULLS LAST"]
        if request.metrics and not request.grain
        else []
    )
    order = [BUCKET] * bool(request.grain) + first + columns
    sql = _FRAME.substitute(
        select=",\n    ".join(select),
        sources="    UNION ALL\n".join(_sources(parts, conditions, parameters)),
        group_by=f"GROUP BY {', '.join(keys)}" if keys else "",  # without keys: one row, also of nothing
        order_by=f"ORDER BY {', '.join(order)}" if keys else "",
        timeout_seconds=limits.timeout_seconds,
        memory_bytes=limits.memory_bytes,
    )
    return Plan(resolved, parts, _without_comments(sql), parameters, sums)


def _sources(
    parts: tuple[Span, ...], conditions: Iterable[str], parameters: dict[str, object]
) -> Iterator[str]:
    """A SELECT for each table: both edges of a range are read from ``events`` at once."""
    for source in dict.fromkeys(span.source for span in parts):
        ranges = []
        for number, span in enumerate(parts):
            if span.source is source:
                start, end = f"start_{number}", f"end_{number}"
                parameters |= {start: span.start // _UNITS[source], end: span.end // _UNITS[source]}
                ranges.append(_RANGES[source] % (start, end))
        yield _SOURCES[source].substitute(
            ranges="\n        OR ".join(ranges), conditions="\n        ".join(conditions)
        )


def _conditions(resolved: Resolved, sums: tuple[Sum, ...], parameters: dict[str, object]) -> list[str]:
    """The question's conditions and the events that the sums look at, ``AND …`` each, for every source."""
    lines = []
    events = {one.event for one in sums}
    if events and None not in events:
        parameters["events"] = sorted(event for event in events if event is not None)
        lines.append("AND event IN {events:Array(String)}")
    for number, condition in enumerate(resolved.request.where):
        name = f"where_{number}"
        parameters[name] = list(condition.values)
        lines.append(
            f"AND {condition.dimension.column} {_OPERATORS[condition.operator]} {{{name}:Array(String)}}"
        )
    return lines


def _aggregate(one: Sum, number: int, parameters: dict[str, object]) -> str:
    if one.event is None:
        return f"sum(toInt128({one.measure}))"
    name = f"event_{number}"
    parameters[name] = one.event
    return f"sumIf(toInt128({one.measure}), event = {{{name}:String}})"


def _without_comments(sql: str) -> str:
    """Without comments and empty lines, which are for those who read the files; it holds no values."""
    return "\n".join(line for line in sql.splitlines() if line.strip() and not line.lstrip().startswith("--"))
