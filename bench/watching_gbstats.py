"""The side of gbstats in ``watching``, which runs this in an environment of its own: JSON in, JSON out."""

import json
import sys
from typing import Any

from gbstats.frequentist.tests import (
    FrequentistConfig,
    SequentialConfig,
    SequentialTwoSidedTTest,
    TwoSidedTTest,
)
from gbstats.models.statistics import SampleMeanStatistic


def main() -> None:
    """Read the sums, test each pair."""
    asked = json.load(sys.stdin)
    arms = [
        [
            SampleMeanStatistic(n=n, sum=x, sum_squares=xx)
            for n, x, xx in zip(arm["n"], arm["x"], arm["xx"], strict=True)
        ]
        for arm in (asked["control"], asked["treatment"])
    ]

    def p_values(test: Any, config: Any) -> list[float]:  # noqa: ANN401
        return [
            float(test(one, other, config).compute_result().p_value) for one, other in zip(*arms, strict=True)
        ]

    alpha, tuning = asked["alpha"], asked["tuning"]
    once = FrequentistConfig(alpha=alpha, difference_type="relative")
    lift, plain = (
        SequentialConfig(alpha=alpha, difference_type=kind, sequential_tuning_parameter=tuning)
        for kind in ("relative", "absolute")
    )
    json.dump(
        {
            "frequentist": p_values(TwoSidedTTest, once),
            "sequential": p_values(SequentialTwoSidedTTest, lift),
            "absolute": p_values(SequentialTwoSidedTTest, plain),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
