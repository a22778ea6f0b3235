"""Every treatment against the control, as it is told: numbers that JSON has, None where there is none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

import numpy as np

from tidemark.experiments.definition import Definition, Kind, Metric
from tidemark.experiments.judgement import PRIOR, Judgement, Pair, judge
from tidemark.experiments.question import treatments_of
from tidemark.experiments.split import split
from tidemark.experiments.sums import EXCLUDED, Sums
from tidemark.stats.array import Flags, Floats
from tidemark.stats.comparison import MISSING
from tidemark.stats.effect import Estimate
from tidemark.stats.guardrail import Guardrail
from tidemark.stats.interval import Interval as Bounds
from tidemark.stats.multiplicity import benjamini_hochberg, e_bh, holm
from tidemark.stats.reason import Reason, reasons
from tidemark.stats.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its bounds, in the metric's unit or as a fraction of the control's mean."""

    value: float
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True)
class Arm:
    """One variant's users.

    Attributes:
        key: Its name.
        users: How many.
        mean: Of the metric, not adjusted by a covariate; None without users or denominator.
        standard_deviation: Of one user's value; of a ratio of its linearised one.
        conversions: Users who did what the metric counts.
    """

    key: str
    users: float
    mean: float | None
    standard_deviation: float | None
    conversions: float


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The goals, treatments and slices of the question corrected together."""

    holm: float
    benjamini_hochberg: float
    e_bh_rejected: bool


@dataclass(frozen=True, slots=True)
class FixedHorizon:
    """Valid only if looked at once, at the planned end."""

    p_value: float
    lift: Interval | None
    statistic: float
    degrees_of_freedom: float | None


@dataclass(frozen=True, slots=True)
class Bayesian:
    """Not protected against peeking."""

    chance_to_win: float
    expected_loss: float
    prior: str


@dataclass(frozen=True, slots=True)
class Label:
    """A dimension's field and value."""

    name: str
    value: str


class Decision(StrEnum):
    """The verdict, by its name."""

    BETTER = "BETTER"
    WORSE = "WORSE"
    UNDECIDED = "UNDECIDED"
    NOT_ENOUGH_DATA = "NOT_ENOUGH_DATA"
    INVALID = "INVALID"


class Safety(StrEnum):
    """A guardrail's state, by its name."""

    SAFE = "SAFE"
    BREACHED = "BREACHED"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True, slots=True)
class Result:
    """One metric of one treatment in one slice; names and meaning as in the contract."""

    metric: str
    variant: str
    slice: tuple[Label, ...]
    control: Arm
    treatment: Arm
    lift: Interval | None
    difference: Interval | None
    p_value: float | None
    e_value: float | None
    adjusted: Adjusted | None
    verdict: Decision
    reasons: list[str]
    guardrail: Safety | None
    fixed_horizon: FixedHorizon | None
    bayesian: Bayesian | None
    method: str


def results(
    definition: Definition,
    asked: Sequence[Metric],
    sums: Sums,
    whole: Sums,
    by: Sequence[str],
    *,
    is_rebuilding: bool,
) -> Iterator[Result]:
    """By metric, treatment and slice, in the order of the definition and of the slices' values.

    Args:
        definition: The experiment.
        asked: Metrics to tell of; all goals are corrected together, whatever is asked.
        sums: Of all goals and of what is asked.
        whole: The users of the experiment, without conditions and slices.
        by: Names of the slices' values.
        is_rebuilding: Whether the numbers are those of an earlier generation, or not whole.
    """
    # a split that is broken somewhere spoils everything, one that is broken in a slice that slice
    split_ok: Flags = split(definition, sums).ok & split(definition, whole).ok
    common = Reason.REBUILDING.bit * is_rebuilding + Reason.UNDECLARED_VARIANT.bit * has_strangers(
        definition, whole
    )
    goals = [one for one in definition.metrics if one in definition.goals]
    pairs = [Pair.of(definition, one.key) for one in treatments_of(definition)]
    judged = {
        (metric.name, pair.treatment): judge(definition, metric, pair, sums, split_ok)
        for metric in dict.fromkeys((*goals, *asked))
        for pair in pairs
    }
    family = list(product([one.name for one in goals], [one.treatment for one in pairs]))
    corrected = dict(zip(family, _adjusted(definition, [judged[key] for key in family]), strict=True))
    for metric, pair in product(asked, pairs):
        key = metric.name, pair.treatment
        for at, values in enumerate(sums.slices):
            labels = tuple(Label(*one) for one in zip(by, values, strict=True))
            adjusted = corrected[key][at] if key in corrected else None
            yield _result(definition, metric, pair, judged[key], at, labels, adjusted, common)


def has_strangers(definition: Definition, whole: Sums) -> bool:
    """Whether users were exposed to a variant that is not declared."""
    known = {EXCLUDED, *(one.key for one in definition.variants)}
    return any(users[..., -1].sum() > 0 for variant, users in whole.users.items() if variant not in known)


def _adjusted(definition: Definition, family: Sequence[Judgement]) -> list[list[Adjusted]]:
    """By comparison and slice. Those without enough data are members, too: their p is 1, their e 0."""
    p_values = np.stack([one.comparison.p_value for one in family])
    log_e = np.stack([one.comparison.log_e for one in family])
    shape = p_values.shape
    corrected = (
        holm(p_values.ravel()),
        benjamini_hochberg(p_values.ravel()),
        e_bh(log_e.ravel(), definition.alpha),
    )
    by_holm, by_rate, found = (one.reshape(shape).tolist() for one in corrected)
    return [
        [Adjusted(*each) for each in zip(*row, strict=True)]
        for row in zip(by_holm, by_rate, found, strict=True)
    ]


def _result(
    definition: Definition,
    metric: Metric,
    pair: Pair,
    judged: Judgement,
    at: int,
    labels: tuple[Label, ...],
    adjusted: Adjusted | None,
    common: int,
) -> Result:
    comparison, bits = judged.comparison, int(judged.reasons[at])
    lacking = bits & MISSING
    return Result(
        metric=metric.name,
        variant=pair.treatment,
        slice=labels,
        control=_arm(definition.control.key, judged.effect.control, judged.conversions[0], at),
        treatment=_arm(pair.treatment, judged.effect.treatment, judged.conversions[1], at),
        lift=interval_at(comparison.lift, at),
        difference=interval_at(comparison.difference, at),
        p_value=None if lacking else float(comparison.p_value[at]),
        e_value=None if lacking else float(np.exp(comparison.log_e[at])),
        adjusted=adjusted,
        verdict=Decision(Verdict(int(judged.verdicts[at])).name),
        reasons=[one.value for one in reasons(bits | common)],
        guardrail=None if judged.guardrail is None else Safety(Guardrail(int(judged.guardrail[at])).name),
        fixed_horizon=_fixed(judged, at),
        bayesian=_bayes(judged, at),
        method=method(definition, metric, pair),
    )


def method(definition: Definition, metric: Metric, pair: Pair) -> str:
    """How the figures come about, in words."""
    of = {
        Kind.PROPORTION: "proportions",
        Kind.MEAN: "means of users",
        Kind.RATIO: "ratios of sums by the delta method",
    }[metric.kind]
    adjusted = ""
    if definition.covariate is not None:
        adjusted = f", adjusted by the {definition.covariate.days} days before the first exposure (CUPED)"
    planned = round(definition.planned_pair(pair.treatment))
    return (
        f"always valid: {of}{adjusted}, normal-mixture boundary at {100 * definition.alpha:g} % tuned to "
        f"{planned:,} users of both arms; lift by Fieller's inversion of the same boundary"
    )


def interval_at(interval: Bounds, at: int) -> Interval | None:
    """One element of an interval; None where there is none."""
    value, lower, upper = (float(one[at]) for one in (interval.value, interval.lower, interval.upper))
    return Interval(value, number(lower), number(upper)) if np.isfinite(value) else None


def number(value: float) -> float | None:
    """A number that JSON has; None for NaN and infinity."""
    return value if np.isfinite(value) else None


def _arm(key: str, estimate: Estimate, conversions: Floats, at: int) -> Arm:
    is_known = bool(estimate.defined[at])
    return Arm(
        key=key,
        users=float(estimate.users[at]),
        mean=float(estimate.mean[at]) if is_known else None,
        standard_deviation=float(estimate.standard_deviation[at]) if is_known else None,
        conversions=float(conversions[at]),
    )


def _fixed(judged: Judgement, at: int) -> FixedHorizon | None:
    fixed = judged.fixed
    if not np.isfinite(fixed.p_value[at]):
        return None
    return FixedHorizon(
        p_value=float(fixed.p_value[at]),
        lift=interval_at(fixed.lift, at),
        statistic=float(fixed.statistic[at]),
        degrees_of_freedom=number(float(fixed.degrees_of_freedom[at])),
    )


def _bayes(judged: Judgement, at: int) -> Bayesian | None:
    chance, loss = float(judged.posterior.chance_to_win[at]), float(judged.posterior.expected_loss[at])
    return Bayesian(chance, loss, PRIOR.words) if np.isfinite(chance) and np.isfinite(loss) else None
