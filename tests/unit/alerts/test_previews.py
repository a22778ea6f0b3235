"""Previews as the service makes them: one at a time, step by step, and no longer than it may take."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import pytest

from rules import KNOWN, ROOT
from tidemark.alerts.ask import Asker, Rows
from tidemark.alerts.campaigns import Campaign
from tidemark.alerts.preview import Preview
from tidemark.alerts.previews import MOST_SECONDS, Previews
from tidemark.alerts.rule import Rule
from tidemark.freshness import Freshness
from tidemark.query.errors import Code, QueryError
from tidemark.query.instant import DAY_MS, MINUTE_MS, from_ms
from tidemark.query.source import Kept

if TYPE_CHECKING:
    from tidemark.query.database import Database

T = TypeVar("T")
HOUR_MS = 60 * MINUTE_MS
COMPLETE = 29_000_000 * MINUTE_MS
FILE = b"""\
groups:
  - name: Mine
    every: 5m
    rules:
      - alert: Largest
        query: {metrics: [SPEND], dimensions: [CAMPAIGN], window: 1h, top: {n: 1, by: SPEND}}
        when: SPEND > 100
        annotations: {summary: "{{ campaign }}"}
      - alert: Late
        query: {health: [data_lag_seconds], window: 5m}
        when: data_lag_seconds > 60
        annotations: {summary: late}
"""


@dataclass
class Scene:
    """What is asked of a service's parts; every other tick's spend is high."""

    first_ms: int = 0
    is_any: bool = True
    complete_ms: int | None = COMPLETE
    kept: Callable[[datetime], Kept] = field(default=lambda _: Kept())
    seconds: float = 0.0
    catalogue = KNOWN.catalogue
    most = 100

    @property
    def answerer(self) -> "Scene":
        return self

    def on(self, _: object) -> "Scene":
        return self

    def freshness(self) -> Freshness:
        return Freshness(from_ms(COMPLETE), from_ms(COMPLETE), None)

    def complete(self, _: Rule) -> datetime | None:
        return None if self.complete_ms is None else from_ms(self.complete_ms)

    def rows(
        self, rules: Sequence[Rule], tick_ms: int, _: Mapping[str, Campaign]
    ) -> Iterator[tuple[Rule, Rows]]:
        self.seconds += 1.0
        spend = 200.0 * (tick_ms // rules[0].every_ms % 2)
        yield rules[0], Rows([(("campaign", "summer"),)], {"SPEND": np.array([spend])})

    def query(self, *_: object) -> "Scene":
        return self

    @property
    def columns(self) -> list[list[object]]:
        return [[self.is_any], [self.first_ms]]

    def monotonic(self) -> float:
        return self.seconds

    def previews(self) -> Previews:
        return Previews(cast("Asker", self), ROOT / "catalogue", self.monotonic)

    async def read(self, work: Callable[["Database"], T]) -> T:
        return work(cast("Database", self))


def in_loop(scene: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(scene())

    run.__name__ = scene.__name__
    return run


async def made(scene: Scene, last_ms: int, name: str = "Largest") -> list[float | Preview]:
    previews = scene.previews()
    return [one async for one in previews.run(previews.rule(name, FILE), last_ms, scene.read)]


@in_loop
async def test_shares_come_first_and_the_preview_last() -> None:
    *shares, found = await made(Scene(), HOUR_MS)
    assert shares == sorted(cast("list[float]", shares))
    assert shares[0] == 0
    assert isinstance(found, Preview)
    assert (found.ticks, found.series, len(found.alerts)) == (12, 1, 6)
    assert found.asked_ms == found.from_ms == COMPLETE - HOUR_MS + 5 * MINUTE_MS


@in_loop
async def test_what_lies_before_the_first_event_is_not_judged() -> None:
    found = (await made(Scene(first_ms=COMPLETE - 20 * MINUTE_MS), HOUR_MS))[-1]
    assert isinstance(found, Preview)
    assert found.ticks == 4
    assert found.asked_ms < found.from_ms == COMPLETE - 15 * MINUTE_MS


@in_loop
async def test_a_window_that_is_no_longer_kept_whole_is_not_judged() -> None:
    kept = Kept(minute=COMPLETE - 90 * MINUTE_MS, events=COMPLETE)
    found = (await made(Scene(kept=lambda _: kept), DAY_MS))[-1]
    assert isinstance(found, Preview)
    assert found.from_ms == COMPLETE - 30 * MINUTE_MS


@in_loop
async def test_another_is_refused_until_the_first_ends_or_is_left() -> None:
    scene = Scene()
    previews = scene.previews()
    rule = previews.rule("Largest", FILE)
    async with aclosing(previews.run(rule, HOUR_MS, scene.read)) as first:
        assert await anext(first) == 0
        with pytest.raises(QueryError, match="one at a time") as refused:
            await anext(previews.run(rule, HOUR_MS, scene.read))
        assert refused.value.code is Code.TOO_MANY_QUERIES
    assert len([one async for one in previews.run(rule, HOUR_MS, scene.read)]) > 1


@in_loop
async def test_one_that_takes_too_long_ends_and_says_how_far_it_was() -> None:
    with pytest.raises(QueryError, match=r"After 120 s \d+% of the past was judged") as refused:
        await made(Scene(), 7 * DAY_MS)
    assert refused.value.details["limit"] == MOST_SECONDS


@pytest.mark.parametrize(
    ("scene", "name", "last_ms", "sentence"),
    [
        (Scene(), "Late", HOUR_MS, "data_lag_seconds has no past"),
        (Scene(), "Largest", MINUTE_MS, "from 5m, which is the rule's every, to 31d"),
        (Scene(), "Largest", 32 * DAY_MS, "to 31d"),
        (Scene(complete_ms=None), "Largest", HOUR_MS, "No data is complete yet"),
        (Scene(is_any=False), "Largest", HOUR_MS, "No event has come yet"),
        (
            Scene(first_ms=COMPLETE),
            "Largest",
            HOUR_MS,
            "There is no past for Largest to judge: data begins at",
        ),
        (Scene(), "Larges", HOUR_MS, "There is no alert Larges in the file; did you mean Largest"),
    ],
)
def test_what_has_no_past_is_refused_in_one_sentence(
    scene: Scene, name: str, last_ms: int, sentence: str
) -> None:
    with pytest.raises(QueryError, match=sentence):
        asyncio.run(made(scene, last_ms, name))


def test_a_file_that_is_wrong_is_refused_with_its_first_problem() -> None:
    with pytest.raises(QueryError, match=r"the file, line 7: .*\(and \d+ more\)"):
        Scene().previews().rule(
            "Largest",
            FILE.replace(b"SPEND > 100", b"SPENT > 100").replace(
                b"health: [data_lag_seconds]", b"health: [lag]"
            ),
        )
