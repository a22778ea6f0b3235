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
    conditions_of,
    dimensions_of,
    end_of,
    metrics_of,
    start_of,
    treatment_of,
    treatments_of,
)
from tidemark.experiments.registry import Registry
from tidemark.experiments.split import phase_starts, split
from tidemark.experiments.sums import EXCLUDED, Scope, Sums, read
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
class Users:
    """Users of an experiment at present.

    Attributes:
        by_variant: Of declared variants.
        excluded: Those who saw two variants.
    """

    by_variant: dict[str, float]
    excluded: float


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

    @property
    def shares(self) -> dict[str, float]:
        """Each variant's part of first exposures now; they add up to 1."""
        return dict(self.definition.shares_at(to_ms(self.freshness.now)))

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
        definition = self.definition
        asked = metrics_of(definition, metrics)
        conditions = conditions_of(self.catalogue, definition, where, self.limits)
        dimensions = dimensions_of(self.catalogue, definition, by)
        at_looks = self._looks(end_of(definition, at, self.freshness.now))
        chosen = self._generation(database)
        needed = tuple(one for one in definition.metrics if one in definition.goals or one in asked)
        columns = tuple(str(one.column) for one in dimensions)
        scope = Scope(definition.id, chosen.number, conditions, columns)
        sums = read(database, scope, definition, needed, at_looks, self.limits)
        self._check_rows(len(asked) * len(treatments_of(definition)) * len(sums.slices))
        # all slices of a dimension are the whole, some of them need it read
        whole = self._whole(database, chosen, at_looks) if conditions else sums.whole()
        names = [one.field for one in dimensions]
        rebuilding = chosen.is_rebuilding
        return list(result.results(definition, asked, sums, whole, names, is_rebuilding=rebuilding))

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
        scope = Scope(definition.id, self._generation(database).number, conditions)
        sums = read(database, scope, definition, [asked], self._looks(last, ends), self.limits)
        return series.series(definition, asked, treatment.key, sums, shown)

    def sample_ratio(self, database: Database, *, where: Sequence[WhereAsked] = ()) -> SampleRatio:
        """Whether users split as the weights say; arrays of one slice.

        Raises:
            QueryError: the question is refused, or could not be answered.
        """
        conditions = conditions_of(self.catalogue, self.definition, where, self.limits)
        at_looks = self._looks(end_of(self.definition, None, self.freshness.now))
        sums = self._whole(database, self._generation(database), at_looks, conditions)
        return split(self.definition, sums)

    def remaining(self, database: Database, *, metric: str, variant: str) -> left.Remaining:
        """How long until a decision.

        Raises:
            QueryError: the question is refused, or could not be answered.
        """
        (asked,) = metrics_of(self.definition, [metric])
        treatment = treatment_of(self.definition, variant)
        start, end = start_of(self.definition), end_of(self.definition, None, self.freshness.now)
        scope = Scope(self.definition.id, self._generation(database).number)
        at_looks = self._looks(end, left.marks(end))
        sums = read(database, scope, self.definition, [asked], at_looks, self.limits)
        return left.remaining(self.definition, asked, treatment.key, sums, start=start)

    def users(self, database: Database) -> Users:
        """How many users there are; none of a draft.

        Raises:
            QueryError: it could not be answered.
        """
        variants = [one.key for one in self.definition.variants]
        if self.definition.status is Status.DRAFT:
            return Users(dict.fromkeys(variants, 0.0), 0.0)
        end = end_of(self.definition, None, self.freshness.now)
        whole = self._whole(database, self._generation(database), Looks((end,)))
        found = {one: float(whole.users_of(one)[0, -1]) for one in (*variants, EXCLUDED)}
        return Users({one: found[one] for one in variants}, found[EXCLUDED])

    def metric(self, name: str) -> Metric:
        """The metric of this name.

        Raises:
            QueryError: there is none.
        """
        return metrics_of(self.definition, [name])[0]

    def _looks(self, end: int, more: Sequence[int] = ()) -> Looks:
        return looks(start_of(self.definition), end, (*phase_starts(self.definition), *more))

    def _generation(self, database: Database) -> Generation:
        return generation(database, self.published, self.beginning_ms, self.freshness, self.limits)

    def _whole(
        self, database: Database, chosen: Generation, at_looks: Looks, conditions: tuple[Condition, ...] = ()
    ) -> Sums:
        scope = Scope(self.definition.id, chosen.number, conditions)
        return read(database, scope, self.definition, (), at_looks, self.limits)

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
