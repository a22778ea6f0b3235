"""``python batched.py FOLDER SEED COUNT``: what rules see asked all together, against each asked alone.

Random rules with every dimension, condition, window and comparison over random events with hostile values;
windows that are complete, and some that are filling. Prints every difference; ends with 1 where there is one.
"""

import os
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

import truth
from planner import Planner
from questions import DAY, HOSTILE, HOUR, MINUTE, Events
from rules import read
from tidemark.alerts import batch
from tidemark.alerts import question as questions
from tidemark.alerts.ask import Asker, Rows
from tidemark.alerts.question import Question
from tidemark.alerts.rule import MetricsQuery, Rule, Window
from tidemark.alerts.ticks import span
from tidemark.freshness import Freshness
from tidemark.query.answer import Answerer
from tidemark.query.catalogue import Catalogue
from tidemark.query.grain import Grain
from tidemark.query.instant import from_ms
from tidemark.query.request import Compare, Condition, Operator, Top

if TYPE_CHECKING:
    from tidemark.experiments.experiment import Experiments

NOW = truth.to_ms("2026-11-24T18:41:23.456Z")
START = NOW - 3 * DAY
EVENTS, RULES, MOST = 2_000, 40, 10_000
ZONES = ("UTC", "Europe/Berlin")
(_ANY,) = read("""\
groups:
  - name: Any
    rules:
      - alert: Any
        query: {metrics: [SPEND], window: 1h}
        when: SPEND > 1
        annotations: {summary: any}
""")


def main(folder: Path, seed: int, count: int) -> bool:
    """Whether there was no difference."""
    dice = random.Random(seed)
    events = Events(dice, START, NOW, [(NOW - DAY, "UTC"), (NOW - HOUR, "UTC"), (NOW, "UTC")], nul=True)
    planner = Planner(folder, NOW)
    planner.store(events.make(EVENTS))
    wrong = queries = 0
    for number in range(count):
        rules = [rule(dice, planner.catalogue, events.campaigns, one) for one in range(RULES)]
        at_ms = (NOW - dice.choice([0, HOUR, DAY]) - dice.randrange(HOUR)) // MINUTE * MINUTE
        is_filling = dice.random() < 0.5
        complete = from_ms(at_ms - 20_000 if is_filling else at_ms + 1_000)
        asker, counted = asking(planner, complete)
        batch.CELLS_A_QUESTION = dice.choice([10, 2_000])  # with few of them, batches are halved
        for seen in range(2 if is_filling else 1):  # the second look finds what the first one kept
            before = counted.queries
            found = {one.name: rows for one, rows in asker.rows(rules, at_ms, {})}
            queries += counted.queries - before
            for one in rules:
                told = difference(alone(asker, one, at_ms), found[one.name])
                if told:
                    wrong += 1
                    print(f"rules {number} of seed {seed}, look {seen}, {one.query}: {told}\n")
    print(f"{wrong} of {count} x {RULES} differ; {queries} queries")
    return not wrong


class Counted:
    """The store, and how many questions it was asked."""

    def __init__(self, planner: Planner) -> None:
        self._database, self.queries = planner.database, 0

    def query(self, sql: str, parameters: Mapping[str, object] | None = None, **more: Any) -> Any:
        self.queries += 1
        return self._database.query(sql, parameters, **more)

    def cancel(self, query_id: str) -> None:
        self._database.cancel(query_id)


def asking(planner: Planner, complete: datetime) -> tuple[Asker, Counted]:
    """One that knows nothing yet, of data that is complete so far."""
    counted = Counted(planner)
    freshness = Freshness(from_ms(NOW), complete, complete)
    answerer = Answerer(counted, lambda: freshness, "EUR")
    nothing = cast("Experiments", None)
    return Asker(answerer, planner.catalogue, nothing, lambda *_: 0, lambda: 0.0, MOST), counted


def alone(asker: Asker, one: Rule, at_ms: int) -> Rows:
    """What a rule sees that is the only one."""
    query = cast("MetricsQuery", one.query)
    start_ms, end_ms = span(query.window, at_ms)
    between = (from_ms(start_ms), from_ms(end_ms))
    request = questions.request(Question.of(query), [one], asker.catalogue, between, MOST)
    frame = asker.answerer.answer(request)
    return Rows(questions.labels(frame), questions.columns(frame))


def difference(expected: Rows, found: Rows) -> str:
    """'' where both have the same series, in whatever order, with the same values to the last bit."""
    orders = [sorted(range(len(rows.labels)), key=rows.labels.__getitem__) for rows in (expected, found)]
    series = [
        [rows.labels[at] for at in order] for rows, order in zip((expected, found), orders, strict=True)
    ]
    if series[0] != series[1]:
        return f"{series[0]} is {series[1]}"
    for name, values in expected.columns.items():
        own, other = values[orders[0]], found.columns[name][orders[1]]
        if not np.array_equal(own, other, equal_nan=True):
            return f"{name}: {own} is {other}"
    return ""


def rule(dice: random.Random, catalogue: Catalogue, campaigns: Sequence[str], number: int) -> Rule:
    """A random one; only what it asks matters."""
    named = {*dice.sample([*catalogue.metrics], dice.choice([1, 1, 2, 3]))}
    if dice.random() < 0.9:
        named = {one for one in named if one != "REACH"} or {"SPEND"}
    columns = [one.name for one in catalogue.dimensions.values() if one.column]
    every = [*catalogue.dimensions] if dice.random() < 0.1 else columns
    dimensions = dice.sample(every, dice.choice([0, 1, 1, 2]))
    windows = [*(Window(length) for length in (MINUTE, 10 * MINUTE, HOUR, DAY)), *map(calendar, ZONES)]
    where = [condition(dice, catalogue, campaigns) for _ in range(dice.choice([0, 0, 1, 1, 2]))]
    top = None
    if dimensions and dice.random() < 0.1:
        top = Top(2, catalogue.metrics["SPEND"], dice.random() < 0.5)
    query = MetricsQuery(
        tuple(sorted(named)),
        tuple(dimensions),
        tuple(where),
        dice.choice(windows),
        dice.choice([None, None, *Compare]),
        top,
    )
    return replace(_ANY, name=f"Rule{number}", query=query)


def calendar(zone: str) -> Window:
    """The day so far."""
    return Window(None, Grain.DAY, zone)


def condition(dice: random.Random, catalogue: Catalogue, campaigns: Sequence[str]) -> Condition:
    """On a column, with values that are there and others."""
    values = {
        "CAMPAIGN": list(campaigns),
        "CHANNEL": ["search", "social", ""],
        "COUNTRY": ["DE", "US", "FR", "XX"],
        "EVENT": ["click", "spend", "impression"],
        "AD": ["a", "A", "ä", "", *HOSTILE],
    }
    name = dice.choice([*values])
    some = dice.sample(values[name], dice.choice([1, 2, 3]))
    return Condition(catalogue.dimensions[name], dice.choice([*Operator]), tuple(some))


if __name__ == "__main__":
    right = main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.flush()
    os._exit(not right)  # the engine's threads need no orderly end here
