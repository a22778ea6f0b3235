from collections import Counter
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidemark.ingest.demo.cast import CAMPAIGNS, VARIANTS
from tidemark.ingest.demo.scenario import DECLINE_MS, HEALTHY_MS, MENDED_MS, Scenario
from tidemark.ingest.replay.event import Event

NOON = 1_795_435_200_000
"""2026-11-23 12:00 UTC, Unix ms."""


def scenario(*, seed: int = 1, start_ms: int = NOON, rate: float = 100.0, campaigns: int = 6) -> Scenario:
    return Scenario(seed=seed, start_ms=start_ms, rate=rate, campaigns=campaigns)


def events(count: int, *, first: int = 0, of: Scenario | None = None) -> list[Event]:
    chosen = of or scenario()
    return [chosen.event(number) for number in range(first, first + count)]


@cache
def many() -> list[Event]:
    return events(40_000)


def rate(of: list[Event], part: str, whole: str) -> float:
    sums = Counter[str]()
    for event in of:
        sums[event.event] += event.quantity
    return sums[part] / sums[whole]


def test_an_event_depends_on_the_seed_the_start_and_its_number_alone() -> None:
    one, again = scenario(), scenario()
    backwards = [again.event(number) for number in reversed(range(500))]
    assert [one.event(number) for number in range(500)] == backwards[::-1]


def test_another_seed_is_another_department_with_campaigns_of_its_own() -> None:
    first, second = events(200), events(200, of=scenario(seed=2))
    assert not {event.campaign_id for event in first} & {event.campaign_id for event in second}
    assert [event.event for event in first] != [event.event for event in second]


def test_the_same_events_on_another_machine_or_python() -> None:
    # Written down once: a change here changes what a kept run's totals mean.
    first = [
        (e.event, e.campaign_id, e.country, e.quantity, e.value_micros, e.cost_micros) for e in events(4)
    ]
    assert first == EXPECTED_FIRST


EXPECTED_FIRST = [
    ("impression", "spring-sale-1", "AU", 22, 0, 0),
    ("impression", "affiliate-1", "US", 4, 0, 0),
    ("impression", "video-launch-1", "IN", 13, 0, 0),
    ("impression", "spring-sale-1", "IN", 19, 0, 0),
]


@given(st.integers(0, 10**9), st.floats(0.1, 20_000), st.integers(0, 10**7))
@example(seed=0, events_a_second=1.1, number=4_587_759)  # a quotient that is rounded
def test_as_many_events_are_due_as_have_happened(seed: int, events_a_second: float, number: int) -> None:
    play = scenario(seed=seed, rate=events_a_second)
    at = play.time(number)
    assert play.due(at + 1) > number
    assert play.time(max(0, play.due(at) - 1)) <= at
    assert play.time(number + 1) >= at


def test_nothing_is_due_before_the_start() -> None:
    assert scenario().due(NOON - 5000) == 0
    assert scenario().due(NOON) == 0


def test_every_event_is_one_a_collector_takes() -> None:
    for event in events(3000):
        assert event.quantity >= 1
        assert event.event_time == event.original_time >= NOON
        assert len(event.country) == 2
        assert event.campaign_id in scenario().campaigns
        assert (event.cost_micros > 0) == (event.event == "spend")
        assert (event.value_micros != 0) == (event.event in {"conversion", "refund"})
        assert (event.value_micros < 0) == (event.event == "refund")
        assert bool(event.experiment_id) == bool(event.variant) == (event.event == "exposure")


def test_no_two_events_are_the_same() -> None:
    made = events(3000) + events(3000, of=scenario(start_ms=NOON + 1))
    assert len({event.event_id for event in made}) == 6000


def test_all_that_a_department_does_happens() -> None:
    made = events(5000)
    assert {event.event for event in made} == {
        "impression",
        "click",
        "conversion",
        "spend",
        "refund",
        "exposure",
    }
    assert len({event.country for event in made}) == 7
    assert {event.platform for event in made} == {"mobile", "desktop", "tablet", ""}
    assert {event.source for event in made} == {"mobile", "web", "server"}
    assert len({event.channel for event in made}) >= 5


def test_one_campaign_begins_to_fail_and_the_others_do_not() -> None:
    play = scenario(rate=1000)
    healthy = events(20_000, of=play)
    failed = events(20_000, first=(HEALTHY_MS + DECLINE_MS) + 1000, of=play)
    for campaign in play.campaigns:
        before = [event for event in healthy if event.campaign_id == campaign]
        after = [event for event in failed if event.campaign_id == campaign]
        ratio = rate(after, "click", "impression") / rate(before, "click", "impression")
        assert (ratio < 0.5) == (campaign == play.failing)
    sick_before = Counter(event.event for event in healthy if event.campaign_id == play.failing)
    sick_after = Counter(event.event for event in failed if event.campaign_id == play.failing)
    assert sick_after["conversion"] < sick_before["conversion"] / 4


def test_a_decline_begins_slowly_ends_in_failure_and_is_mended() -> None:
    play = scenario()
    declining = [0, HEALTHY_MS, HEALTHY_MS + DECLINE_MS // 2, HEALTHY_MS + DECLINE_MS]
    assert [play.decline(NOON + time) for time in declining] == [0, 0, 0.5, 1]
    mending = [MENDED_MS, MENDED_MS + DECLINE_MS // 2, MENDED_MS + DECLINE_MS, 10 * MENDED_MS]
    assert [play.decline(NOON + time) for time in mending] == [1, 0.5, 0, 0]


def test_a_department_of_one_campaign_does_not_fail() -> None:
    assert scenario(campaigns=1).failing == ""
    assert {event.campaign_id for event in events(300, of=scenario(campaigns=1))} == {"spring-sale-1"}


@pytest.mark.parametrize("campaigns", [1, 6, len(CAMPAIGNS)])
def test_every_campaign_has_its_share(campaigns: int) -> None:
    made = Counter(event.campaign_id for event in events(4000, of=scenario(campaigns=campaigns)))
    shares = sum(campaign.share for campaign in CAMPAIGNS[:campaigns])
    for campaign in CAMPAIGNS[:campaigns]:
        assert made[f"{campaign.name}-1"] / 4000 == pytest.approx(campaign.share / shares, abs=0.025)


def test_a_user_is_in_one_variant_only_and_both_are_about_as_many() -> None:
    variants: dict[str, set[str]] = {}
    for event in many():
        if event.event == "exposure":
            variants.setdefault(event.user_id, set()).add(event.variant)
    assert all(len(seen) == 1 for seen in variants.values())
    arms = Counter(next(iter(seen)) for seen in variants.values())
    assert set(arms) == set(VARIANTS)
    assert 0.8 < arms[VARIANTS[0]] / arms[VARIANTS[1]] < 1.25


def test_a_user_of_the_treatment_buys_about_half_as_much_again() -> None:
    made = events(120_000)
    variants = {event.user_id: event.variant for event in made if event.event == "exposure"}
    users = Counter(variants.values())
    sold = Counter(variants.get(event.user_id) for event in made if event.event == "conversion")
    control, treatment = (sold[variant] / users[variant] for variant in VARIANTS)
    assert 1.2 < treatment / control < 1.9


def test_most_conversions_of_the_test_come_from_users_exposed_before() -> None:
    exposed: set[str] = set()
    known = unknown = 0
    for event in many():
        if event.event == "exposure":
            exposed.add(event.user_id)
        elif event.event == "conversion":
            known += event.user_id in exposed
            unknown += event.user_id not in exposed
    assert known > 20
    assert known > unknown


def test_days_have_a_rhythm_in_each_country() -> None:
    def japanese(hour: int) -> int:
        play = scenario(start_ms=NOON + hour * 3_600_000)
        return sum(event.country == "JP" for event in events(3000, of=play))

    # 20 h in Tokyo is 11 h UTC, 8 h in the morning is 23 h UTC.
    assert japanese(-1) > 3 * japanese(11)
