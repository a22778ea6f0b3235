"""An experiment as it is asked: what it is, and its figures; the methods that take a database block."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tidemark.experiments import remaining as left
from tidemark.experiments import result, series
from tidemark.experiments.definition import Definition, Metric, Status
from tidemark.experiments.generation import Generation, generation
from tidemark.experiments.look import Looks, floor, looks
from tidemark.experiments.published import Published
from tidemark.experiments.question import (
    Question,
    conditions_of,
    dimensions_of,
    end_of,
    metrics_of,
    start_of,
    treatment_of,
    treatments_of,
)
from tidemark.experiments.registry import Registry
from tidemark.experiments.report import Report, Users, report
from tidemark.experiments.split import phase_starts, split
from tidemark.experiments.sums import Scope, Sums, read
from tidemark.freshness import Freshness, FreshnessReader
from tidemark.query.catalogue import Catalogue
from tidemark.query.database import Database
from tidemark.query.errors import Code, QueryError
from tidemark.query.grain import Grain
from tidemark.query.instant import to_ms
from tidemark.query.limits import Limits
from tidemark.query.request import Condition
from tidemark.query.suggestion import WhereAsked
from tidemark.stats.sampleratio import SampleRatio

SERIES_LOOKS = 20_000
"""A series looks back over so many of its buckets, and the marks before them: two weeks by the minute."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment at one instant; the same instant for everything that is asked of it.

    Attributes:
        published: Its definition, and the generation that is asked for.
        beginning_ms: When the brokers stored the first event that the job can know, Unix ms.
        freshness: How far the experiments' path is complete, read before any data.
        catalogue: Where dimensions are looked up.
        limits: What one question may cost.
    """

    published: Published
    beginning_ms: int
    freshness: Freshness
    catalogue: Catalogue
    limits: Limits

    @property
    def definition(self) -> Definition:
        """What was declared."""
        return self.published.definition

    def shares(self, at: datetime | None = None) -> dict[str, float]:
        """Each variant's part of first exposures, now or then; they add up to 1."""
        return dict(self.definition.shares_at(to_ms(at or self.freshness.now)))

    def is_rebuilding(self, database: Database) -> bool:
        """Whether all numbers are those of an earlier generation, or not whole; not of a draft.

        Raises:
            QueryError: it could not be answered.
        """
        return self.definition.status is not Status.DRAFT and self._generation(database).is_rebuilding

    def results(
        self,
        database: Database,
        *,
        metrics: Sequence[str] | None = None,
        where: Sequence[WhereAsked] = (),
        by: Sequence[str] = (),
        at: datetime | None = None,
    ) -> list[result.Result]:
        """Every treatment against the control, as it was known at an instant.

        Raises:
            QueryError: the question is refused, or could not be answered.
        """
        question = self._question(metrics, where, by, at)
        chosen = self._generation(database)
        sums = self._sliced(database, chosen, question)
        # all slices of a dimension are the whole, some of them need it read
        is_part, looks = bool(question.conditions), self._looks(question.end)
        whole = self._read(database, chosen, (), looks) if is_part else sums.whole()
        asked, rebuilding = question.metrics, chosen.is_rebuilding
        found = result.results(self.definition, asked, sums, whole, question.names, is_rebuilding=rebuilding)
        return list(found)

    def report(
        self,
        database: Database,
        *,
        metrics: Sequence[str] | None = None,
        where: Sequence[WhereAsked] = (),
        by: Sequence[str] = (),
        at: datetime | None = None,
    ) -> Report:
        """Results, users, split and what remains, from one reading, or from two where there are slices.

        Raises:
            QueryError: the question is refused, or could not be answered.
        """
        question = self._question(metrics, where, by, at)
        chosen = self._generation(database)
        looks = self._looks(question.end, left.marks(question.end))
        everybody = self._read(database, chosen, self._needed(question.metrics), looks)
        is_sliced = question.conditions or question.dimensions
        sliced = self._sliced(database, chosen, question) if is_sliced else None
        return report(
            self.definition,
            question.metrics,
            everybody,
            sliced,
            question.names,
            self._looks(question.end),
            is_rebuilding=chosen.is_rebuilding,
        )

    def series(
        self,
        database: Database,
        *,
        metric: str,
        variant: str,
        where: Sequence[WhereAsked] = (),
        grain: Grain = Grain.MINUTE,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> series.Series:
        """The running interval of the lift at the end of each bucket within ``(start, end]``.

        It looks at every bucket of the grain and at the marks, so no point takes back what one before said.
        Without ``start`` from the experiment's start on, or the last so many buckets.

        Raises:
            QueryError: the question is refused, or could not be answered.
        """
        definition = self.definition
        (asked,) = metrics_of(definition, [metric])
        treatment = treatment_of(definition, variant)
        conditions = conditions_of(self.catalogue, definition, where, self.limits)
        began, last = start_of(definition), end_of(definition, end, self.freshness.now)
        if start is not None and end is not None and start >= end:
            raise QueryError(Code.BAD_RANGE, "from is not before to; leave them out, or turn them round.")
        ends = series.points(floor(began), last, grain, SERIES_LOOKS)
        since = began if start is None else to_ms(start) / 1000
        shown = tuple(one for one in ends if one > since)
        if start is None:
            shown = shown[-self.limits.rows :]
        elif len(shown) > self.limits.rows:
            raise QueryError(
                Code.TOO_MANY_ROWS,
                f"The series has {len(shown):,} points, at most {self.limits.rows:,} may be; use a coarser "
                "grain or a later from.",
                limit=self.limits.rows,
                requested=len(shown),
            )
        chosen = self._generation(database)
        sums = self._read(database, chosen, [asked], self._looks(last, ends), conditions)
        return series.series(definition, asked, treatment.key, sums, shown)

    def sample_ratio(
        self, database: Database, *, where: Sequence[WhereAsked] = (), at: datetime | None = None
    ) -> SampleRatio:
        """Whether users split as the weights say; arrays of one slice.

        Raises:
            QueryError: the question is refused, or could not be answered.
        """
        conditions = conditions_of(self.catalogue, self.definition, where, self.limits)
        at_looks = self._looks(end_of(self.definition, at, self.freshness.now))
        sums = self._read(database, self._generation(database), (), at_looks, conditions)
        return split(self.definition, sums)

    def remaining(
        self, database: Database, *, metric: str, variant: str, at: datetime | None = None
    ) -> left.Remaining:
        """How long until a decision.

        Raises:
            QueryError: the question is refused, or could not be answered.
        """
        (asked,) = metrics_of(self.definition, [metric])
        treatment = treatment_of(self.definition, variant)
        end = end_of(self.definition, at, self.freshness.now)
        chosen = self._generation(database)
        sums = self._read(database, chosen, [asked], self._looks(end, left.marks(end)))
        rebuilding, looks = chosen.is_rebuilding, self._looks(end)
        return left.remaining(self.definition, asked, treatment.key, sums, looks, is_rebuilding=rebuilding)

    def users(self, database: Database, *, at: datetime | None = None) -> Users:
        """How many users there are; none of a draft.

        Raises:
            QueryError: the question is refused, or could not be answered.
        """
        if self.definition.status is Status.DRAFT:
            return Users(dict.fromkeys((one.key for one in self.definition.variants), 0.0), 0.0)
        end = end_of(self.definition, at, self.freshness.now)
        whole = self._read(database, self._generation(database), (), Looks((end,)))
        return Users.of(self.definition, whole)

    def _looks(self, end: int, more: Sequence[int] = ()) -> Looks:
        return looks(start_of(self.definition), end, (*phase_starts(self.definition), *more))

    def _generation(self, database: Database) -> Generation:
        return generation(database, self.published, self.beginning_ms, self.freshness, self.limits)

    def _question(
        self,
        metrics: Sequence[str] | None,
        where: Sequence[WhereAsked],
        by: Sequence[str],
        at: datetime | None,
    ) -> Question:
        return Question(
            metrics_of(self.definition, metrics),
            conditions_of(self.catalogue, self.definition, where, self.limits),
            dimensions_of(self.catalogue, self.definition, by),
            end_of(self.definition, at, self.freshness.now),
        )

    def _needed(self, asked: Sequence[Metric]) -> tuple[Metric, ...]:
        """What is asked, and all goals, which are corrected together."""
        goals = self.definition.goals
        return tuple(one for one in self.definition.metrics if one in goals or one in asked)

    def _sliced(self, database: Database, chosen: Generation, question: Question) -> Sums:
        columns = tuple(str(one.column) for one in question.dimensions)
        needed, looks = self._needed(question.metrics), self._looks(question.end)
        sums = self._read(database, chosen, needed, looks, question.conditions, columns)
        self._check_rows(len(question.metrics) * len(treatments_of(self.definition)) * len(sums.slices))
        return sums

    def _read(
        self,
        database: Database,
        chosen: Generation,
        metrics: Sequence[Metric],
        at_looks: Looks,
        conditions: tuple[Condition, ...] = (),
        columns: tuple[str, ...] = (),
    ) -> Sums:
        scope = Scope(self.definition.id, chosen.number, conditions, columns)
        return read(database, scope, self.definition, metrics, at_looks, self.limits)

    def _check_rows(self, count: int) -> None:
        if count > self.limits.rows:
            raise QueryError(
                Code.TOO_MANY_ROWS,
                f"There are {count:,} results, at most {self.limits.rows:,} may be; ask for fewer metrics, a "
                "slice, or by fewer dimensions.",
                limit=self.limits.rows,
                requested=count,
            )


@dataclass(frozen=True, slots=True)
class Experiments:
    """All of them.

    Attributes:
        database: Where their sums are.
        registry: What was published.
        freshness: Reads how far the experiments' path is complete.
        catalogue: Where dimensions are looked up.
        limits: What one question may cost.
    """

    database: Database
    registry: Registry
    freshness: FreshnessReader
    catalogue: Catalogue
    limits: Limits

    def find(self, id_: str) -> Experiment | None:
        """The one of this id; None if there is none."""
        found = self.registry.published().get(id_)
        return None if found is None else self._at(found, self.freshness())

    def all(self, status: Status | None = None) -> list[Experiment]:
        """All, or those of a status, by their ids."""
        known = self.freshness()
        found = sorted(self.registry.published().items())
        return [self._at(one, known) for _, one in found if status is None or one.definition.status is status]

    def _at(self, published: Published, known: Freshness) -> Experiment:
        return Experiment(published, self.registry.beginning_ms(), known, self.catalogue, self.limits)
