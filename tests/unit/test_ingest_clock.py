from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.ingest.clock import BrokerClock, client_time, corrected
from tidemark.ingest.event import EARLIEST_MS, LATEST_MS

NOW = 1_795_470_000_000
S = 1_000_000_000


class Monotonic:
    def __init__(self) -> None:
        self.ns = 5 * S

    def __call__(self) -> int:
        return self.ns


def test_a_clock_that_is_an_hour_ahead_is_corrected_by_what_it_says_of_the_sending() -> None:
    hour = 3_600_000
    assert corrected(NOW + hour - 7, NOW + hour, NOW) == NOW - 7


def test_without_a_sending_time_the_time_stands() -> None:
    assert corrected(NOW - 7, None, NOW) == NOW - 7


@pytest.mark.parametrize(("time", "sent_at"), [(NOW + 1, None), (NOW, NOW - 1), (EARLIEST_MS, NOW + 1)])
def test_what_would_be_in_the_future_or_before_2000_happened_now(time: int, sent_at: int | None) -> None:
    assert corrected(time, sent_at, NOW) == NOW


times = st.integers(EARLIEST_MS, LATEST_MS - 1)


@given(times, st.none() | times, times)
def test_a_corrected_time_is_possible_and_never_after_it_was_received(
    time: int, sent_at: int | None, received_at: int
) -> None:
    assert EARLIEST_MS <= corrected(time, sent_at, received_at) <= received_at


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-23T21:44:04.448Z", 1_795_470_244_448),
        ("2026-11-23T21:44:38.512+00:00", 1_795_470_278_512),
        ("2026-11-23T22:44:38.512999+01:00", 1_795_470_278_512),
        ("2026-11-23T21:44:38", 1_795_470_278_000),
        (NOW, NOW),
        (Decimal("1795470000000.9"), NOW),
        (None, None),
        ("", None),
        ("yesterday", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("9999-12-31T23:59:59-23:59", None),
        (0, None),
        (True, None),
        (NOW // 1000, None),
        (Decimal("1e999999999"), None),
        ([], None),
    ],
)
def test_a_time_as_sdks_write_it_is_read_or_is_none(value: object, expected: int | None) -> None:
    assert client_time(value) == expected


@given(st.text(max_size=30) | st.integers() | st.decimals(allow_nan=False) | st.none() | st.lists(st.none()))
def test_no_time_crashes(value: object) -> None:
    ms = client_time(value)
    assert ms is None or EARLIEST_MS <= ms < LATEST_MS


def test_before_any_stamp_the_clock_is_the_machines() -> None:
    local = Monotonic()
    clock = BrokerClock(monotonic_ns=local, wall_ms=NOW)
    local.ns += 2 * S
    assert clock.now_ms() == NOW + 2000


def test_a_stamp_tells_how_far_the_machine_is_off() -> None:
    local = Monotonic()
    clock = BrokerClock(monotonic_ns=local, wall_ms=NOW + 3_600_000)
    clock.learn(sent_ns=local.ns, acknowledged_ns=local.ns + 10_000_000, appended_ms=NOW + 5)
    assert clock.now_ms() == NOW


def test_of_several_stamps_the_one_with_the_shortest_way_counts() -> None:
    local = Monotonic()
    clock = BrokerClock(monotonic_ns=local, wall_ms=NOW)
    clock.learn(sent_ns=local.ns, acknowledged_ns=local.ns + 2_000_000, appended_ms=NOW + 101)
    clock.learn(sent_ns=local.ns, acknowledged_ns=local.ns + 900_000_000, appended_ms=NOW + 880)
    assert clock.now_ms() == NOW + 100


def test_the_clock_does_not_go_back_by_a_little() -> None:
    local = Monotonic()
    clock = BrokerClock(monotonic_ns=local, wall_ms=NOW)
    clock.learn(sent_ns=local.ns, acknowledged_ns=local.ns + 8_000_000, appended_ms=NOW + 4 + 50)
    assert clock.now_ms() == NOW + 50
    clock.learn(sent_ns=local.ns, acknowledged_ns=local.ns + 2_000_000, appended_ms=NOW + 1)
    assert clock.now_ms() == NOW + 50
    local.ns += S
    assert clock.now_ms() == NOW + 1000


def test_a_brokers_clock_that_was_set_back_is_followed() -> None:
    local = Monotonic()
    clock = BrokerClock(monotonic_ns=local, wall_ms=NOW)
    clock.learn(sent_ns=local.ns, acknowledged_ns=local.ns, appended_ms=NOW)
    assert clock.now_ms() == NOW
    clock.learn(sent_ns=local.ns, acknowledged_ns=local.ns + 4_000_000, appended_ms=NOW - 60_000 + 2)
    assert clock.now_ms() == NOW - 60_000
