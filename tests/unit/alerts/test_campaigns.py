"""The campaigns' file: names, owners and budgets, each mistake with its line."""

from pathlib import Path

import pytest

from rules import ROOT
from tidemark.alerts.campaigns import FILE, MAX_CAMPAIGNS, Campaign, check, load
from tidemark.ingest.demo.scenario import Scenario


def test_the_demos_campaigns_are_declared() -> None:
    found = load(ROOT / "catalogue" / FILE)
    assert found.problems == ()
    demo = Scenario(seed=1, start_ms=0, rate=1, campaigns=12).campaigns
    assert tuple(found.by_id) == demo
    assert all((found.by_id[id_].daily_budget or 0) > 0 for id_ in demo[:6])


def test_an_id_is_enough() -> None:
    found = check("campaigns.yaml", b"- id: a\n- {id: b, name: B, owner: Ann, daily_budget: 1_000.5}\n")
    assert found.problems == ()
    assert found.by_id == {"a": Campaign("a", "a"), "b": Campaign("b", "B", "Ann", 1000.5)}


def test_no_file_declares_none(tmp_path: Path) -> None:
    assert load(tmp_path / FILE).by_id == {}
    (tmp_path / FILE).mkdir()
    assert [str(one) for one in load(tmp_path / FILE).problems] == [
        "campaigns.yaml, line 1: the file cannot be read: Is a directory; correct that or remove it"
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "id: a",
            "line 1: the file is a list of campaigns; begin with - {id: a-1, name: Spring sale}",
        ),
        ("- a", "line 1: a campaign is a; it must be a mapping of keys to values"),
        ("- name: a", "line 1: id is missing; write what events carry as campaign_id"),
        ("- id: a\n- id: a", "line 2: the campaign a stands there twice; leave one of them out"),
        ("- {id: a, budget: 3}", "line 1: there is no key budget; did you mean daily_budget?"),
        (
            "- {id: a, daily_budget: 0}",
            "line 1: daily_budget is 0; it must be above 0 and at most 1000000000000",
        ),
        (
            "- {id: a, daily_budget: 2%5}",
            "line 1: daily_budget is 2%5; it must be a number such as 0.05 or 5%, with at most nine decimals",
        ),
    ],
)
def test_a_mistake_is_told_on_its_line(text: str, says: str) -> None:
    assert [str(one) for one in check("campaigns.yaml", text.encode()).problems] == [
        f"campaigns.yaml, {says}"
    ]


def test_more_campaigns_than_allowed_are_refused() -> None:
    found = check("c.yaml", "".join(f"- id: c{n}\n" for n in range(MAX_CAMPAIGNS + 1)).encode())
    assert [str(one) for one in found.problems] == [
        "c.yaml, line 1: the list has 2,001 entries; there may be at most 2,000: leave some out"
    ]


def test_a_right_campaign_counts_beside_a_wrong_one() -> None:
    found = check("c.yaml", b"- {id: a, owner: ''}\n- {id: b}\n")
    assert (list(found.by_id), len(found.problems)) == (["b"], 1)
