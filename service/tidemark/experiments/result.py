"""Every treatment against the control, as it is told: numbers that JSON has, None where there is none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from math import exp, isfinite

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
    """The goals, treatments and slices of the question corrected together, those with a p-value."""

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
    common = common_reasons(definition, whole, is_rebuilding=is_rebuilding)
    goals = [one for one in definition.metrics if one in definition.goals]
    pairs = [Pair.of(definition, one.key) for one in treatments_of(definition)]
    judged = {
        (metric.name, pair.treatment): judge(definition, metric, pair, sums, split_ok)
        for metric in dict.fromkeys((*goals, *asked))
        for pair in pairs
    }
    family = list(product([one.name for one in goals], [one.treatment for one in pairs]))
    corrected = dict(zip(family, _adjusted(definition, [judged[key] for key in family]), strict=True))
    slices = [tuple(Label(*one) for one in zip(by, values, strict=True)) for values in sums.slices]
    for metric, pair in product(asked, pairs):
        key = metric.name, pair.treatment
        none: list[Adjusted | None] = [None] * len(slices)
        adjusted = corrected.get(key, none)
        yield from _told(definition, metric, pair, judged[key], slices, adjusted, common)


def common_reasons(definition: Definition, whole: Sums, *, is_rebuilding: bool) -> int:
    """The codes that hold for all results alike, as bits: REBUILDING, UNDECLARED_VARIANT."""
    known = {EXCLUDED, *(one.key for one in definition.variants)}
    has_strangers = any(
        users[..., -1].sum() > 0 for variant, users in whole.users.items() if variant not in known
    )
    return Reason.REBUILDING.bit * is_rebuilding + Reason.UNDECLARED_VARIANT.bit * has_strangers


def _adjusted(definition: Definition, family: Sequence[Judgement]) -> list[list[Adjusted | None]]:
    """By comparison and slice; None without enough data.

    Those are no members of the family, as is usual (Tarone 1990, "A modified Bonferroni method for discrete
    data"): what cannot be shown yet needs no share of alpha, and hundreds of small slices would take it all.
    A comparison becomes a member with its first p-value, and the adjusted ones of the others rise with it:
    they hold for the family of this look, and are no running minimum.
    """
    is_member = np.stack([one.comparison.reasons & MISSING == 0 for one in family])
    p_values = np.where(is_member, np.stack([one.comparison.p_value for one in family]), np.nan)
    log_e = np.where(is_member, np.stack([one.comparison.log_e for one in family]), np.nan)
    shape = p_values.shape
    corrected = (
        holm(p_values.ravel()),
        benjamini_hochberg(p_values.ravel()),
        e_bh(log_e.ravel(), definition.alpha),
    )
    by_holm, by_rate, found = (one.reshape(shape).tolist() for one in corrected)
    return [
        [Adjusted(*each) if is_known else None for is_known, *each in zip(*row, strict=True)]
        for row in zip(is_member.tolist(), by_holm, by_rate, found, strict=True)
    ]


def _told(
    definition: Definition,
    metric: Metric,
    pair: Pair,
    judged: Judgement,
    slices: Sequence[tuple[Label, ...]],
    adjusted: Sequence[Adjusted | None],
    common: int,
) -> Iterator[Result]:
    """One result a slice; every array is read once, as a list."""
    comparison, effect = judged.comparison, judged.effect
    states = [None] * len(slices) if judged.guardrail is None else judged.guardrail.tolist()
    way = method(definition, metric, pair)
    columns = (
        slices,
        adjusted,
        _arms(definition.control.key, effect.control, judged.conversions[0]),
        _arms(pair.treatment, effect.treatment, judged.conversions[1]),
        intervals(comparison.lift),
        intervals(comparison.difference),
        comparison.p_value.tolist(),
        comparison.log_e.tolist(),
        judged.verdicts.tolist(),
        judged.reasons.tolist(),
        states,
        _fixed(judged),
        _beliefs(judged),
    )
    for each in zip(*columns, strict=True):
        labels, corrected, control, treatment, lift, difference, p_value, log_e, *rest = each
        decision, bits, state, fixed, belief = rest
        lacking = bits & MISSING
        yield Result(
            metric=metric.name,
            variant=pair.treatment,
            slice=labels,
            control=control,
            treatment=treatment,
            lift=lift,
            difference=difference,
            p_value=None if lacking else p_value,
            e_value=None if lacking else exp(log_e),
            adjusted=corrected,
            verdict=Decision(Verdict(decision).name),
            reasons=[one.value for one in reasons(bits | common)],
            guardrail=None if state is None else Safety(Guardrail(state).name),
            fixed_horizon=fixed,
            bayesian=belief,
            method=way,
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


def intervals(of: Bounds) -> list[Interval | None]:
    """An interval an element; None where there is none."""
    each = zip(of.value.tolist(), of.lower.tolist(), of.upper.tolist(), strict=True)
    return [
        Interval(value, number(lower), number(upper)) if isfinite(value) else None
        for value, lower, upper in each
    ]


def number(value: float) -> float | None:
    """A number that JSON has; None for NaN and infinity."""
    return value if isfinite(value) else None


def _arms(key: str, estimate: Estimate, conversions: Floats) -> Iterator[Arm]:
    shape = conversions.shape
    columns = (estimate.users, estimate.mean, estimate.standard_deviation, conversions, estimate.defined)
    each = (np.broadcast_to(column, shape).tolist() for column in columns)
    for users, mean, deviation, converted, is_known in zip(*each, strict=True):
        yield Arm(key, users, mean if is_known else None, deviation if is_known else None, converted)


def _fixed(judged: Judgement) -> Iterator[FixedHorizon | None]:
    fixed = judged.fixed
    columns = (fixed.p_value.tolist(), fixed.statistic.tolist(), fixed.degrees_of_freedom.tolist())
    for p_value, statistic, freedom, lift in zip(*columns, intervals(fixed.lift), strict=True):
        is_known = isfinite(p_value)
        yield FixedHorizon(p_value, lift, statistic, number(freedom)) if is_known else None


def _beliefs(judged: Judgement) -> Iterator[Bayesian | None]:
    posterior, words = judged.posterior, PRIOR.words
    for chance, loss in zip(posterior.chance_to_win.tolist(), posterior.expected_loss.tolist(), strict=True):
        yield Bayesian(chance, loss, words) if isfinite(chance) and isfinite(loss) else None
