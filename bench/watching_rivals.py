"""What others would have said on the same streams: z = 1.96 at every look, and gbstats, vectorised.

gbstats 0.8.0 compares one pair at a time in about a millisecond, and the streams have millions. So its
formulas (frequentist/tests.py) are repeated here for arrays, and ``checked`` holds them against gbstats
itself, in an environment of its own, on some hundred pairs of the same streams.
"""

import json
import subprocess
from math import log
from pathlib import Path

import numpy as np
from scipy.special import stdtr

from comparisons import python_of_gbstats
from tidemark.stats.array import Flags, Floats, divide
from tidemark.stats.moments import Moments

ONCE = 1.96
TUNING = 5_000.0
"""gbstats' ``sequential_tuning_parameter``, by default."""


def relative(control: Moments, treatment: Moments) -> tuple[Floats, Floats]:
    """The lift of gbstats and its variance, by the delta method."""
    one, other = control.mean(control.x), treatment.mean(treatment.x)
    first, second = (arm.covariance(arm.dxx) for arm in (control, treatment))
    variance = divide(second, one**2 * treatment.n) + divide(first * other**2, one**4 * control.n)
    return divide(other - one, one), variance


def frequentist(control: Moments, treatment: Moments) -> Floats:
    """The p-value of gbstats' default, ``TwoSidedTTest`` of the relative difference."""
    effect, variance = relative(control, treatment)
    first, second = (arm.covariance(arm.dxx) / arm.n for arm in (control, treatment))
    freedom = divide((first + second) ** 2, first**2 / (control.n - 1) + second**2 / (treatment.n - 1))
    p_value = 2 * stdtr(np.maximum(freedom, 1.0), -np.abs(divide(effect, np.sqrt(variance))))
    return np.where(_testable(control, treatment), p_value, 1.0)


def sequential(
    control: Moments, treatment: Moments, alpha: float, tuning: float = TUNING, *, lift: bool = True
) -> Floats:
    """The p-value of ``SequentialTwoSidedTTest``, of the relative or of the absolute difference."""
    if lift:
        effect, variance = relative(control, treatment)
    else:
        effect = treatment.mean(treatment.x) - control.mean(control.x)
        variance = sum((arm.covariance(arm.dxx) / arm.n for arm in (control, treatment)), np.zeros(()))
    rho = (-2 * log(alpha) + np.log(-2 * log(alpha) + 1)) / tuning
    users = control.n + treatment.n
    passed = users * rho + 1
    evidence = rho * divide(effect**2 * users, variance) / (2 * passed) - np.log(passed) / 2
    return np.where(_testable(control, treatment), np.exp(-np.clip(evidence, 0.0, 700.0)), 1.0)


def checked(control: Moments, treatment: Moments, alpha: float) -> int:
    """How many pairs (the arms' first axis) gbstats itself says the same of.

    Raises:
        AssertionError: if it does not.
        subprocess.CalledProcessError: if gbstats fails.
    """
    sums = {
        name: {
            "n": arm.n.astype(int).tolist(),
            "x": arm.x.tolist(),
            "xx": divide(arm.dxx + arm.x**2, arm.n).tolist(),
        }
        for name, arm in (("control", control), ("treatment", treatment))
    }
    asked = json.dumps(sums | {"alpha": alpha, "tuning": TUNING})
    script = Path(__file__).with_name("watching_gbstats.py")
    done = subprocess.run(
        [python_of_gbstats(), script], input=asked, stdout=subprocess.PIPE, text=True, check=True
    )
    theirs = json.loads(done.stdout)
    ours = {
        "frequentist": frequentist(control, treatment),
        "sequential": sequential(control, treatment, alpha),
        "absolute": sequential(control, treatment, alpha, lift=False),
    }
    for name, found in ours.items():
        np.testing.assert_allclose(found, theirs[name], rtol=1e-6, atol=1e-9, err_msg=name)
    return len(control.n)


def _testable(control: Moments, treatment: Moments) -> Flags:
    """Where it tests: it says p = 1 without a control mean or where an arm has no variance."""
    testable: Flags = (control.x != 0) & (control.dxx > 0) & (treatment.dxx > 0)
    return testable
