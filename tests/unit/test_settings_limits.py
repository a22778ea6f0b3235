"""Limits that a deployment sets are such that questions can be answered within them."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from tidemark.query.limits import DEFAULT_LIMITS
from tidemark.settings import Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("budget_per_minute", float("inf")),
        ("budget_per_minute", float("nan")),
        ("rows", 0),
        ("queries", -1),
        ("age_seconds", 10**10),
    ],
)
def test_a_limit_within_which_no_question_can_be_answered_is_refused_by_its_name(
    name: str,
    value: Any,
) -> None:
    with pytest.raises(ValidationError, match=f"{name} is .*; it must be above 0 and at most 1,000,000,000"):
        Settings(limits=replace(DEFAULT_LIMITS, **{name: value}))


def test_the_limits_of_a_deployment_are_taken() -> None:
    assert Settings(limits=replace(DEFAULT_LIMITS, rows=7, budget_per_minute=0.3)).limits.rows == 7
