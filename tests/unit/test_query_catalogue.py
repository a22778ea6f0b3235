"""The catalogue: what is in it, and that whatever is wrong is told in one sentence."""

from pathlib import Path

import pytest

from tidemark.query.catalogue import CatalogueError, Unit, field_of, load
from tidemark.settings import Settings

EVENTS = "- {name: click, label: Click, description: A click.}\n"
DIMENSIONS = "- {name: CAMPAIGN, column: campaign_id, label: Campaign, description: Its id.}\n"
CLICKS = "- {name: CLICKS, label: Clicks, description: Clicks., sum: quantity, event: click}\n"


def write(folder: Path, *, metrics: str = CLICKS, dimensions: str = DIMENSIONS, events: str = EVENTS) -> Path:
    for name, text in (("metrics", metrics), ("dimensions", dimensions), ("events", events)):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def ratio(name: str, above: str, below: str, more: str = "") -> str:
    return f"- {{name: {name}, label: {name}, description: A ratio., ratio: [{above}, {below}]{more}}}\n"


def test_the_default_catalogue_holds_what_the_contract_names() -> None:
    catalogue = load(Settings().catalogue)
    assert list(catalogue.metrics) == [
        *("IMPRESSIONS", "CLICKS", "CONVERSIONS", "SPEND", "REVENUE", "EVENTS", "REACH"),
        *("CTR", "CVR", "CPC", "CPM", "CPA", "ROAS"),
    ]
    assert list(catalogue.dimensions) == [
        "CAMPAIGN",
        "AD",
        "CHANNEL",
        "SOURCE",
        "PLATFORM",
        "COUNTRY",
        "EVENT",
        "UTM_SOURCE",
    ]
    assert {name for name, metric in catalogue.metrics.items() if metric.unit is Unit.CURRENCY} == {
        *("SPEND", "REVENUE", "CPC", "CPM", "CPA")
    }
    assert {name for name, metric in catalogue.metrics.items() if metric.unit is Unit.FRACTION} == {
        "CTR",
        "CVR",
    }


def test_a_metric_is_one_entry(tmp_path: Path) -> None:
    more = CLICKS + "- {name: COST, label: Cost, description: Cost., sum: cost_micros}\n"
    more += ratio("COST_PER_CLICK", "COST", "CLICKS", ", scale: 100, unit: currency")
    metric = load(write(tmp_path, metrics=more)).metrics["COST_PER_CLICK"]
    assert metric.field == "costPerClick"
    assert metric.unit is Unit.CURRENCY
    cost, clicks = metric.formula.numerator[0], metric.formula.denominator[0]
    assert metric.formula.values({cost: [3_000_000, 5], clicks: [2, 0]}) == [150.0, None]


@pytest.mark.parametrize(
    ("name", "field"), [("CLICKS", "clicks"), ("COST_PER_VIEW", "costPerView"), ("D7_USERS", "d7Users")]
)
def test_a_field_is_the_name_in_camel_case(name: str, field: str) -> None:
    assert field_of(name) == field


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("metrics", "", "metrics.yaml must be a list of entries, at least one"),
        ("metrics", "a: [", "metrics.yaml is not YAML"),
        ("metrics", "- CLICKS", "metrics.yaml, entry 1: it must be a mapping with a name"),
        ("metrics", CLICKS + CLICKS, "metrics.yaml, CLICKS: the name stands there twice"),
        ("metrics", CLICKS.replace("sum:", "summ:"), "metrics.yaml, CLICKS: unknown key summ"),
        ("metrics", CLICKS.replace("label: Clicks, ", ""), "metrics.yaml, CLICKS: label missing"),
        (
            "metrics",
            CLICKS.replace("label: Clicks", "label: 5"),
            "metrics.yaml, CLICKS: label must be a text",
        ),
        (
            "metrics",
            CLICKS.replace("quantity", "amount"),
            "metrics.yaml, CLICKS: there is nothing called amount",
        ),
        (
            "metrics",
            CLICKS.replace("event: click", "event: clik"),
            "metrics.yaml, CLICKS: events.yaml has no event clik",
        ),
        ("metrics", CLICKS.replace("CLICKS", "Clicks"), "metrics.yaml, Clicks: a name is upper case"),
        ("metrics", CLICKS.replace("CLICKS", "A__B"), "metrics.yaml, A__B: a name is upper case"),
        ("metrics", CLICKS.replace("CLICKS", "BUCKET"), "metrics.yaml, BUCKET: a name is upper case"),
        (
            "metrics",
            CLICKS.replace("CLICKS", "CAMPAIGN"),
            "its field campaign is that of CAMPAIGN; rename one",
        ),
        ("metrics", CLICKS + ratio("CTR", "CLICKS", "VIEWS"), "metrics.yaml, CTR: there is no metric VIEWS"),
        ("metrics", CLICKS + ratio("CTR", "CLICKS", "[1]"), "metrics.yaml, CTR: there is no metric [1]"),
        ("metrics", CLICKS + ratio("CTR", "CLICKS", "CLICKS, CLICKS"), "metrics.yaml, CTR: ratio must be"),
        (
            "metrics",
            CLICKS + ratio("CTR", "CLICKS", "CLICKS", ", scale: 0"),
            "metrics.yaml, CTR: scale must be",
        ),
        (
            "metrics",
            CLICKS + ratio("CTR", "CLICKS", "CLICKS", ", scale: 1.5"),
            "metrics.yaml, CTR: scale must be",
        ),
        (
            "metrics",
            CLICKS + ratio("CTR", "CLICKS", "CLICKS", ", unit: euro"),
            "metrics.yaml, CTR: there is no unit euro",
        ),
        (
            "metrics",
            CLICKS + ratio("A", "B", "CLICKS") + ratio("B", "A", "CLICKS"),
            "metrics.yaml, A: it is defined by itself: A → B → A",
        ),
        ("metrics", ratio("A", "A", "A"), "metrics.yaml, A: it is defined by itself: A → A"),
        (
            "dimensions",
            DIMENSIONS.replace("campaign_id", "user_id"),
            "dimensions.yaml, CAMPAIGN: there is no column user_id",
        ),
        (
            "dimensions",
            DIMENSIONS.replace("CAMPAIGN", "VALUES"),
            "dimensions.yaml, VALUES: a name is upper case",
        ),
        (
            "events",
            EVENTS.replace("name: click", "name: heartbeat"),
            "events.yaml, heartbeat: an event's name",
        ),
        ("events", EVENTS.replace("name: click", "name: ' x'"), "events.yaml,  x: an event's name"),
    ],
)
def test_a_wrong_entry_is_told_with_its_file_and_name(
    tmp_path: Path, file: str, text: str, says: str
) -> None:
    write(tmp_path)
    (tmp_path / f"{file}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError) as error:
        load(tmp_path)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"events\.yaml cannot be read: No such file"):
        load(tmp_path)
