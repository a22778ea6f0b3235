from pathlib import Path

import pytest

from tidemark.ingest.tracking import Place, TrackingError, load
from tidemark.settings import Settings

PLAN = """
events: [{names: [Bought], event: conversion, value: [properties.total]}]
segment:
  kept: {properties: ""}
  fields: {campaign_id: [properties.campaign, {path: context.mobile, values: {"true": mobile}}]}
posthog:
  kept: {}
  fields: {}
  events: [{names: [$pageview], event: page}]
"""


def written(path: Path, text: str) -> Path:
    file = path / "tracking.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_plan_in_the_catalogue_is_right() -> None:
    plan = load(Settings().catalogue / "tracking.yaml")
    assert plan.segment.rules["order completed"].event == "conversion"
    assert plan.posthog.rules["$feature_flag_called"].event == "exposure"
    assert plan.segment.fields["campaign_id"][0] == Place(("properties", "campaign_id"), None)


def test_a_plan_is_taken_apart(tmp_path: Path) -> None:
    plan = load(written(tmp_path, PLAN)).segment
    assert plan.kept == (("properties", ""),)
    assert plan.fields["campaign_id"] == (
        Place(("properties", "campaign"), None),
        Place(("context", "mobile"), {"true": "mobile"}),
    )
    assert plan.fields["ad_id"] == ()
    assert sorted(load(written(tmp_path, PLAN)).posthog.rules) == ["$pageview", "bought"]
    assert plan.rules["bought"].value == (Place(("properties", "total"), None),)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("segment:\n", "segment\n", "is not YAML"),
        ("posthog:", "posthug:", "unknown field `posthug`"),
        ("{campaign_id:", "{campaign:", r"unknown field `campaign` - at `\$.segment.fields`"),
        ("event: conversion", "event: 5", r"Expected `str`, got `int` - at `\$.events\[0\].event`"),
        (
            "event: conversion",
            "event: heartbeat",
            r"events\[0\].event: 'heartbeat' cannot be an event's name",
        ),
        ("[Bought]", "[]", r"events\[0\].names: is empty; list at least one name"),
        ("[Bought]", "[Bought, bought]", "'bought' is listed twice"),
        (
            "[properties.total]",
            "[properties.]",
            r"value\[0\]: 'properties.' is no path; write keys joined by dots",
        ),
        ("value: [properties.total]", "refund: true", "refund: needs value"),
        ("posthog:", "", "required field `posthog`|unknown field"),
    ],
)
def test_a_wrong_plan_is_refused_with_the_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in PLAN
    file = written(tmp_path, PLAN.replace(old, new))
    with pytest.raises(TrackingError, match=said) as raised:
        load(file)
    assert str(raised.value).startswith(str(file))


def test_a_missing_plan_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="cannot be read: No such file"):
        load(tmp_path / "tracking.yaml")
