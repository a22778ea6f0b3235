"""What must not matter does not: which arm is which, the unit, the array that a slice stands in."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from statarms import Kind, pick
from tidemark.stats.boundary import Boundary
from tidemark.stats.comparison import Comparison, watch
from tidemark.stats.effect import adjusted_mean, adjusted_ratio, mean, ratio
from tidemark.stats.moments import Moments

KINDS = st.sampled_from([mean, ratio, adjusted_mean, adjusted_ratio])
SEEDS = st.integers(0, 2**32 - 1)
BOUNDARY = Boundary.tuned(0.05, 5_000)


def arms(seed: int, slices: int = 3) -> tuple[Moments, Moments]:
    """Two arms' moments of real users, each slice of other size."""
    random = np.random.default_rng(seed)
    made = []
    for level in (3.0, 3.2):
        rows: list[dict[str, int]] = []
        for _ in range(slices):
            n = int(random.integers(100, 3_000))
            k = random.poisson(4, n)
            y = 1 + random.poisson(2, n)
            x = random.poisson(level, n) + k + y
            values = {"x": x, "y": y, "k": k}
            row: dict[str, int] = {"n": n} | {name: int(one.sum()) for name, one in values.items()}
            row |= {a + b: int(values[a] @ values[b]) for a, b in ("xx", "yy", "kk", "xy", "xk", "yk")}
            rows.append(row)
        made.append(Moments.exact(**{name: [row[name] for row in rows] for name in rows[0]}))
    return made[0], made[1]


def compared(kind: Kind, control: Moments, treatment: Moments) -> Comparison:
    """Slices side by side, each looked at once: time is the last axis."""
    one, other = pick(control, (..., None)), pick(treatment, (..., None))
    return watch(kind, one, other, (np.full(one.n.shape, 1e9),) * 2, BOUNDARY)


@given(SEEDS, KINDS)
def test_swapping_the_arms_negates_the_difference_and_leaves_p(seed: int, kind: Kind) -> None:
    control, treatment = arms(seed)
    one, other = compared(kind, control, treatment), compared(kind, treatment, control)
    np.testing.assert_allclose(one.difference.value, -other.difference.value, rtol=1e-9)
    np.testing.assert_allclose(one.difference.lower, -other.difference.upper, rtol=1e-9)
    np.testing.assert_allclose(one.p_value, other.p_value, rtol=1e-9)
    assert (one.above == other.below).all()


@given(SEEDS, KINDS, st.sampled_from([1e-6, 1e3, -1.0]))
def test_another_unit_leaves_p_and_the_lift(seed: int, kind: Kind, unit: float) -> None:
    control, treatment = arms(seed)
    one = compared(kind, control, treatment)
    other = compared(kind, control.scaled(x=unit), treatment.scaled(x=unit))
    np.testing.assert_allclose(one.p_value, other.p_value, rtol=1e-9)
    sign = np.sign(unit)
    low, high = (other.lift.lower, other.lift.upper) if unit > 0 else (other.lift.upper, other.lift.lower)
    np.testing.assert_allclose(sign * other.lift.value, one.lift.value, rtol=1e-9)
    np.testing.assert_allclose(sign * low, one.lift.lower, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(sign * high, one.lift.upper, rtol=1e-7, atol=1e-12)


@given(SEEDS, KINDS)
def test_a_slice_says_the_same_alone_and_among_others(seed: int, kind: Kind) -> None:
    control, treatment = arms(seed)
    together = compared(kind, control, treatment)
    alone = compared(kind, pick(control, 1), pick(treatment, 1))
    np.testing.assert_array_equal(together.p_value[1], alone.p_value)
    np.testing.assert_array_equal(together.lift.upper[1], alone.lift.upper)


def test_many_slices_are_worked_on_in_blocks_that_say_the_same_as_one_by_one() -> None:
    """400 slices of 60 minutes are two blocks; a covariate that is 0 for all is in each."""
    random = np.random.default_rng(2)
    n = np.cumsum(random.poisson(30, (400, 60)), axis=-1).astype(np.float64)
    one, other = (Moments(n=n, x=random.poisson(n) * 1.0, dxx=n * n) for _ in range(2))
    together = watch(mean, one, other, (n, n), BOUNDARY)
    for row in (0, 1, 272, 273, 274, 399):
        just = slice(row, row + 1)
        alone = watch(mean, pick(one, just), pick(other, just), (n[just], n[just]), BOUNDARY)
        np.testing.assert_array_equal(together.p_value[row], alone.p_value[0])
        np.testing.assert_array_equal(together.lift.lower[row], alone.lift.lower[0])
        np.testing.assert_array_equal(together.reasons[row], alone.reasons[0])
