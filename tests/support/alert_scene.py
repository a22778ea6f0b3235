"""A scripted past, and an engine that judges two rules on it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from sqlalchemy import Engine as Database

from alert_story import HOOK, router
from rules import KNOWN, read
from tidemark.alerts.ask import Asker, Rows
from tidemark.alerts.bell import Bell
from tidemark.alerts.campaigns import Campaign
from tidemark.alerts.engine import Engine, Pace
from tidemark.alerts.routing import Router
from tidemark.alerts.rule import Rule
from tidemark.alerts.rulebook import Book, Rulebook
from tidemark.alerts.serving import Serving
from tidemark.alerts.store.outbox import Outbox
from tidemark.alerts.store.records import Records
from tidemark.alerts.store.ticks import Ticks
from tidemark.freshness import Freshness
from tidemark.query.errors import Code, QueryError
from tidemark.query.instant import from_ms

if TYPE_CHECKING:
    from tidemark.alerts.late import Late

MINUTE = 60_000
START = 1_795_600_000_000 // MINUTE * MINUTE
RULES = read("""\
groups:
  - name: Spend
    every: 1m
    rules:
      - alert: SpendsTooMuch
        severity: critical
        query: {metrics: [SPEND], dimensions: [CAMPAIGN], window: 1m}
        when: SPEND > 500
        for: 2m
        max_instances: 3
        annotations: {summary: "{{ campaign_name }} spends {{ SPEND }}"}
      - alert: Nothing
        severity: warning
        query: {metrics: [SPEND], dimensions: [CAMPAIGN], window: 1m}
        when: SPEND < 1
        annotations: {summary: "{{ campaign }} spends nothing"}
""")
PAST: list[dict[str, float]] = [
    {},
    {"summer": 600.0, "winter": 10.0},
    {"summer": 700.0, "winter": 0.5},
    {"summer": 700.0, "winter": 0.5},
    {"summer": 700.0},
    {"summer": 20.0, "winter": 10.0},
    {"summer": 20.0, "winter": 900.0},
    {"summer": 900.0, "winter": 10.0},
]


@dataclass
class Scene:
    """The data's clock, what rules see at each tick from a first one on, and the wall clock."""

    complete_ms: int = START
    first_ms: int = START
    lag_ms: int = 1_000
    failing: bool = False
    past: Sequence[Mapping[str, float]] = tuple(PAST)
    asked: list[int] = field(default_factory=list)

    @property
    def answerer(self) -> "Scene":
        return self

    catalogue = KNOWN.catalogue

    def freshness(self) -> Freshness:
        complete = from_ms(self.complete_ms)
        return Freshness(from_ms(self.complete_ms + self.lag_ms), complete, complete)

    def complete(self, _: Rule) -> datetime:
        return from_ms(self.complete_ms)

    def rows(
        self, rules: Sequence[Rule], tick_ms: int, _: Mapping[str, Campaign]
    ) -> Iterator[tuple[Rule, Rows]]:
        if self.failing:
            raise QueryError(Code.QUERY_TIMEOUT, "It took too long.")
        self.asked.append(tick_ms)
        seen = self.past[(tick_ms - self.first_ms) // MINUTE % len(self.past)]
        rows = Rows([(("campaign", name),) for name in seen], {"SPEND": np.array([*seen.values()])})
        for rule in rules:
            yield rule, rows

    def now_ms(self) -> int:
        return self.complete_ms + self.lag_ms


BOOK = Book(tuple(RULES), {})


def engine(
    scene: Scene,
    database: Database,
    wake: Callable[[], None] = lambda: None,
    *,
    book: Book = BOOK,
    tells: Router | None = None,
) -> Engine:
    """A new one, as after a start."""
    rulebook = Rulebook(Path("nowhere"), lambda _: book)
    late = cast("Late", type("NoneLate", (), {"minutes": staticmethod(lambda _: set())})())
    pace = Pace(stale_ms=60_000, most_ticks=100)
    return Engine(
        cast("Asker", scene), rulebook, Ticks(database), tells or router(HOOK), late, pace,
        wake=wake, currency="USD", clock=scene.now_ms,
    )  # fmt: skip


def served(scene: Scene, database: Database) -> tuple[Engine, Serving]:
    """An engine and what is served of it, with a bell between them."""
    bell = Bell()
    judging = engine(scene, database, bell.ring)
    return judging, Serving(judging, Records(database), Outbox(database), bell, {HOOK.name}, scene.now_ms)
