"""The shipped rules on numbers: what they tell of and what they leave in peace."""

import math

import numpy as np
import pytest

from rules import KNOWN, ROOT
from tidemark.alerts.annotation import annotations
from tidemark.alerts.campaigns import FILE
from tidemark.alerts.campaigns import load as load_campaigns
from tidemark.alerts.folder import load

RULES = {rule.name: rule for rule in load(ROOT / "catalogue" / "alerts", KNOWN).rules}
CAMPAIGNS = load_campaigns(ROOT / "catalogue" / FILE).by_id


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("SpendWithoutConversions", {"SPEND": 301, "CONVERSIONS": 0}, True),
        ("SpendWithoutConversions", {"SPEND": 299, "CONVERSIONS": 0}, False),
        ("SpendWithoutConversions", {"SPEND": 3_000, "CONVERSIONS": 29}, True),
        ("SpendWithoutConversions", {"SPEND": 3_000, "CONVERSIONS": 31}, False),
        ("BudgetSpent", {"SPEND": 101, "budget": 100}, True),
        ("BudgetSpent", {"SPEND": 101, "budget": math.nan}, None),
        ("SpendPace", {"SPEND": 70, "budget": 100, "elapsed": 0.5}, True),
        ("SpendPace", {"SPEND": 60, "budget": 100, "elapsed": 0.5}, False),
        ("SpendPace", {"SPEND": 99, "budget": 100, "elapsed": 0.1}, False),
        ("ClickRateDropped", {"change_upper.CTR": -0.01, "change.CTR": -0.3}, True),
        ("ClickRateDropped", {"change_upper.CTR": 0.05, "change.CTR": -0.3}, False),
        ("ClickRateDropped", {"change_upper.CTR": -0.01, "change.CTR": -0.1}, False),
        ("ClickRateDropped", {"change_upper.CTR": math.nan, "change.CTR": math.nan}, None),
        ("ClicksNotTracked", {"CLICKS": 0, "IMPRESSIONS": 5_000, "previous.CLICKS": 90}, True),
        ("ClicksNotTracked", {"CLICKS": 0, "IMPRESSIONS": 50, "previous.CLICKS": 90}, False),
        ("ClicksNotTracked", {"CLICKS": 0, "IMPRESSIONS": 5_000, "previous.CLICKS": math.nan}, None),
        ("DeadLetters", {"dead_letters": 11, "events": 1_000}, True),
        ("DeadLetters", {"dead_letters": 11, "events": 2_000}, False),
        ("DeadLetters", {"dead_letters": 11, "events": 0}, True),
        ("SampleRatioMismatch", {"sample_ratio": 0.0005}, True),
        ("SampleRatioMismatch", {"sample_ratio": 0.002}, False),
    ],
)
def test_a_shipped_rule_tells_of_what_matters(
    name: str, row: dict[str, float], expected: bool | None
) -> None:
    found = RULES[name].when.evaluate({column: np.array([float(value)]) for column, value in row.items()})
    assert (bool(found.holds[0]) if found.known[0] else None) is expected


def test_a_breached_guardrail_is_told_and_an_undecided_one_is_not() -> None:
    states = np.array(["BREACHED", "SAFE", "UNDECIDED", ""])
    found = RULES["GuardrailBreached"].when.evaluate({"guardrail": states})
    assert found.holds.tolist() == [True, False, False, False]
    assert found.known.tolist() == [True, True, True, False]


def test_the_demos_failing_campaign_is_told_by_its_name() -> None:
    told = annotations(
        RULES["SpendWithoutConversions"],
        (("campaign", "video-launch-1"),),
        {"SPEND": 1135.0, "CONVERSIONS": 4.0},
        None,
        CAMPAIGNS,
        KNOWN.catalogue,
        "USD",
    )
    assert told == {
        "summary": "Video launch spent 1,135.00 USD in 15 minutes for 4 conversions",
        "description": "Ask Brand team: is the landing page up, is the conversion tracked, did the audience "
        "change?",
    }
