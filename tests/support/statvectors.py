"""The reference vectors: loading them, reading their arms, and the table of those that nothing is checked by.

``tests/unit/stats/vectors.json`` holds what other libraries and 40-digit arithmetic say. A check is a
function of a vector, registered under its id; the test runs each.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tidemark.stats.moments import Moments

PATH = Path(__file__).resolve().parents[1] / "unit" / "stats" / "vectors.json"
Z = 1.9599639845400543

LEFT_OUT = {
    **dict.fromkeys(
        (
            "sp_gst_power1_k5_s2_0.20",
            "sp_gst_power1_k10_s1_0.10",
            "sp_gst_power2_k5_s2_0.20",
            "sp_gst_power2_k10_s1_0.10",
            "sp_gst_power3_k5_s2_0.10",
            "sp_gst_power3_k10_s1_0.10",
            "gst_obf_per_side_k5_0.20",
            "gst_obf_per_side_k5_0.10",
            "gst_obf_two_sided_formula_k5_0.20",
            "gst_obf_two_sided_formula_k10_0.10",
            "gst_pocock_k5_0.20",
            "gst_pocock_k10_0.10",
        ),
        "group-sequential bounds need the looks planned; here anybody looks at any minute",
    ),
    **dict.fromkeys(
        ("rs_m1000_t29120", "rs_m5000_t29120"),
        "Robbins-Siegmund's boundary says nothing before a start that must be fixed; ours is one everywhere",
    ),
    **dict.fromkeys(
        ("cs_bernoulli_520_1000", "cs_bernoulli_3_40", "cs_bernoulli_1234_14500"),
        "the interval of one arm's rate, not of an effect; small samples are kept out by the least data",
    ),
    "cs_gammaexp": "needs a bound on the values, which revenue has not",
    "savvi_poisson_log_ratio": "a rate of events: events of one user are not independent, users are",
    **dict.fromkeys(
        ("sp_betabinom_small", "sp_betabinom_zero"),
        "the Bayesian figures are Gaussian; below 25 conversions an arm none is shown",
    ),
    "sp_srm_binom": "exact for one look and two arms; the always-valid test is the one that decides",
    "tt_proportion_norm": "a continuity correction: at the least data of 25 conversions it only costs power",
    "tt_proportion_pearson": "the same test as pooled z with a continuity correction",
    "sm_prop_diff_ci_agresti-caffo": "mends Wald's interval at small counts, which the least data keeps out",
    "sm_prop_ratio_ci_log": "a ratio's interval that may disagree with p; Fieller's cannot",
    "sm_prop_ratio_ci_score": "a ratio's interval of proportions only; Fieller's is for all metrics",
    "sm_wilson_zero": "the interval of one rate, not of an effect (rates have it in tidemark.query)",
    "sm_mult_simes-hochberg": "not valid under every dependence, which Holm's is",
    **dict.fromkeys(
        ("tt_power_rel_effect_size", "tt_power_power", "sm_power_t_n"),
        "the power of a fixed-horizon t test by the noncentral t; ours is that of the watched test",
    ),
    "sm_power_z_mde": "a solver's result, 6e-5 off the closed form 2.80158 sqrt(2 / n), which mde_z has",
}
"""Vectors whose method is not built, with the reason."""


@dataclass(frozen=True, slots=True)
class Vector:
    """One vector.

    Attributes:
        inputs: Its inputs.
        expected: What the library says.
        rtol: How near we must be.
    """

    inputs: Mapping[str, Any]
    expected: Mapping[str, Any]
    rtol: float

    def near(self, ours: object, name: str) -> None:
        """Our value is what is expected under that name."""
        np.testing.assert_allclose(np.asarray(ours), np.asarray(self.expected[name]), rtol=self.rtol, atol=0)

    @property
    def arms(self) -> tuple[Moments, Moments]:
        """Control and treatment."""
        return arm(self.inputs["a"]), arm(self.inputs["b"])


Check = Callable[[Vector], None]
CHECKS: dict[str, Check] = {}


def checks(*names: str) -> Callable[[Check], Check]:
    """Registers a check of the vectors with these ids."""

    def register(check: Check) -> Check:
        CHECKS.update(dict.fromkeys(names, check))
        return check

    return register


@cache
def vectors() -> Mapping[str, Vector]:
    """All vectors by id."""
    return {
        one["id"]: Vector(one["inputs"], one["expected"], one["rtol"])
        for one in json.loads(PATH.read_text())["vectors"]
    }


def arm(sums: Mapping[str, float]) -> Moments:
    """The moments of an arm, in any of the notations: proportion, mean, ratio, mean with a covariate."""
    if "sum_d" in sums:
        return Moments.exact(
            n=sums["n"],
            x=sums["sum_m"],
            xx=sums["sum_m2"],
            y=sums["sum_d"],
            yy=sums["sum_d2"],
            xy=sums["sum_md"],
        )
    if "sum_xy" in sums:
        return Moments.exact(
            n=sums["n"],
            x=sums["sum_y"],
            xx=sums["sum_y2"],
            k=sums["sum_x"],
            kk=sums["sum_x2"],
            xk=sums["sum_xy"],
        )
    return Moments.exact(n=sums["n"], x=sums["sum"], xx=sums.get("sum_squares", sums["sum"]))
