"""What alerts say: templates are data, and numbers are written as people read them."""

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import KNOWN, TEXT, read
from tidemark.alerts.annotation import annotations
from tidemark.alerts.campaigns import Campaign
from tidemark.alerts.template import MAX_CHARACTERS, fields, fill, written
from tidemark.query.catalogue import Unit

if TYPE_CHECKING:
    from tidemark.alerts.series import Labels

SPEND, WORSE, REFUSED = read(TEXT)
CAMPAIGNS = {"c1": Campaign("c1", "Spring sale", "Ann")}


def told(campaign: str, spend: float) -> dict[str, str]:
    labels: Labels = (("campaign", campaign), ("country", "DE"))
    columns = {"SPEND": spend, "change_upper.CTR": -0.1}
    return annotations(SPEND, labels, columns, None, CAMPAIGNS, KNOWN.catalogue, "EUR")


def test_an_annotation_names_the_campaign_and_writes_money_as_money() -> None:
    assert told("c1", 1234.5) == {"summary": "Spring sale in DE: 1,234.50 EUR", "description": "for search"}
    assert told("c2", math.nan)["summary"] == "c2 in DE: unknown"
    assert told("", 1.0)["summary"] == "(none) in DE: 1.00 EUR"


def test_an_annotation_has_the_value_that_was_observed_and_the_threshold() -> None:
    found = annotations(REFUSED, (), {"dead_letters": 9.0}, 1_234.0, CAMPAIGNS, KNOWN.catalogue, "EUR")
    assert found == {"summary": "1,234 of 10"}


def test_an_annotation_has_words_of_experiments_as_they_are() -> None:
    labels: Labels = (("experiment", "e"), ("metric", "buyers"), ("platform", "web"), ("variant", "b"))
    found = annotations(WORSE, labels, {"verdict": "WORSE"}, None, CAMPAIGNS, KNOWN.catalogue, "EUR")
    assert found == {"summary": "b is WORSE"}


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [
        (0, None, "0"),
        (3.0, None, "3"),
        (1_234_567.0, None, "1,234,567"),
        (12.345, None, "12.3"),
        (0.0123456, None, "0.0123"),
        (0.00012345, None, "0.000123"),
        (1e-9, None, "1e-09"),
        (99.96, None, "100"),
        (1e20, None, "1e+20"),
        (-0.3456, Unit.FRACTION, "-34.6 %"),
        (0.1, Unit.FRACTION, "10 %"),
        (12.0, Unit.FRACTION, "1,200 %"),
        (1234.5, Unit.CURRENCY, "1,234.50 EUR"),
        (1e20, Unit.CURRENCY, "1e+20 EUR"),
        (None, Unit.CURRENCY, "unknown"),
        (math.nan, None, "unknown"),
        (-math.inf, Unit.FRACTION, "-∞"),
        (1e308, Unit.FRACTION, "∞"),
    ],
)
def test_a_number_is_written_as_people_read_it(number: float | None, unit: Unit | None, text: str) -> None:
    assert written(number, unit, "EUR") == text


@given(st.floats() | st.none(), st.sampled_from([None, *Unit]))
def test_every_number_can_be_written_and_is_short(number: float | None, unit: Unit | None) -> None:
    assert 0 < len(written(number, unit, "EUR")) <= 30


def test_labels_from_events_stay_on_one_line_and_are_no_templates() -> None:
    assert fill("a {{ x }}", {"x": "{{ y }}\n\x1b[31m"}) == "a {{ y }}  [31m"


def test_what_comes_of_a_template_is_cut() -> None:
    text = fill("{{ x }}{{ x }}", {"x": "y" * 999})
    assert (len(text), text[-1]) == (MAX_CHARACTERS, "…")


@pytest.mark.parametrize(
    "template",
    ["{{ }}", "{{ a b }}", "{{ a|b }}", "{{ a() }}", "{{a", "a}}", "{% if a %}", "{# a #}"],
)
def test_braces_without_a_name_are_refused(template: str) -> None:
    with pytest.raises(ValueError, match="a template has"):
        fields(template)


@given(st.text("{}%# ab.|_\n", max_size=30))
def test_a_template_that_is_right_can_be_filled_with_its_names(template: str) -> None:
    try:
        names = fields(template)
    except ValueError:
        return
    assert "{{" not in fill(template, dict.fromkeys(names, "x"))
