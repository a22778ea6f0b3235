"""The SELECTs that a plan reads from: a table's rows of a period, as columns that all tables share.

These are ``time`` (Unix ms, where buckets are asked for), ``previous`` (0 or 1, where two ranges are),
``event``, ``d0``, ``d1``, … (the dimensions in the order asked), and the measures that are needed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from string import Template

from tidemark.query.catalogue import Dimension, Metric
from tidemark.query.formula import Measure, Sum
from tidemark.query.instant import HOUR_MS
from tidemark.query.request import Condition, Operator, Request
from tidemark.query.resolve import Resolved
from tidemark.query.source import Source, Span

_SQL = files("tidemark.query") / "sql"
_TIME = {Source.CAMPAIGN_DAY: "day", Source.CAMPAIGN_HOUR: "hour", Source.CAMPAIGN_MINUTE: "minute"}
_FEW = 20
_USER = "if(user_id != '', user_id, anonymous_id)"


def template(name: str) -> Template:
    """A file of the folder ``sql``."""
    return Template((_SQL / f"{name}.sql").read_text(encoding="utf-8"))


_FOLDED, _EVENTS, _COPIES = (template(name) for name in ("folded", "events", "copies"))
_SHORT_MS = 6 * HOUR_MS
"""Of a longer range of raw events the set of keys would be larger than what it saves."""


@dataclass(slots=True)
class Parameters:
    """Values that are bound to a statement, each under a name of its own."""

    values: dict[str, object] = field(default_factory=dict)

    def bind(self, name: str, type_: str, value: object) -> str:
        """How the value stands in the SQL: ``{name:Type}``."""
        self.values[name] = value
        return f"{{{name}:{type_}}}"


@dataclass(frozen=True, slots=True)
class Period:
    """Spans that are read together.

    Attributes:
        spans: Which table answers which part.
        previous: Whether they are the earlier range; where both lie there, the instant (Unix ms) that parts
            them.
    """

    spans: tuple[Span, ...]
    previous: bool | int


@dataclass(frozen=True, slots=True)
class Select:
    """One table's rows.

    Attributes:
        columns: Each column's expression and name.
        body: ``FROM`` and all that follows.
        folded: Whether the table holds folded rows.
    """

    columns: tuple[tuple[str, str], ...]
    body: str
    folded: bool

    @property
    def text(self) -> str:
        """The whole SELECT."""
        columns = (one if one == name else f"{one} AS {name}" for one, name in self.columns)
        return f"    SELECT\n        {', '.join(columns)}\n{self.body}"

    @property
    def with_(self) -> str:
        """``WITH`` for a SELECT that uses the columns' names on the bare body."""
        named = [f"{one} AS {name}" for one, name in self.columns if one != name]
        return f"WITH {', '.join(named)}" if named else ""


@dataclass(frozen=True, slots=True)
class Selection:
    """What to read, whatever the table.

    Attributes:
        dimensions: Those that rows are grouped by.
        where: The question's conditions.
        sums: What will be aggregated.
        has_buckets: Whether ``time`` is needed.
        has_previous: Whether ``previous`` is.
    """

    dimensions: tuple[Dimension, ...]
    where: tuple[Condition, ...]
    sums: tuple[Sum, ...]
    has_buckets: bool
    has_previous: bool

    @classmethod
    def of(cls, resolved: Resolved) -> "Selection":
        """What a question needs to be read."""
        request = resolved.request
        return cls(
            dimensions=request.dimensions,
            where=request.where,
            sums=sums_of(_every_metric(request)),
            has_buckets=request.grain is not None,
            has_previous=resolved.previous is not None,
        )

    @property
    def needs_raw(self) -> bool:
        """Whether only raw events can answer: for users, and for properties."""
        asked = [*self.dimensions, *(condition.dimension for condition in self.where)]
        return any(one.column is None for one in asked) or any(
            one.measure is Measure.USERS for one in self.sums
        )

    @property
    def is_narrow(self) -> bool:
        """Whether it names a few campaigns, which every table's key finds."""
        return any(
            condition.dimension.column == "campaign_id"
            and condition.operator is Operator.IN
            and len(condition.values) <= _FEW
            for condition in self.where
        )

    def selects(self, periods: Sequence[Period], parameters: Parameters) -> Iterator[Select]:
        """A SELECT for each table of each period."""
        conditions = "\n        ".join(self._conditions(parameters))
        for number, period in enumerate(periods):
            for source in dict.fromkeys(span.source for span in period.spans):
                name = f"{source}_{number}"
                ranges = [
                    _within(span, f"{name}_{at}", parameters)
                    for at, span in enumerate(period.spans)
                    if span.source is source
                ]
                filled = {"ranges": "\n        OR ".join(ranges), "conditions": conditions}
                if source is Source.EVENTS:
                    short = _length(period.spans, source) <= _SHORT_MS
                    body = _EVENTS.substitute(filled, copies=_COPIES.substitute(filled) if short else "")
                else:
                    body = _FOLDED.substitute(filled, table=source.value)
                columns = tuple(self._columns(source, period, parameters))
                yield Select(columns, body, folded=source is not Source.EVENTS)

    def _columns(self, source: Source, period: Period, parameters: Parameters) -> Iterator[tuple[str, str]]:
        raw = source is Source.EVENTS
        if self.has_buckets:
            yield _time_ms(source), "time"
        if self.has_previous:
            if isinstance(period.previous, bool):
                yield str(period.previous).lower(), "previous"
            else:
                bound = parameters.bind("current_from", "Int64", period.previous)
                yield f"{_time_ms(source)} < {bound}", "previous"
        yield "event", "event"
        for number, dimension in enumerate(self.dimensions):
            yield _expression(dimension), f"d{number}"
        for measure in dict.fromkeys(one.measure for one in self.sums):
            if measure is Measure.USERS:
                yield _USER, "users"
            elif measure is Measure.EVENTS and raw:
                yield "toInt64(1)", "events"
            else:
                yield measure.value, measure.value

    def _conditions(self, parameters: Parameters) -> Iterator[str]:
        """The events that the sums look at and the question's conditions, ``AND …`` each."""
        events = {one.event for one in self.sums}
        if events and None not in events:
            names = sorted(quoted(event) for event in events if event is not None)
            yield f"AND event IN ({', '.join(names)})"
        for number, condition in enumerate(self.where):
            yield f"AND {matches(condition, f'where_{number}', parameters)}"


def _length(spans: Sequence[Span], source: Source) -> int:
    return sum(span.end - span.start for span in spans if span.source is source)


def _time_ms(source: Source) -> str:
    if source is Source.EVENTS:
        return "toUnixTimestamp64Milli(event_time)"
    return f"toInt64(toUnixTimestamp({_TIME[source]})) * 1000"


def _within(span: Span, name: str, parameters: Parameters) -> str:
    """A span as a condition on its table's time: folded rows are in seconds, event_time in milliseconds."""
    if span.source is Source.EVENTS:
        start = f"fromUnixTimestamp64Milli({parameters.bind(f'{name}_from', 'Int64', span.start)}, 'UTC')"
        end = f"fromUnixTimestamp64Milli({parameters.bind(f'{name}_to', 'Int64', span.end)}, 'UTC')"
        return f"event_time >= {start} AND event_time < {end}"
    column = _TIME[span.source]
    start = f"toDateTime({parameters.bind(f'{name}_from', 'UInt32', span.start // 1000)}, 'UTC')"
    end = f"toDateTime({parameters.bind(f'{name}_to', 'UInt32', span.end // 1000)}, 'UTC')"
    return f"{column} >= {start} AND {column} < {end}"


def _expression(dimension: Dimension) -> str:
    if dimension.column is not None:
        return dimension.column
    return f"properties[{quoted(dimension.property_key or '')}]"


def quoted(name: str) -> str:
    """A catalogue's text as ClickHouse's literal; a parameter more costs some 0.2 ms of planning."""
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def matches(condition: Condition, name: str, parameters: Parameters) -> str:
    """A condition as SQL, its values bound as ``name``, ``name_0``, …."""
    column = _expression(condition.dimension)
    values = list(condition.values)
    match condition.operator:
        case Operator.IN | Operator.NOT_IN:
            operator = "IN" if condition.operator is Operator.IN else "NOT IN"
            return f"{column} {operator} {parameters.bind(name, 'Array(String)', values)}"
        case Operator.PREFIX:
            if len(values) > _FEW:  # the statement's text must not grow with what is asked
                bound = parameters.bind(name, "Array(String)", values)
                return f"arrayExists(part -> startsWith({column}, part), {bound})"
            # one by one, so that the index of a key column serves them
            each = [
                f"startsWith({column}, {parameters.bind(f'{name}_{number}', 'String', value)})"
                for number, value in enumerate(values)
            ]
            return f"({' OR '.join(each)})"
        case Operator.CONTAINS:
            bound = parameters.bind(name, "Array(String)", values)
            return f"arrayExists(part -> position({column}, part) > 0, {bound})"


def sums_of(metrics: Iterable[Metric]) -> tuple[Sum, ...]:
    """Every sum that these metrics need, once."""
    return tuple(dict.fromkeys(one for metric in metrics for one in metric.formula.sums))


def _every_metric(request: Request) -> Iterator[Metric]:
    """The metrics that are asked for, and those that rows are chosen and ordered by."""
    yield from request.metrics
    yield from (having.metric for having in request.having)
    yield from (order.key for order in request.order_by if isinstance(order.key, Metric))
    if request.top is not None:
        yield request.top.by
