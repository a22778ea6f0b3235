"""Which rules' questions one query answers. Pure.

Rules that look at the same slice of the same events are one question. Questions of one window and comparison
are one query, whatever their slices: it asks for the cells that all of them are made of (``cells``). A query
costs planning, however little it reads, and a thousand of them would cost a thousand times that.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from tidemark.alerts.question import Question, adds_up
from tidemark.alerts.rule import MetricsQuery, Rule
from tidemark.query.catalogue import Catalogue, Dimension, Metric
from tidemark.query.formula import Formula, Measure, Sum
from tidemark.query.request import Condition, Operator, Request, TimeRange

EVENT = Dimension("EVENT", "Event", "The event's name.", column="event")
CELLS_A_QUESTION = 2_000
"""Of a batch, which is halved where it has more: so many cost about what a query does."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What some rules ask alike.

    Attributes:
        question: of all of them.
        events: the events that their metrics count, since a series is there if it has one; None: every event.
        has_cells: whether its sums are those of cells that it shares with others.
        rules: at least one.
    """

    question: Question
    events: frozenset[str] | None
    has_cells: bool
    rules: tuple[Rule, ...]


Batch = tuple[Asked, ...]
"""What cells can answer together, of one window and comparison; what does not add up is a batch by itself."""


def batches(rules: Iterable[Rule], catalogue: Catalogue) -> list[Batch]:
    """Those of the rules that ask metrics, in the order of their first rules."""
    alike: dict[tuple[Question, frozenset[str] | None, bool], list[Rule]] = {}
    for rule in rules:
        if isinstance(rule.query, MetricsQuery):
            key = Question.of(rule.query), _events(rule.query, catalogue), _has_cells(rule.query, catalogue)
            alike.setdefault(key, []).append(rule)
    found: dict[object, list[Asked]] = {}
    for (question, events, has_cells), of in alike.items():
        together, alone = (question.window, question.compare), (question, events)
        asked = Asked(question, events, has_cells, tuple(of))
        found.setdefault(together if has_cells else alone, []).append(asked)
    return [tuple(some) for some in found.values()]


def halves(batch: Batch) -> tuple[Batch, Batch]:
    """Two of one that has too many cells; those of the same dimensions stay together."""
    ordered = sorted(batch, key=lambda one: sorted(_dimensions(one.question)))
    return tuple(ordered[: len(ordered) // 2]), tuple(ordered[len(ordered) // 2 :])


def request(batch: Batch, catalogue: Catalogue, span: tuple[datetime, datetime]) -> Request:
    """For the cells of a batch: its measures by event and by every dimension that groups or chooses."""
    first = batch[0].question
    dimensions = {EVENT.column: EVENT}
    for asked in batch:
        for name in sorted(_dimensions(asked.question)):
            dimension = catalogue.dimensions[name]
            dimensions.setdefault(dimension.column, dimension)
    queries = (rule.query for asked in batch for rule in asked.rules)
    sums = (_sums(query, catalogue) for query in queries if isinstance(query, MetricsQuery))
    measures = dict.fromkeys(one.measure for one in chain.from_iterable(sums))
    return Request(
        metrics=tuple(map(_metric, measures)),
        dimensions=tuple(dimensions.values()),
        where=tuple(_shared(batch)),
        range=TimeRange(*span),
        grain=None,
        limit=CELLS_A_QUESTION * len(batch),
        timezone=first.window.timezone,
        compare=first.compare,
    )


def _shared(batch: Batch) -> Iterator[Condition]:
    """What all of them leave out, so that nothing is read in vain."""
    events = [one.events for one in batch if one.events is not None]
    if len(events) == len(batch):
        yield Condition(EVENT, Operator.IN, tuple(sorted(frozenset().union(*events))))
    for dimension in dict.fromkeys(one.dimension for one in batch[0].question.where):
        named = [
            [
                one.values
                for one in asked.question.where
                if one.dimension == dimension and one.operator is Operator.IN
            ]
            for asked in batch
        ]
        if all(named):
            values = dict.fromkeys(value for of_question in named for value in of_question[0])
            yield Condition(dimension, Operator.IN, tuple(values))


def _events(query: MetricsQuery, catalogue: Catalogue) -> frozenset[str] | None:
    named = {one.event for one in _sums(query, catalogue)}
    events = frozenset(one for one in named if one is not None)
    return events if len(events) == len(named) else None


def _has_cells(query: MetricsQuery, catalogue: Catalogue) -> bool:
    """Only raw events know properties, which no cell has."""
    known = (catalogue.dimensions[name].column for name in _dimensions(Question.of(query)))
    return adds_up(query, catalogue) and all(known)


def _dimensions(question: Question) -> set[str]:
    """The names of those that group or choose."""
    return {*question.dimensions, *(one.dimension.name for one in question.where)}


def _sums(query: MetricsQuery, catalogue: Catalogue) -> Iterator[Sum]:
    for name in query.metrics:
        yield from catalogue.metrics[name].formula.sums


def _metric(measure: Measure) -> Metric:
    """A measure of whatever event, as a metric."""
    return Metric(measure.name, measure.name, "", None, Formula(numerator=(Sum(measure),)), measure.name)
