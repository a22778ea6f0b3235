"""One metric of one treatment against the control, over looks and slices: all that is said of it. Pure.

Arrays have the shape (slices, looks); what comes out is that of the last look.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

from tidemark.experiments.definition import Better, Definition, Guardrail, Kind, Metric
from tidemark.experiments.look import DIGITS, MINUTE, Looks, floor
from tidemark.experiments.question import guardrail_of, start_of
from tidemark.experiments.sums import Sums
from tidemark.stats import effect, guardrail
from tidemark.stats.array import Codes, Flags, Floats
from tidemark.stats.bayesian import Posterior, Prior, bayesian
from tidemark.stats.boundary import Boundary
from tidemark.stats.clock import intrinsic
from tidemark.stats.comparison import OF_VALUES, Comparison, Least, missing, watch
from tidemark.stats.effect import Effect
from tidemark.stats.horizon import FixedHorizon, pooled, welch
from tidemark.stats.moments import Moments
from tidemark.stats.reason import Reason
from tidemark.stats.verdict import Verdict, verdict

PRIOR = Prior()
OF_SHARES = Least()
Part = TypeVar("Part")
EffectOf = Callable[[Moments, Moments], Effect]


@dataclass(frozen=True, slots=True)
class Pair:
    """A control and a treatment.

    Attributes:
        treatment: The treatment's name.
        boundary: Tuned to the planned users of the two arms, fixed at the start.
        share: The treatment's part of the two arms' planned weights.
        mixed_from: When a phase first changes that part, Unix seconds; None: never. From then on the arms'
            users are of other days, and what differs between days looks like an effect.

    Phases cannot be told apart and combined: sums are increments by the minute of what a user did, users are
    counted by the minute of their exposure, and a user of the first phase buys in the second one as well. To
    weigh phases each user's sums would have to be by phase of exposure, which is another key of the job's
    rows. So there is no verdict from then on; what was known at that instant can still be asked for.
    """

    treatment: str
    boundary: Boundary
    share: float
    mixed_from: int | None

    @classmethod
    def of(cls, definition: Definition, treatment: str) -> "Pair":
        """By the weights of the start."""
        weights = {one.key: one.weight for one in definition.variants}
        both = weights[definition.control.key] + weights[treatment]
        boundary = Boundary.tuned(definition.alpha, definition.planned_pair(treatment))
        place = [one.key for one in definition.variants].index(treatment)
        control = definition.variants.index(definition.control)
        mixed = (
            phase.start_ms // 1000
            for phase in definition.phases
            if phase.weights[place] * weights[definition.control.key]
            != phase.weights[control] * weights[treatment]
        )
        return cls(treatment, boundary, weights[treatment] / both, min(mixed, default=None))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known at the last look, an element a slice.

    Attributes:
        effect: The effect of the sums, with both arms' estimates.
        conversions: Users who did what the metric counts, of the control and of the treatment.
        comparison: What may be watched.
        verdicts: Numbers of ``tidemark.stats.verdict.Verdict``.
        reasons: Codes as bits.
        guardrail: Numbers of ``tidemark.stats.guardrail.Guardrail``; None where it is none.
        fixed: One look at the planned end.
        posterior: The Bayesian figures.
    """

    effect: Effect
    conversions: tuple[Floats, Floats]
    comparison: Comparison
    verdicts: Codes
    reasons: Codes
    guardrail: Codes | None
    fixed: FixedHorizon
    posterior: Posterior


def effect_of(definition: Definition, metric: Metric) -> EffectOf:
    """How the effect comes from the moments."""
    if definition.covariate is not None:
        return effect.adjusted_ratio if metric.kind is Kind.RATIO else effect.adjusted_mean
    kinds: dict[Kind, EffectOf] = {
        Kind.PROPORTION: effect.proportion,
        Kind.MEAN: effect.mean,
        Kind.RATIO: effect.ratio,
    }
    return kinds[metric.kind]


def arms(definition: Definition, metric: Metric, treatment: str, sums: Sums) -> tuple[Moments, Moments]:
    """The moments of the control and of a treatment."""
    return sums.moments[metric.name, definition.control.key], sums.moments[metric.name, treatment]


def conversions(definition: Definition, metric: Metric, treatment: str, sums: Sums) -> tuple[Floats, Floats]:
    """Users who did what the metric counts, of the control and of a treatment."""
    return sums.active[metric.name, definition.control.key], sums.active[metric.name, treatment]


def least_of(metric: Metric) -> Least:
    """The least data of an arm."""
    return OF_SHARES if metric.kind is Kind.PROPORTION else OF_VALUES


def marks_of(definition: Definition, looks: Looks) -> Flags:
    """Which looks are marks (``look.ages``): those that there are whatever else is asked."""
    age = (np.asarray(looks.ends) - floor(start_of(definition))) // MINUTE
    lowest_digit = age & -age
    marks: Flags = (age > 0) & (age < lowest_digit << DIGITS)
    return marks


def clock_of(definition: Definition, metric: Metric, pair: Pair, sums: Sums) -> Floats:
    """The boundary's time at the last look, 0 before there is enough data."""
    whole = effect_of(definition, metric)(*arms(definition, metric, pair.treatment, sums))
    lacking = missing(whole, conversions(definition, metric, pair.treatment, sums), least_of(metric))
    clock: Floats = intrinsic(whole, lacking == 0, pair.share, marks_of(definition, sums.looks))[..., -1]
    return clock


def compared(definition: Definition, metric: Metric, pair: Pair, sums: Sums, *, since: int = 0) -> Comparison:
    """What may be watched, at every look, or at those from one on when no look before has enough data."""
    control, treatment = arms(definition, metric, pair.treatment, sums)
    done, treated = conversions(definition, metric, pair.treatment, sums)
    return watch(
        effect_of(definition, metric),
        at_looks(control, slice(since, None)),
        at_looks(treatment, slice(since, None)),
        (done[..., since:], treated[..., since:]),
        pair.boundary,
        share=pair.share,
        least=least_of(metric),
        marks=marks_of(definition, sums.looks)[since:],
    )


def _first(metric: Metric, control: Moments, treatment: Moments, converted: tuple[Floats, Floats]) -> int:
    """A look before which no slice has enough data; the last one if none ever has.

    A look without enough data takes no part, and nothing of one that is not the last is told.
    """
    least = least_of(metric)
    enough = (np.minimum(control.n, treatment.n) >= least.users) & (
        np.minimum(*converted) >= least.conversions
    )
    ever = enough.any(axis=0)
    return int(ever.argmax()) if ever.any() else len(ever) - 1


def judge(definition: Definition, metric: Metric, pair: Pair, sums: Sums, split_ok: Flags) -> Judgement:
    """Everything about one metric of one treatment.

    ``split_ok``: whether the sample ratio of each slice holds, up to the last look.
    """
    control, treatment = arms(definition, metric, pair.treatment, sums)
    converted = conversions(definition, metric, pair.treatment, sums)
    comparison = last(
        compared(definition, metric, pair, sums, since=_first(metric, control, treatment, converted))
    )
    is_higher_better = metric.better is Better.HIGHER
    verdicts, reasons = verdict(comparison, split_ok, higher_is_better=is_higher_better)
    is_mixed = pair.mixed_from is not None and pair.mixed_from < sums.looks.ends[-1]
    if is_mixed:
        verdicts = np.full_like(verdicts, Verdict.INVALID)
        reasons = reasons | Reason.WEIGHTS_CHANGED.bit
    rail = guardrail_of(definition, metric)
    state = None
    if rail is not None:
        whole = effect_of(definition, metric)(control, treatment)
        lacking = missing(whole, converted, least_of(metric))
        lacking = lacking + ~split_ok[:, None] * Reason.SAMPLE_RATIO_MISMATCH.bit
        lacking = lacking + is_mixed * Reason.WEIGHTS_CHANGED.bit
        clock = intrinsic(whole, lacking == 0, pair.share, marks_of(definition, sums.looks))
        state, why = _guarded(rail, pair, whole, clock, lacking, is_higher_better=is_higher_better)
        reasons = reasons | why
    now = effect_of(definition, metric)(last(control), last(treatment))
    is_plain_share = metric.kind is Kind.PROPORTION and definition.covariate is None
    return Judgement(
        effect=now,
        conversions=(converted[0][:, -1], converted[1][:, -1]),
        comparison=comparison,
        verdicts=verdicts,
        reasons=reasons,
        guardrail=state,
        fixed=(pooled if is_plain_share else welch)(now, definition.alpha),
        posterior=bayesian(now, PRIOR, higher_is_better=is_higher_better),
    )


def _guarded(
    rail: Guardrail, pair: Pair, whole: Effect, clock: Floats, lacking: Codes, *, is_higher_better: bool
) -> tuple[Codes, Codes]:
    """The states at the last look, and why."""
    states, why = guardrail.guardrail(
        whole,
        pair.boundary,
        clock,
        lacking,
        margin=rail.margin.value,
        relative=rail.margin.is_relative,
        higher_is_better=is_higher_better,
    )
    return states[:, -1], why[:, -1]


def last(part: Part) -> Part:
    """The same at the last look; arrays without axes are the same at all."""
    return at_looks(part, -1)


def picked(sums: Sums, looks: Looks) -> Sums:
    """The same at some of its looks."""
    places = [sums.looks.ends.index(end) for end in looks.ends]

    def each(parts: Mapping[Any, Part]) -> dict[Any, Part]:
        return {key: at_looks(part, places) for key, part in parts.items()}

    return replace(
        sums, looks=looks, users=each(sums.users), moments=each(sums.moments), active=each(sums.active)
    )


def at_looks(part: Part, which: int | slice | list[int]) -> Part:
    """The same at some looks; arrays without axes are the same at all."""
    if is_dataclass(part) and not isinstance(part, type):
        return type(part)(**{one.name: at_looks(getattr(part, one.name), which) for one in fields(part)})
    array: Any = np.asarray(part)
    return array[..., which] if array.ndim else array  # type: ignore[no-any-return]
