"""How long until a decision: users still to come by the plan, their time, the least lift they show. Pure.

The plan decides, never the effect that was seen ("power at the observed effect" is the p-value again):
planned users are those that find the effect that was planned for with a probability of 80 %.
"""

from dataclasses import dataclass

import numpy as np

from tidemark.experiments.definition import Definition, Metric
from tidemark.experiments.judgement import Pair, arms, compared, effect_of, last
from tidemark.experiments.look import MINUTE
from tidemark.experiments.result import number
from tidemark.experiments.sums import Sums
from tidemark.stats.array import Floats, divide, floats
from tidemark.stats.clock import users
from tidemark.stats.remaining import detectable, seconds, user_variance

HOUR, DAY = 3_600, 86_400
RATES = (HOUR, DAY)
"""The last so many seconds whose arrivals tell how long it takes."""


@dataclass(frozen=True, slots=True)
class Remaining:
    """Of one metric and treatment.

    Attributes:
        users: Users of the two arms still to come by the plan; 0 once it is decided or there are so many.
        low_seconds: The time for them, by the faster of the last hour's and the last day's arrivals.
        high_seconds: By the slower; None for both where nobody arrives.
        minimum_detectable_lift: What planned users (or those who came, if they are more) find with 80 %.
    """

    users: float | None
    low_seconds: float | None
    high_seconds: float | None
    minimum_detectable_lift: float | None


def marks(end: int) -> tuple[int, ...]:
    """Looks that the arrivals of the last hour and of the last day need."""
    return tuple(end - back for back in RATES)


def remaining(definition: Definition, metric: Metric, treatment: str, sums: Sums, *, start: int) -> Remaining:
    """From the sums of one slice, with looks at ``marks`` among others; ``start`` in Unix seconds."""
    pair = Pair.of(definition, treatment)
    comparison = last(compared(definition, metric, pair, sums))
    effect = effect_of(definition, metric)(*(last(arm) for arm in arms(definition, metric, treatment, sums)))
    clock = users(effect.control.users, effect.treatment.users, pair.share)
    planned = definition.planned_pair(treatment)
    is_decided = bool((comparison.above ^ comparison.below)[0])
    left = np.zeros(1) if is_decided else np.maximum(planned - clock, 0.0)
    low, high = seconds(left, _rates(definition, treatment, sums, start))
    variance = user_variance(clock, effect.variance)
    found = detectable(pair.boundary, variance, np.maximum(clock, planned))
    lift = np.where((variance > 0) & (effect.baseline != 0), divide(found, np.abs(effect.baseline)), np.nan)
    return Remaining(*(number(float(one[0])) for one in (left, low, high, lift)))


def _rates(definition: Definition, treatment: str, sums: Sums, start: int) -> tuple[Floats, Floats]:
    """New users of the two arms a second, in the last hour and in the last day, or since the start."""
    arrived = sums.users_of(definition.control.key)[0] + sums.users_of(treatment)[0]
    ends = sums.looks.ends
    rates = []
    for back in RATES:
        since = ends[-1] - back
        before = arrived[ends.index(since)] if since in ends else 0.0
        length = max(min(back, ends[-1] - start), MINUTE)
        rates.append(floats([(arrived[-1] - before) / length]))
    return rates[0], rates[1]
