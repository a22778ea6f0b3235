"""Which names a condition may use, by what its rule asks, and what is said of those that it may not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tidemark.alerts.rule import ExperimentQuery, HealthQuery, MetricsQuery, Query
from tidemark.query.catalogue import Catalogue, Dimension, Metric, Unit
from tidemark.query.formula import Measure
from tidemark.stats.guardrail import Guardrail
from tidemark.stats.verdict import Verdict

BUDGET, ELAPSED = "budget", "elapsed"
CAMPAIGN = "campaign_id"
"""The column of campaigns, which have budgets, names and owners."""
FIGURES: Mapping[str, str] = {
    "data_lag_seconds": "how far the data's clock is behind the wall clock, in seconds",
    "dead_letters": "events that were refused within the window",
    "events": "distinct events of the window",
}
"""What a rule can ask of Tidemark itself."""
_GROWING_FIGURES = frozenset({"dead_letters", "events"})
_GROWING = frozenset({Measure.QUANTITY, Measure.EVENTS, Measure.COST_MICROS})
"""Sums that only grow, restatements apart: revenue falls with every refund, and reach is an estimate."""
_UNWATCHED = (
    *("p_value", "pValue", "pvalue", "fixed_horizon", "fixedHorizon", "chi_square", "chi_square_p_value"),
    *("chance_to_win", "chanceToWin", "expected_loss", "expectedLoss", "bayesian", "holm"),
    *("benjamini_hochberg", "benjaminiHochberg", "adjusted", "wilson"),
)


@dataclass(frozen=True, slots=True)
class Name:
    """A column that a condition may use.

    Attributes:
        unit: of a number, how people read it; None for a plain one.
        words: what it can hold, where it is no number.
    """

    unit: Unit | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names of one query.

    Attributes:
        noun: what they are, ``metric``.
        names: those that may be used.
        refused: further ones, each with the sentence that says why not.
        growing: numbers of 0 or more that only grow while a window fills.
        fixed: numbers of 0 or more that do not change while a window fills.
    """

    noun: str
    names: Mapping[str, Name]
    refused: Mapping[str, str] = field(default_factory=dict)
    growing: frozenset[str] = frozenset()
    fixed: frozenset[str] = frozenset()


def vocabulary_of(query: Query, catalogue: Catalogue) -> Vocabulary:
    """The names that a condition on this query may use."""
    match query:
        case MetricsQuery():
            return _of_metrics(query, catalogue)
        case ExperimentQuery():
            return _of_experiments()
        case HealthQuery():
            return _of_health(query)


def _of_metrics(query: MetricsQuery, catalogue: Catalogue) -> Vocabulary:
    asked = [catalogue.metrics[name] for name in query.metrics]
    names = {name: known for metric in asked for name, known in _columns(metric, query)}
    if campaign_of(query, catalogue):
        names[BUDGET] = Name(Unit.CURRENCY)
    if query.window.calendar is not None:
        names[ELAPSED] = Name(Unit.FRACTION)
    refused = dict(_unwatched("lower, upper, change_lower and change_upper of a rate hold however often"))
    for metric in catalogue.metrics.values():
        for prefix in ("", "previous.", "change.", "lower.", "upper.", "change_lower.", "change_upper."):
            name = prefix + metric.name
            if name not in names:
                refused[name] = _why_not(name, prefix, metric, query, catalogue)
    if BUDGET not in names:
        refused[BUDGET] = "budget is a campaign's; add CAMPAIGN to the query's dimensions"
    if ELAPSED not in names:
        refused[ELAPSED] = "elapsed is the part of a day, week or month; write window: day in the query"
    # which rows are the greatest changes while a window fills, so none of them surely stays
    growing = () if query.top else (one.name for one in asked if _grows(one))
    return Vocabulary("metric", names, refused, frozenset(growing), frozenset({BUDGET} & names.keys()))


def campaign_of(query: Query, catalogue: Catalogue) -> Dimension | None:
    """The dimension by which each series is of one campaign; None where there is none."""
    if not isinstance(query, MetricsQuery):
        return None
    dimensions = (catalogue.dimensions[name] for name in query.dimensions)
    return next((one for one in dimensions if one.column == CAMPAIGN), None)


def _columns(metric: Metric, query: MetricsQuery) -> Iterator[tuple[str, Name]]:
    yield metric.name, Name(metric.unit)
    if query.compare:
        yield f"previous.{metric.name}", Name(metric.unit)
        yield f"change.{metric.name}", Name(Unit.FRACTION)
    if metric.is_rate:
        yield f"lower.{metric.name}", Name(metric.unit)
        yield f"upper.{metric.name}", Name(metric.unit)
        if query.compare:
            yield f"change_lower.{metric.name}", Name(Unit.FRACTION)
            yield f"change_upper.{metric.name}", Name(Unit.FRACTION)


def _why_not(name: str, prefix: str, metric: Metric, query: MetricsQuery, catalogue: Catalogue) -> str:
    if metric.name not in query.metrics:
        return f"{metric.name} is not asked for; add it to the query's metrics"
    if not metric.is_rate and prefix not in ("previous.", "change."):
        rates = ", ".join(one.name for one in catalogue.metrics.values() if one.is_rate)
        return f"{name} would be a bound, and {metric.name} is no rate; rates are {rates or 'none'}"
    return f"{name} needs an earlier range; add compare: week (or day, or period) to the query"


def _grows(metric: Metric) -> bool:
    formula = metric.formula
    return (
        not formula.denominator and len(formula.numerator) == 1 and formula.numerator[0].measure in _GROWING
    )


def _of_experiments() -> Vocabulary:
    names = {
        "verdict": Name(words=tuple(one.name for one in Verdict)),
        "guardrail": Name(words=tuple(one.name for one in Guardrail)),
        "sample_ratio": Name(),
        "lift": Name(Unit.FRACTION),
        "lift_lower": Name(Unit.FRACTION),
        "lift_upper": Name(Unit.FRACTION),
        "users": Name(),
    }
    instead = "verdict, guardrail, sample_ratio, lift_lower and lift_upper hold however often"
    return Vocabulary("value of an experiment", names, dict(_unwatched(instead)))


def _of_health(query: HealthQuery) -> Vocabulary:
    names = {figure: Name() for figure in query.figures}
    refused = {
        figure: f"{figure} is not asked for; add it to health" for figure in FIGURES if figure not in names
    }
    return Vocabulary("figure", names, refused, _GROWING_FIGURES & names.keys())


def _unwatched(instead: str) -> Iterator[tuple[str, str]]:
    for name in _UNWATCHED:
        yield (
            name,
            f"{name} is right for one look at most, and a rule looks at every tick; {instead} one looks",
        )
