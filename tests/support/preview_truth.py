"""``python preview_truth.py FOLDER SEED``: what a preview sees against what each tick's own question sees.

Prints, as JSON, how many ticks of each rule were compared, and the differences that there are.
"""

import json
import os
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from planner import Planner

MINUTE, DAY = 60_000, 86_400_000
NOW = int(datetime.now(UTC).timestamp() * 1000) // DAY * DAY - 5 * MINUTE
RULES = """\
groups:
  - name: Mine
    every: 7m
    rules:
      - alert: Everything
        query: {metrics: [SPEND, CLICKS, CPC], window: 20m}
        when: SPEND > 3
        annotations: {summary: x}
      - alert: Narrow
        query: {metrics: [CTR, SPEND], dimensions: [COUNTRY, CAMPAIGN],
          where: ["campaign=a,b", "country!=US"], window: 1h, compare: period}
        when: lower.CTR < 50% or change.SPEND > 10%
        resolve_when: upper.CTR > 90%
        annotations: {summary: x}
      - alert: Day
        query: {metrics: [REVENUE, ROAS], dimensions: [PLATFORM], window: day, timezone: Asia/Kathmandu,
          compare: day}
        when: REVENUE > previous.REVENUE
        on_no_data: keep
        annotations: {summary: x}
      - alert: Clicks
        query: {metrics: [CLICKS], dimensions: [CAMPAIGN], window: 7m}
        when: CLICKS < 2
        annotations: {summary: x}
      - alert: Week
        query: {metrics: [CTR, CVR, CLICKS], dimensions: [CAMPAIGN], window: 2h, compare: week}
        when: change.CLICKS < 10 or change_upper.CTR < 1
        annotations: {summary: x}
      - alert: Pace
        query: {metrics: [SPEND], dimensions: [CAMPAIGN], window: week}
        when: SPEND > 100 * budget * elapsed
        on_no_data: alert
        annotations: {summary: x}
      - alert: Property
        query: {metrics: [CLICKS], dimensions: [UTM_SOURCE], window: 30m}
        when: CLICKS > 2
        annotations: {summary: x}
      - alert: Users
        query: {metrics: [REACH], dimensions: [CAMPAIGN], window: 1h}
        when: REACH > 5
        annotations: {summary: x}
      - alert: Largest
        query: {metrics: [SPEND], dimensions: [CAMPAIGN], window: 1h, top: {n: 1, by: SPEND}}
        when: SPEND > 3
        annotations: {summary: x}
"""


def events(chance: random.Random) -> Iterator[dict[str, object]]:
    """Of some hours now, a day ago and a week ago, thick and thin."""
    for number in range(2_500):
        back = chance.choice([0, 0, 0, DAY, 7 * DAY])
        at = NOW - back - int(chance.random() ** 2 * 8 * 60) * MINUTE - chance.randrange(MINUTE)
        event = chance.choice(["impression", "click", "conversion", "spend"])
        yield {
            "event_id": f"e{number}",
            "event": event,
            "event_time": at,
            "campaign_id": chance.choice("abbc"),
            "country": chance.choice(["DE", "FR", "US"]),
            "platform": chance.choice(["ios", "web"]),
            "user_id": f"u{chance.randrange(30)}",
            "quantity": chance.randrange(1, 60) if event == "impression" else 1,
            "cost_micros": chance.randrange(900_000) if event == "spend" else 0,
            "value_micros": chance.randrange(9_000_000) if event == "conversion" else 0,
            "properties": {"utm_source": chance.choice(["mail", "search", ""])},
        }


def main(folder: Path, seed: int) -> None:
    """Store, judge the past both ways, and tell."""
    planner = Planner(folder, NOW + 2000)

    from tidemark.alerts.asking import Asking  # noqa: PLC0415 - after the engine
    from tidemark.alerts.campaigns import Campaign  # noqa: PLC0415
    from tidemark.alerts.check import check  # noqa: PLC0415
    from tidemark.alerts.folder import load  # noqa: PLC0415
    from tidemark.alerts.past import Past, ticks  # noqa: PLC0415
    from tidemark.alerts.query import known_of  # noqa: PLC0415
    from tidemark.alerts.rolling import Health, Metrics, Rolling, rolls  # noqa: PLC0415
    from tidemark.alerts.rule import ExperimentQuery, HealthQuery, Rule  # noqa: PLC0415
    from tidemark.alerts.service import asker_of  # noqa: PLC0415
    from tidemark.experiments.experiment import Experiments  # noqa: PLC0415
    from tidemark.experiments.registry import NOTHING  # noqa: PLC0415
    from tidemark.query.instant import from_ms  # noqa: PLC0415
    from tidemark.settings import Settings  # noqa: PLC0415

    planner.store(list(events(random.Random(seed))))
    database, answerer, own = planner.database, planner.answerer, Settings()
    database.insert(
        "tidemark.rejected", ["topic", "partition", "offset", "at", "door", "field", "reason", "raw"],
        [["t", 0, n, from_ms(NOW - n * 17_000), "x", "", "", ""] for n in range(500)],
    )  # fmt: skip
    known = known_of(own.catalogue)
    tests = Experiments(database, NOTHING, answerer.freshness, known.catalogue, own.limits)
    asker = asker_of(own, database, answerer, tests, known.catalogue)
    mine = check("rules.yaml", RULES.encode(), known, {})
    rules = [*load(own.catalogue / "alerts", known).rules, *(one for one in mine if isinstance(one, Rule))]
    budgets = {"a": Campaign("a", "a", "", 0.0001)}
    told = {}
    for rule in rules:
        if isinstance(rule.query, ExperimentQuery):
            continue
        found = ticks(rule, 2_400_000, NOW, floor_ms=0, first_ms=0)
        rolled = rolls(rule, asker)
        past: Past = Asking(asker, rule, budgets, found)
        each: Past = Asking(asker, rule, budgets, found)
        if rolled:
            is_health = isinstance(rule.query, HealthQuery)
            past = Rolling(
                rule,
                Health(asker, rule) if is_health else Metrics(asker, rule, budgets, found),
                found,
                10_000,
            )
        for one in (past, each):
            while one.step(database) < 1:
                pass
        differ = [
            [at_ms, repr(row), repr(other)]
            for (at_ms, row), (_, other) in zip(past.record.history, each.record.history, strict=True)
            if row != other
        ]
        kept = sum(len(row) for _, row in each.record.history)
        told[rule.name] = {"rolled": rolled, "ticks": len(found), "kept": kept, "differ": differ}
        told[rule.name]["series"] = [past.record.series, each.record.series]
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
    os._exit(0)  # the engine's threads need no orderly end here
