"""How long until a decision: users still to come by the plan, their time, the least lift they show. Pure.

The plan decides, never the effect that was seen ("power at the observed effect" is the p-value again):
planned users are those that find the effect that was planned for with a probability of 80 %. Where the
clock of the verdict is faster than users, since their values go on growing, its boundary is higher, and the
same effect takes more of them.
"""

from dataclasses import dataclass

import numpy as np

from tidemark.experiments.definition import Definition, Metric
from tidemark.experiments.judgement import Pair, clock_of, judge, picked
from tidemark.experiments.look import MINUTE, Looks
from tidemark.experiments.question import start_of
from tidemark.experiments.result import common_reasons, number
from tidemark.experiments.split import split
from tidemark.experiments.sums import Sums
from tidemark.stats.array import Floats, divide, floats
from tidemark.stats.clock import users
from tidemark.stats.effect import Effect
from tidemark.stats.reason import reasons
from tidemark.stats.remaining import detectable, pace_of, seconds, user_variance, users_by_plan
from tidemark.stats.verdict import Verdict

HOUR, DAY = 3_600, 86_400
RATES = (HOUR, DAY)
"""The last so many seconds whose arrivals tell how long it takes."""


@dataclass(frozen=True, slots=True)
class Remaining:
    """Of one metric and treatment. All but the reasons are None where no users bring a verdict any more.

    Attributes:
        users: Users of the two arms still to come by the plan; 0 once it is decided or there are so many.
        low_seconds: The time for them, by the faster of the last hour's and the last day's arrivals.
        high_seconds: By the slower; None for both where nobody arrives.
        minimum_detectable_lift: What so many users, with those who came, find with a probability of 80 %.
        reasons: Those of the result.
    """

    users: float | None
    low_seconds: float | None
    high_seconds: float | None
    minimum_detectable_lift: float | None
    reasons: list[str]


def marks(end: int) -> tuple[int, ...]:
    """Looks that the arrivals of the last hour and of the last day need."""
    return tuple(end - back for back in RATES)


def remaining(
    definition: Definition,
    metric: Metric,
    treatment: str,
    sums: Sums,
    looks: Looks,
    *,
    is_rebuilding: bool,
) -> Remaining:
    """From the sums of the whole experiment.

    Args:
        definition: The experiment.
        metric: Whose decision.
        treatment: And of which treatment.
        sums: With looks at ``marks`` among others.
        looks: Those that the result is told by, all of them among the sums'.
        is_rebuilding: Whether the numbers are those of an earlier generation, or not whole.
    """
    pair = Pair.of(definition, treatment)
    known = picked(sums, looks)
    judged = judge(definition, metric, pair, known, split(definition, known).ok)
    bits = int(judged.reasons[0]) | common_reasons(definition, known, is_rebuilding=is_rebuilding)
    told = [one.value for one in reasons(bits)]
    verdict = Verdict(int(judged.verdicts[0]))
    is_turned = judged.comparison.above & judged.comparison.below
    if verdict is Verdict.INVALID or is_turned[0]:
        return Remaining(None, None, None, None, told)
    came = users(judged.effect.control.users, judged.effect.treatment.users, pair.share)
    pace = pace_of(clock_of(definition, metric, pair, known), came)
    total = users_by_plan(pair.boundary, definition.planned_pair(treatment), pace=pace)
    is_decided = verdict in (Verdict.BETTER, Verdict.WORSE)
    left = np.zeros(1) if is_decided else np.maximum(total - came, 0.0)
    low, high = seconds(left, _rates(definition, treatment, sums))
    lift = _detectable(pair, judged.effect, came, np.maximum(came, total), pace)
    still, shortest, longest, least = (number(float(one[0])) for one in (left, low, high, lift))
    return Remaining(still, shortest, longest, least, told)


def _detectable(pair: Pair, effect: Effect, came: Floats, total: Floats, pace: Floats) -> Floats:
    """The least lift that so many users in all find; NaN where there is no percentage."""
    variance = user_variance(came, effect.variance)
    found = detectable(pair.boundary, variance, total, pace=pace)
    return np.where((variance > 0) & (effect.baseline != 0), divide(found, np.abs(effect.baseline)), np.nan)


def _rates(definition: Definition, treatment: str, sums: Sums) -> tuple[Floats, Floats]:
    """New users of the two arms a second, in the last hour and in the last day, or since the start."""
    arrived = sums.users_of(definition.control.key)[0] + sums.users_of(treatment)[0]
    ends = sums.looks.ends
    rates = []
    for back in RATES:
        since = ends[-1] - back
        before = arrived[ends.index(since)] if since in ends else 0.0
        length = max(min(back, ends[-1] - start_of(definition)), MINUTE)
        rates.append(floats([(arrived[-1] - before) / length]))
    return rates[0], rates[1]
