"""What an experiment is: its definition, checked, and nothing else.

Times are Unix ms, money is in millionths of the deployment's currency, as in events (DESIGN section 1).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tidemark.query.catalogue import Unit
from tidemark.query.formula import Measure
from tidemark.query.instant import DAY_MS

MAX_EXPERIMENTS = 500
MAX_VARIANTS = 20
MAX_PHASES = 20
MAX_METRICS = 50
"""Goals and guardrails together."""
MAX_EVENTS = 10
"""Names of events in one sum."""
MAX_KEY = 200
"""Characters of an experiment's id and of a variant, both of which exposures carry."""
MAX_NAME, MAX_LABEL, MAX_DESCRIPTION = 64, 120, 2_000
"""Characters of a metric's name, of what people read in a table, and of what explains it."""
MAX_ALPHA = 0.2
MAX_WINDOW_MS = 90 * DAY_MS
MAX_COVARIATE_DAYS = 90
MIN_PLANNED_USERS, MAX_PLANNED_USERS = 100, 1_000_000_000
MAX_INT64 = 2**63 - 1

SLICEABLE = ("campaign_id", "ad_id", "channel", "source", "platform", "country")
"""Columns of an exposure that can be frozen as a user's cell (DESIGN rule 6), in the order of its key."""


class Status(StrEnum):
    """Whether its exposures count: never in a draft, until its end in the two others."""

    DRAFT = "draft"
    RUNNING = "running"
    STOPPED = "stopped"


class UserKey(StrEnum):
    """Which field of an event says who is meant: the unit that is randomised and counted."""

    USER_ID = "user_id"
    ANONYMOUS_ID = "anonymous_id"


class Kind(StrEnum):
    """What a metric's number is."""

    PROPORTION = "proportion"  # of the users, those that did it at least once
    MEAN = "mean"  # a user's sum, on average
    RATIO = "ratio"  # one sum over another; the users are still what varies (delta method)


class Better(StrEnum):
    """Which direction is good news."""

    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True, slots=True)
class Variant:
    """One arm.

    Attributes:
        key: as exposures carry it.
        weight: its part of the traffic in the first phase, relative to the others'; without common divisor.
        is_control: whether the others are compared with it; exactly one is.
    """

    key: str
    weight: int
    is_control: bool


@dataclass(frozen=True, slots=True)
class Phase:
    """Other weights from an instant on.

    Attributes:
        start_ms: of first exposures from then on, Unix ms.
        weights: one a variant, in their order; without common divisor.
    """

    start_ms: int
    weights: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """A user's sum of ``measure`` over the events of these names, sorted."""

    measure: Measure
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """What is compared between variants.

    Attributes:
        name: within the experiment.
        label: for people.
        description: for people; may be empty.
        kind: what its number is.
        numerator: a user's sum; of a proportion a quantity that counts as 0 or 1.
        denominator: of a ratio, else None.
        cap: a user's numerator counts up to it, in the units of the measure; None where there is none.
        better: which direction is good news.
        unit: what its number counts; None for plain numbers.
    """

    name: str
    label: str
    description: str
    kind: Kind
    numerator: Total
    denominator: Total | None
    cap: int | None
    better: Better
    unit: Unit | None


@dataclass(frozen=True, slots=True)
class Margin:
    """How much worse than the control is still safe: a fraction of its mean, or units of the metric."""

    value: float
    is_relative: bool


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A metric that must not get worse by more than the margin; it may be one of the goals."""

    metric: Metric
    margin: Margin


@dataclass(frozen=True, slots=True)
class Covariate:
    """What was known of users before their first exposure, to take its noise away (CUPED).

    Attributes:
        days: how long before the exposure is looked at.
        metric: the goal or guardrail whose numerator it is, for all of them; None: each metric's own.
    """

    days: int
    metric: str | None


@dataclass(frozen=True, slots=True)
class Definition:
    """An experiment.

    Attributes:
        id: as exposures carry it.
        name: for people.
        description: for people; may be empty.
        status: whether exposures count.
        start_ms: first exposures count from then on; None only in a draft.
        end_ms: and before then; None: without end.
        unit: who is randomised and counted.
        variants: at least two, one of them the control.
        phases: later weights, in order of time; the variants' own are those of the first phase.
        planned_users: of all variants together; the boundary is tuned to it.
        alpha: how often an experiment without effect may be called one, however often it is looked at.
        window_ms: how long after the first exposure a user's events count.
        goals: at least one; they decide, and are corrected together.
        guardrails: what must not get worse.
        slices: columns of the first exposure that results can be sliced by, in the order of ``SLICEABLE``.
        covariate: None: no adjustment.
    """

    id: str
    name: str
    description: str
    status: Status
    start_ms: int | None
    end_ms: int | None
    unit: UserKey
    variants: tuple[Variant, ...]
    phases: tuple[Phase, ...]
    planned_users: int
    alpha: float
    window_ms: int
    goals: tuple[Metric, ...]
    guardrails: tuple[Guardrail, ...]
    slices: tuple[str, ...]
    covariate: Covariate | None

    @property
    def control(self) -> Variant:
        """The variant that the others are compared with."""
        return next(variant for variant in self.variants if variant.is_control)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Each metric once: the goals, then the guardrails that are none of them."""
        every = (*self.goals, *(guardrail.metric for guardrail in self.guardrails))
        return tuple({metric.name: metric for metric in every}.values())

    def planned_pair(self, treatment: str) -> float:
        """How many of the planned users the control and one treatment have by the weights of the start."""
        weights = {variant.key: variant.weight for variant in self.variants}
        pair = weights[self.control.key] + weights[treatment]
        return self.planned_users * pair / sum(weights.values())

    def weights_at(self, at_ms: int) -> tuple[int, ...]:
        """The weights of first exposures at an instant, one a variant, in their order."""
        weights = tuple(variant.weight for variant in self.variants)
        for phase in self.phases:
            if phase.start_ms <= at_ms:
                weights = phase.weights
        return weights

    def shares_at(self, at_ms: int) -> Mapping[str, float]:
        """Each variant's part of first exposures at an instant; they add up to 1."""
        weights = self.weights_at(at_ms)
        return {
            variant.key: weight / sum(weights) for variant, weight in zip(self.variants, weights, strict=True)
        }
