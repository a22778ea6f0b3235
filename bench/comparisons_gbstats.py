"""The side of gbstats in ``comparisons``, which runs this in an environment of its own: JSON in, JSON out."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig
from gbstats.frequentist.tests import (
    FrequentistConfig,
    SequentialConfig,
    SequentialTwoSidedTTest,
    TwoSidedTTest,
)
from gbstats.models.statistics import SampleMeanStatistic


def timed(call: Callable[[], list[Any]]) -> tuple[float, list[Any]]:
    """CPU seconds of one call, and what it found."""
    start = time.process_time()
    found = call()
    return time.process_time() - start, found


def main() -> None:
    """Read the sums, compare each pair by each method."""
    asked = json.load(sys.stdin)
    one, other = asked["control"], asked["treatment"]
    sums = list(
        zip(*(arm[name] for arm in (one, other) for name in ("n", "x", "xx")), strict=True),
    )

    def compared(test: Any, config: Any) -> list[Any]:  # noqa: ANN401
        return [
            test(
                SampleMeanStatistic(n=n, sum=x, sum_squares=xx),
                SampleMeanStatistic(n=m, sum=y, sum_squares=yy),
                config,
            ).compute_result()
            for n, x, xx, m, y, yy in sums
        ]

    alpha = asked["alpha"]
    once = FrequentistConfig(alpha=alpha, difference_type="absolute")
    watched = SequentialConfig(
        alpha=alpha, difference_type="absolute", sequential_tuning_parameter=asked["planned"]
    )
    believed = EffectBayesianConfig(difference_type="absolute")
    frequentist, first = timed(lambda: compared(TwoSidedTTest, once))
    sequential, second = timed(lambda: compared(SequentialTwoSidedTTest, watched))
    bayesian, _ = timed(lambda: compared(EffectBayesianABTest, believed))
    json.dump(
        {
            "seconds": {"frequentist": frequentist, "sequential": sequential, "Bayesian": bayesian},
            "once": [result.p_value for result in first],
            "p": [result.p_value for result in second],
            "lower": [result.ci[0] for result in second],
            "upper": [result.ci[1] for result in second],
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
