"""Conditions on labels, as people write them."""

import pytest

from tidemark.alerts.matcher import Matcher, Silence, parse

LABELS = {"campaign": "summer-2026", "severity": "critical"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("campaign=summer-2026", True),
        ("campaign = summer-*", True),
        ("campaign=*2026", True),
        ("campaign=s*r*6", True),
        ("campaign=summer", False),
        ("campaign!=summer-*", False),
        ("campaign!=winter", True),
        ('severity="critical"', True),
        ("severity=CRITICAL", False),
        ("owner=", True),
        ("owner!=ann", True),
        ("campaign=summer.2026", False),
    ],
)
def test_a_matcher_says_whether_it_holds(text: str, *, holds: bool) -> None:
    assert parse(text).matches(LABELS) is holds


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("campaign", "is no matcher; write label=value"),
        ("=x", "is no matcher"),
        ("campaign=~sum.*", "is a regular expression"),
        ("campaign=*a*b*c*", "has more than 3 stars"),
        ("a=" + "x" * 300, "is no matcher"),
    ],
)
def test_what_is_no_matcher_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told.replace("*", r"\*")):
        parse(text)


def test_a_matcher_is_shown_as_it_is_written() -> None:
    assert [str(parse(one)) for one in ("a = b", 'a!="c d"')] == ["a=b", "a!=c d"]


def test_a_silence_holds_from_its_start_up_to_its_end_where_all_matchers_hold() -> None:
    silence = Silence(
        "s", (Matcher("campaign", "summer*"), Matcher("severity", "critical")), 10, 20, "x", "y"
    )
    assert [silence.covers(LABELS, now) for now in (9, 10, 19, 20)] == [False, True, True, False]
    assert not silence.covers({"campaign": "summer"}, 15)
