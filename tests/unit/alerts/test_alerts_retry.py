"""When what was not taken is sent again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.alerts.retry import Outcome, RetryPolicy, judged, retry_after_seconds

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
FAILED = Outcome(is_taken=False, error="no")
policies = st.builds(
    RetryPolicy,
    first_s=st.floats(0.01, 60),
    most_s=st.floats(60, 1e5),
    most_retry_after_s=st.floats(0, 1e5),
    tries=st.integers(1, 10_000),
)
chances = st.floats(0, 1, exclude_max=True)


@given(policies, st.integers(1, 20_000), chances, st.none() | st.floats(0, 1e9))
def test_a_wait_is_within_its_bounds_and_there_is_none_after_the_last_try(
    policy: RetryPolicy, tried: int, chance: float, after: float | None
) -> None:
    wait = policy.wait(tried, Outcome(is_taken=False, retry_after_s=after), chance)
    if tried >= policy.tries:
        assert wait is None
        return
    assert wait is not None
    asked = min(after or 0.0, policy.most_retry_after_s)
    assert asked <= wait <= max(policy.most_s, asked)
    assert wait >= policy.first_s / 2


@given(policies, st.integers(1, 9_998), chances)
def test_waits_never_get_shorter_with_the_same_chance(policy: RetryPolicy, tried: int, chance: float) -> None:
    first, second = (policy.wait(one, FAILED, chance) for one in (tried, tried + 1))
    assert second is None or (first is not None and first <= second)


@given(policies, st.integers(1, 20_000), chances, st.none() | st.floats(0, 1e9))
def test_what_is_final_is_not_sent_again(
    policy: RetryPolicy, tried: int, chance: float, after: float | None
) -> None:
    final = Outcome(is_taken=False, is_final=True, retry_after_s=after)
    assert policy.wait(tried, final, chance) is None


def test_the_default_policy_tries_for_about_a_day() -> None:
    policy = RetryPolicy()
    waits = [policy.wait(tried, FAILED, 0.5) for tried in range(1, policy.tries)]
    assert 20 < sum(wait for wait in waits if wait is not None) / 3600 < 28
    assert waits[:3] == [0.75, 1.5, 3.0]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_means_taken(status: int) -> None:
    assert judged(status, "", None, NOW).is_taken


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 599])
def test_what_may_pass_is_not_final(status: int) -> None:
    outcome = judged(status, "busy", None, NOW)
    assert not outcome.is_taken
    assert not outcome.is_final
    assert outcome.error == f"the answer was {status}: busy"


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 410, 413])
def test_what_will_not_pass_is_final(status: int) -> None:
    outcome = judged(status, "", None, NOW)
    assert not outcome.is_taken
    assert outcome.is_final


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(days=9), usegmt=True), 0.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("²", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@given(st.text(max_size=60))
def test_no_retry_after_breaks_the_reader(header: str) -> None:
    seconds = retry_after_seconds(header, NOW)
    assert seconds is None or seconds >= 0
