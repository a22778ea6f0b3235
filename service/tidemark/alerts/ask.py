"""What rules see at a tick: the rows of their questions, from the tables that everybody is answered from."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from tidemark.alerts import question as questions
from tidemark.alerts.answers import Answers, Settled
from tidemark.alerts.batch import batches
from tidemark.alerts.campaigns import Campaign
from tidemark.alerts.expression import Columns
from tidemark.alerts.rule import ExperimentQuery, HealthQuery, MetricsQuery, Rule
from tidemark.alerts.series import Labels
from tidemark.alerts.ticks import elapsed, span
from tidemark.alerts.vocabulary import BUDGET, CAMPAIGN, ELAPSED
from tidemark.experiments.definition import Status
from tidemark.experiments.experiment import Experiment, Experiments
from tidemark.experiments.result import Interval, Result
from tidemark.query.answer import Answerer
from tidemark.query.catalogue import Catalogue, field_of
from tidemark.query.database import Database
from tidemark.query.errors import QueryError
from tidemark.query.instant import from_ms, to_ms
from tidemark.stats.array import Floats, floats

Counted = Callable[[datetime, datetime], int]
"""How many there were in [from, to)."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a rule sees: its series, and a value of each column a series."""

    labels: Sequence[Labels]
    columns: Columns


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks for many rules at once; each call blocks.

    Attributes:
        answerer: Of questions about metrics.
        catalogue: By which rules were read.
        experiments: Of questions about experiments.
        dead_letters: How many events were refused.
        lag_seconds: How far the data's clock is behind the wall clock now.
        most: Of rows that one question may have.
        settled: What is kept of windows that are filling.
    """

    answerer: Answerer
    catalogue: Catalogue
    experiments: Experiments
    dead_letters: Counted
    lag_seconds: Callable[[], float]
    most: int
    settled: Settled = field(default_factory=Settled)

    def complete(self, rule: Rule) -> datetime | None:
        """Up to where what this rule asks is complete."""
        reader = (
            self.experiments.freshness if isinstance(rule.query, ExperimentQuery) else self.answerer.freshness
        )
        return reader().complete_through

    def rows(
        self, rules: Sequence[Rule], tick_ms: int, campaigns: Mapping[str, Campaign]
    ) -> Iterator[tuple[Rule, Rows]]:
        """What each rule sees at a tick; those that ask alike are one query.

        Raises:
            QueryError: a question took too long or too much memory; all that could be answered were told.
        """
        answers = Answers(self.answerer, self.catalogue, self.most, self.settled)
        failure = None
        try:
            for asked, frame in answers.all(batches(rules, self.catalogue), tick_ms):
                question = asked.question
                labels, columns = questions.labels(frame), dict(questions.columns(frame))
                columns[ELAPSED] = np.full(len(labels), elapsed(question.window, tick_ms))
                columns[BUDGET] = self.budgets(question.dimensions, labels, campaigns)
                for rule in asked.rules:
                    yield rule, Rows(labels, columns)
        except QueryError as error:
            failure = error
        for rule in rules:
            match rule.query:
                case ExperimentQuery() as query:
                    yield rule, self._results(query, from_ms(tick_ms))
                case HealthQuery() as query:
                    yield rule, self._health(query, tick_ms)
                case MetricsQuery():
                    pass  # told above
        if failure is not None:
            raise failure

    def on(self, database: Database) -> "Asker":
        """The same, asking another handle of the tables; dead letters are still counted by the old one."""
        return replace(
            self,
            answerer=replace(self.answerer, database=database),
            experiments=replace(self.experiments, database=database),
            settled=Settled(),
        )

    def budgets(
        self, dimensions: Sequence[str], labels: Sequence[Labels], campaigns: Mapping[str, Campaign]
    ) -> Floats:
        """The daily budget of each series' campaign; NaN where it has none."""
        named = next((one for one in dimensions if self.catalogue.dimensions[one].column == CAMPAIGN), None)
        if named is None:
            return np.full(len(labels), np.nan)
        at = sorted(map(field_of, dimensions)).index(field_of(named))  # labels are sorted by name
        found = (campaigns.get(one[at][1]) for one in labels)
        budgets = (None if campaign is None else campaign.daily_budget for campaign in found)
        return floats([np.nan if budget is None else budget for budget in budgets])

    def _results(self, query: ExperimentQuery, at: datetime) -> Rows:
        labels: list[Labels] = []
        values: dict[str, list[float | str]] = {name: [] for name in _RESULT}
        for one in self._running(query, at):
            known = {metric.name for metric in one.definition.metrics}
            asked = [name for name in query.metrics if name in known]
            if query.metrics and not asked:
                continue
            report = one.report(self.experiments.database, metrics=asked or None, by=query.by, at=at)
            split = float(report.split.p_value[0])
            for result in report.results:
                where = [(label.name, label.value) for label in result.slice]
                own = [
                    ("experiment", one.definition.id),
                    ("variant", result.variant),
                    ("metric", result.metric),
                ]
                labels.append(tuple(sorted((*own, *where))))
                for name, value in _of(result, split, is_known=not report.is_rebuilding).items():
                    values[name].append(value)
        return Rows(labels, {name: np.array(column, dtype=_RESULT[name]) for name, column in values.items()})

    def _running(self, query: ExperimentQuery, at: datetime) -> list[Experiment]:
        every = self.experiments.all(Status.RUNNING)
        return [
            one
            for one in every
            if query.experiment in {None, one.definition.id} and (one.definition.start_ms or 0) < to_ms(at)
        ]

    def _health(self, query: HealthQuery, tick_ms: int) -> Rows:
        start, end = (from_ms(edge) for edge in span(query.window, tick_ms))
        found: dict[str, float] = {}
        for figure in query.figures:
            match figure:
                case "data_lag_seconds":
                    found[figure] = self.lag_seconds()
                case "dead_letters":
                    found[figure] = self.dead_letters(start, end)
                case "events":
                    found[figure] = self._events(start, end)
                case _:
                    raise LookupError(figure)
        return Rows([()], {name: floats([value]) for name, value in found.items()})

    def _events(self, start: datetime, end: datetime) -> float:
        request = questions.plain("EVENTS", self.catalogue, (start, end))
        frame = self.answerer.answer(request)
        return float(frame.columns[0].values[0]) if frame.row_count else 0.0


_RESULT: Mapping[str, type] = {
    "verdict": str,
    "guardrail": str,
    "sample_ratio": float,
    "lift": float,
    "lift_lower": float,
    "lift_upper": float,
    "users": float,
}
"""The columns of experiments' results; words are '' and numbers NaN where there is none."""


def _of(result: Result, split: float, *, is_known: bool) -> dict[str, float | str]:
    """One result's columns. Numbers that are being rebuilt are those of another time: they decide nothing."""
    if not is_known:
        return {name: "" if kind is str else np.nan for name, kind in _RESULT.items()}
    lift = result.lift or Interval(np.nan, None, None)
    return {
        "verdict": result.verdict.value,
        "guardrail": "" if result.guardrail is None else result.guardrail.value,
        "sample_ratio": split,
        "lift": lift.value,
        "lift_lower": np.nan if lift.lower is None else lift.lower,
        "lift_upper": np.nan if lift.upper is None else lift.upper,
        "users": result.control.users + result.treatment.users,
    }
