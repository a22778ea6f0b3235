"""How many queries a tick is, and what becomes of the others where one fails."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from rules import KNOWN, read
from tidemark.alerts.answers import Answers, Settled
from tidemark.alerts.batch import batches
from tidemark.alerts.cells import Found
from tidemark.freshness import Freshness
from tidemark.query.answer import Answerer
from tidemark.query.errors import QueryError
from tidemark.query.instant import from_ms

MINUTE = 60_000
NOON = 1_795_608_000_000
RULES = {
    rule.name: rule
    for rule in read(
        "groups:\n  - name: Spend\n    rules:\n"
        + "".join(
            f"      - alert: {name}\n        query: {{metrics: [SPEND], {query}}}\n        when: SPEND > 1\n"
            "        annotations: {summary: any}\n"
            for name, query in {
                "ByCampaign": "dimensions: [CAMPAIGN], window: day",
                "ByCountry": "dimensions: [COUNTRY], window: day",
                "Hour": "dimensions: [CAMPAIGN], window: 1h",
                "Minute": "dimensions: [CAMPAIGN], window: 1m",
            }.items()
        )
    )
}


@dataclass
class Store:
    """Holds nothing, and fails as it is told."""

    fails: Callable[[str], bool] = lambda _: False
    asked: list[str] = field(default_factory=list)

    def query(self, sql: str, _: Mapping[str, object] | None = None, *, query_id: str | None = None) -> Found:
        assert query_id is None
        self.asked.append(sql)
        if self.fails(sql):
            raise RuntimeError("TIMEOUT_EXCEEDED")
        return Found([], 0)

    def cancel(self, query_id: str) -> None:
        """Nothing runs."""


def asking(store: Store, complete_ms: int, settled: Settled | None = None) -> Answers:
    complete = from_ms(complete_ms)
    freshness = Freshness(complete + timedelta(seconds=1), complete, complete)
    return Answers(Answerer(store, lambda: freshness, "USD"), KNOWN.catalogue, 100, settled or Settled())


def told(answers: Answers, tick_ms: int, *names: str) -> list[str]:
    found = answers.all(batches([RULES[name] for name in names], KNOWN.catalogue), tick_ms)
    return sorted(rule.name for asked, _ in found for rule in asked.rules)


def test_rules_of_a_window_are_one_query() -> None:
    store = Store()
    assert told(asking(store, NOON), NOON, *RULES) == sorted(RULES)
    assert len(store.asked) == 3, "a day, an hour, a minute"


def test_a_batch_that_takes_too_long_is_asked_in_halves() -> None:
    store = Store(fails=lambda sql: "campaign_id" in sql and "country" in sql)
    assert told(asking(store, NOON), NOON, "ByCampaign", "ByCountry") == ["ByCampaign", "ByCountry"]
    assert len(store.asked) == 3


def test_a_question_that_takes_too_long_is_told_after_the_answers_to_all_others() -> None:
    store = Store(fails=lambda sql: "country" in sql)
    answers = asking(store, NOON).all(batches(RULES.values(), KNOWN.catalogue), NOON)
    names = [next(answers)[0].rules[0].name for _ in range(3)]
    with pytest.raises(QueryError, match="took longer than"):
        next(answers)
    assert sorted(names) == ["ByCampaign", "Hour", "Minute"]


def test_of_windows_that_are_filling_a_look_asks_for_the_newest_minutes_once_for_all() -> None:
    store, settled = Store(), Settled()
    names, counts = ("ByCampaign", "ByCountry", "Hour", "Minute"), []
    for second in (2, 4, 6, 62, 64):
        at_ms = NOON + second * 1000
        before = len(store.asked)
        tick_ms = at_ms // MINUTE * MINUTE + MINUTE
        assert told(asking(store, at_ms, settled), tick_ms, *names) == sorted(names)
        counts.append(len(store.asked) - before)
    # the day and the hour up to five minutes ago, the newest minutes, and the shorter window
    assert counts == [4, 2, 2, 4, 2]


def test_where_the_newest_minutes_take_too_long_filling_windows_are_asked_as_a_whole() -> None:
    store = Store()
    answers = asking(store, NOON + 2_000)
    assert told(answers, NOON + MINUTE, "ByCampaign", "Hour") == ["ByCampaign", "Hour"]
    store.fails = lambda _: len(store.asked) == 4  # the next one
    assert told(answers, NOON + MINUTE, "ByCampaign", "Hour") == ["ByCampaign", "Hour"]
    assert len(store.asked) == 6
