"""What is shown cannot contradict itself, whatever the sums are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from statarms import Kind, conversions
from tidemark.stats.array import Codes, Flags, Floats
from tidemark.stats.boundary import Boundary
from tidemark.stats.clock import users
from tidemark.stats.comparison import MISSING, Comparison, compare, missing
from tidemark.stats.effect import Effect, adjusted_mean, adjusted_ratio, mean, proportion, ratio
from tidemark.stats.guardrail import Guardrail, guardrail
from tidemark.stats.moments import Moments
from tidemark.stats.reason import Reason, reasons
from tidemark.stats.verdict import Verdict, verdict

ALPHA = 0.05
KINDS = (proportion, mean, ratio, adjusted_mean, adjusted_ratio)
Watched = tuple[Effect, Comparison, Floats, Codes]
FEW = st.sampled_from([0, 1, 2, 99, 100, 1_000, 10**9])
PLENTY = st.sampled_from([1_300, 5_000, 200_000, 10**9])


def has(bits: Codes, *codes: Reason) -> Flags:
    """Where one of the codes is set."""
    found: Flags = bits & sum(code.bit for code in codes) != 0
    return found


@st.composite
def arms(draw: st.DrawFn, kind: Kind, minutes: int, plenty: bool) -> tuple[Moments, Floats]:
    """An arm's running sums over minutes of any users, and those with a conversion."""
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    total = draw(PLENTY if plenty else FEW)
    level = draw(st.sampled_from([0.0, 0.02, 1.0, 1.0, -1.0, -3e6, 1e12]))
    spread = draw(st.sampled_from([0.3, 1.0, 10.0] if plenty else [0.0, 1e6]))
    drift = draw(st.sampled_from([0.0, 0.001, 0.01, 0.1]))
    n = np.floor(total * np.arange(1, minutes + 1) / minutes)
    active = np.floor(n * draw(st.sampled_from([0.3, 0.31, 0.33, 0.9] if plenty else [0.0, 0.01, 0.3, 1.0])))
    walk = drift * random.normal(size=minutes)
    if kind is proportion:
        return Moments(n=n, x=active, dxx=active * (n - active)), active
    noise = random.normal(size=minutes) / np.sqrt(np.maximum(n, 1.0))
    size = np.maximum(abs(level), 1.0)
    average = level * (1 + walk) + spread * size * noise
    scale = n * np.maximum(n - 1, 0) * (spread * size) ** 2
    factor = draw(st.sampled_from([0.0, 0.5, 0.999999] if plenty else [0.5, 1.0]))
    below = draw(st.sampled_from([1.0, 3.0] if plenty else [0.0, 1.0]))
    return Moments(
        n=n,
        x=average * n,
        dxx=scale,
        y=below * n,
        dyy=n * np.maximum(n - 1, 0) * below,
        dxy=0.3 * np.sqrt(scale * n * np.maximum(n - 1, 0) * below),
        k=n * random.normal(),
        dkk=n * np.maximum(n - 1, 0.0),
        dxk=factor * np.sqrt(scale * n * np.maximum(n - 1, 0.0)),
    ), active


@st.composite
def watched(draw: st.DrawFn) -> Watched:
    """An effect over minutes, its comparison, clock and what is missing."""
    kind = draw(st.sampled_from(KINDS))
    minutes = draw(st.sampled_from([1, 12]))
    plenty = draw(st.sampled_from([True, True, True, False]))
    (control, few), (treatment, many) = (draw(arms(kind, minutes, plenty)) for _ in range(2))
    effect = kind(control, treatment)
    share = draw(st.sampled_from([0.5, 0.1]))
    clock = users(control.n, treatment.n, share)
    lacking = missing(effect, (few, many))
    planned = draw(st.sampled_from([200.0, 20_000.0]))
    return effect, compare(effect, Boundary.tuned(ALPHA, planned), clock, lacking), clock, lacking


@given(watched())
def test_the_interval_excludes_0_exactly_when_p_is_below_alpha_and_exactly_then_there_is_a_verdict(
    found: Watched,
) -> None:
    ours = found[1]
    codes, bits = verdict(ours, np.ones((), dtype=bool))
    decided = (codes == Verdict.BETTER) | (codes == Verdict.WORSE)
    excluded = (ours.difference.lower > 0) | (ours.difference.upper < 0)
    excused = has(bits, Reason.EMPTY_INTERSECTION, Reason.BOTH_SIDES) | (bits & MISSING != 0)
    below = ours.p_value < ALPHA
    assert (excluded == below)[~excused].all()
    assert (decided == below)[~excused].all()
    assert ((codes == Verdict.BETTER) == (ours.difference.lower > 0))[~excused].all()
    assert (codes[bits & MISSING != 0] == Verdict.NOT_ENOUGH_DATA).all()


@given(watched())
def test_a_bounded_lift_excludes_0_exactly_when_the_difference_does(
    found: Watched,
) -> None:
    ours = found[1]
    bounded = ~np.isnan(ours.lift.lower)
    assert ((ours.lift.lower > 0) == (ours.difference.lower > 0))[bounded].all()
    assert ((ours.lift.upper < 0) == (ours.difference.upper < 0))[bounded].all()


@given(watched())
def test_none_and_only_none_has_a_reason_and_no_interval_is_inverted(
    found: Watched,
) -> None:
    ours = found[1]
    gone = has(ours.reasons, Reason.EMPTY_INTERSECTION) | (ours.reasons & MISSING != 0)
    relative = has(ours.reasons, Reason.LIFT_UNBOUNDED, Reason.LIFT_UNSETTLED, Reason.LIFT_EMPTY_INTERSECTION)
    for interval, none in ((ours.difference, gone), (ours.lift, gone | relative)):
        for values in (interval.value, interval.lower, interval.upper):
            assert (np.isnan(values) == none).all()
            assert np.isfinite(values[~none]).all()
        assert (interval.lower <= interval.upper)[~none].all()
    assert np.isfinite(ours.p_value).all()
    assert np.isfinite(ours.log_e).all()
    assert ((ours.p_value > 0) & (ours.p_value <= 1)).all()


@given(watched())
def test_the_running_p_never_grows_and_the_running_interval_never_grows(
    found: Watched,
) -> None:
    ours = found[1]
    assert (np.diff(ours.p_value) <= 0).all()
    for interval in (ours.difference, ours.lift):
        shown = ~np.isnan(interval.lower)
        assert (np.diff(interval.lower[shown]) >= 0).all()
        assert (np.diff(interval.upper[shown]) <= 0).all()


@given(watched(), st.sampled_from([0.0, 0.05, 1.0]), st.booleans(), st.booleans())
def test_a_guardrail_has_a_state_whatever_the_sums(
    found: Watched, margin: float, relative: bool, up: bool
) -> None:
    effect, _, clock, lacking = found
    states, bits = guardrail(
        effect,
        Boundary.tuned(ALPHA, 20_000),
        clock,
        lacking,
        margin=margin,
        relative=relative,
        higher_is_better=up,
    )
    assert np.isin(states, [int(one) for one in Guardrail]).all()
    assert (states[bits != 0] == Guardrail.UNDECIDED).all()


def over_time(*pairs: tuple[int, int, int, int]) -> Comparison:
    """Minutes of (control users, converted, treatment users, converted)."""
    a, ca, b, cb = np.asarray(pairs).T
    effect = proportion(conversions(a, ca), conversions(b, cb))
    lacking = missing(effect, (ca.astype(float), cb.astype(float)))
    return compare(
        effect, Boundary.tuned(ALPHA, 20_000), users(effect.control.users, effect.treatment.users), lacking
    )


def test_an_effect_that_turns_round_has_no_interval_no_verdict_and_a_reason() -> None:
    ours = over_time((5_000, 500, 5_000, 800), (500_000, 60_000, 500_000, 50_000))
    codes, bits = verdict(ours, np.ones((), dtype=bool))
    assert [Verdict(int(code)).name for code in codes] == ["BETTER", "UNDECIDED"]
    assert set(reasons(int(bits[1]))) >= {Reason.BOTH_SIDES, Reason.EMPTY_INTERSECTION}
    assert np.isnan(ours.difference.lower[1])
    assert np.isnan(ours.lift.upper[1])


def test_an_effect_that_fades_stays_better_without_an_interval() -> None:
    ours = over_time((5_000, 500, 5_000, 1_500), (500_000, 50_000, 500_000, 55_000))
    codes, bits = verdict(ours, np.ones((), dtype=bool))
    assert codes.tolist() == [Verdict.BETTER, Verdict.BETTER]
    assert Reason.EMPTY_INTERSECTION in reasons(int(bits[1]))
    assert np.isnan(ours.difference.lower[1])


def test_what_a_minute_without_enough_data_seemed_to_say_does_not_stay() -> None:
    ours = over_time((60, 30, 60, 59), (10_000, 1_000, 10_000, 1_000))
    assert ours.p_value[0] == 1
    assert reasons(int(ours.reasons[0])) == (Reason.TOO_FEW_USERS,)
    assert ours.p_value[1] > ALPHA


def test_less_may_be_better() -> None:
    ours = over_time((5_000, 500, 5_000, 800))
    codes, _ = verdict(ours, np.ones((), dtype=bool), higher_is_better=False)
    assert codes.tolist() == [Verdict.WORSE]


def test_a_broken_sample_ratio_makes_the_verdict_invalid_whatever_it_was() -> None:
    ours = over_time((0, 0, 5_000, 800), (5_000, 500, 5_000, 800))
    codes, bits = verdict(ours, np.zeros((), dtype=bool))
    assert codes.tolist() == [Verdict.INVALID, Verdict.INVALID]
    assert reasons(int(bits[0])) == (Reason.NO_USERS, Reason.SAMPLE_RATIO_MISMATCH)


@pytest.mark.parametrize(
    ("sums", "reason"),
    [
        ((0, 0, 500, 50), Reason.NO_USERS),
        ((99, 50, 500, 50), Reason.TOO_FEW_USERS),
        ((500, 24, 500, 50), Reason.TOO_FEW_CONVERSIONS),
        ((500, 500, 500, 50), Reason.NO_VARIANCE),
    ],
)
def test_missing_data_has_a_reason(sums: tuple[int, int, int, int], reason: Reason) -> None:
    ours = over_time(sums)
    codes, bits = verdict(ours, np.ones((), dtype=bool))
    assert reasons(int(bits[0])) == (reason,)
    assert codes.tolist() == [Verdict.NOT_ENOUGH_DATA]


def test_a_ratio_without_denominator_has_a_reason() -> None:
    arm = Moments.exact(n=[500], x=[900], xx=[9_000])
    effect = ratio(arm, arm)
    enough = np.asarray([500.0])
    assert reasons(int(missing(effect, (enough, enough))[0])) == (Reason.NO_DENOMINATOR,)


def test_while_the_control_mean_is_not_away_from_0_the_lift_is_none_and_the_difference_decides() -> None:
    control = Moments.exact(n=[10_000], x=[30], xx=[90_000])
    treatment = Moments.exact(n=[10_000], x=[9_000], xx=[90_000])
    effect = mean(control, treatment)
    plenty = np.asarray([5_000.0])
    clock = users(control.n, treatment.n)
    ours = compare(effect, Boundary.tuned(ALPHA, 20_000), clock, missing(effect, (plenty, plenty)))
    codes, bits = verdict(ours, np.ones((), dtype=bool))
    assert codes.tolist() == [Verdict.BETTER]
    assert reasons(int(bits[0])) == (Reason.LIFT_UNBOUNDED,)
    assert np.isnan(ours.lift.value[0])


def test_the_lift_of_a_negative_control_mean_is_positive_when_there_is_more() -> None:
    control = Moments.exact(n=[10_000], x=[-50_000], xx=[500_000])
    treatment = Moments.exact(n=[10_000], x=[-40_000], xx=[420_000])
    effect = mean(control, treatment)
    plenty = np.asarray([5_000.0])
    clock = users(control.n, treatment.n)
    ours = compare(effect, Boundary.tuned(ALPHA, 20_000), clock, missing(effect, (plenty, plenty)))
    assert ours.lift.value[0] == pytest.approx(0.2)
    assert 0.1 < ours.lift.lower[0] < 0.2 < ours.lift.upper[0] < 0.3


@pytest.mark.parametrize(
    ("converted", "margin", "state"),
    [(1_000, 0.05, "SAFE"), (900, 0.05, "BREACHED"), (950, 0.05, "UNDECIDED"), (900, 0.2, "SAFE")],
)
def test_a_guardrail_is_safe_within_its_margin_and_breached_beyond(
    converted: int, margin: float, state: str
) -> None:
    scale = 100
    control = conversions([10_000 * scale], [1_000 * scale])
    treatment = conversions([10_000 * scale], [converted * scale])
    effect = proportion(control, treatment)
    clock = users(control.n, treatment.n)
    boundary = Boundary.tuned(ALPHA, 2_000_000)
    none = np.zeros(1, dtype=np.int64)
    relative, _ = guardrail(effect, boundary, clock, none, margin=margin)
    absolute, _ = guardrail(effect, boundary, clock, none, margin=margin * 0.1, relative=False)
    swapped, _ = guardrail(
        proportion(
            conversions([10_000 * scale], [9_000 * scale]),
            conversions([10_000 * scale], [(10_000 - converted) * scale]),
        ),
        boundary,
        clock,
        none,
        margin=margin * 0.1,
        relative=False,
        higher_is_better=False,
    )
    assert [Guardrail(int(one[0])).name for one in (relative, absolute, swapped)] == [state] * 3


def test_a_negative_margin_is_refused() -> None:
    arm = conversions([1_000], [100])
    with pytest.raises(ValueError, match=r"margin is -0\.1, must be 0 or more"):
        guardrail(
            proportion(arm, arm),
            Boundary.tuned(ALPHA, 2_000),
            users(arm.n, arm.n),
            np.zeros(1, dtype=np.int64),
            margin=-0.1,
        )
