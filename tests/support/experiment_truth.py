"""The rows of an experiment's job, computed another way: plain Python, one whole user at a time."""

import base64
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kafka_topic import held
from tidemark.experiments.definition import SLICEABLE, Definition
from tidemark.experiments.message import experiment_row, metric_rows

MINUTE, LIMIT = 60_000, 10**15
MOMENTS = ("users", "active", "x", "xx", "y", "yy", "xy", "k", "kk", "xk", "yk")
Event = Mapping[str, Any]
Key = tuple[Any, ...]
Rows = dict[Key, tuple[int, ...]]


def expected(events: Iterable[Event], definition: Definition) -> Rows:
    """(metric, variant, minute in seconds, cell …) → users, active, x, … yk; rows of zeros are left out."""
    row = experiment_row(definition)
    assert row is not None
    metrics = [{**key, **columns} for key, columns in metric_rows(definition)]
    found: dict[Key, list[int]] = defaultdict(lambda: [0] * len(MOMENTS))
    for user in _by_user(events, str(row["unit"])).values():
        exposures = [
            one
            for one in user
            if one["event"] == "exposure"
            and one.get("experiment_id") == definition.id
            and one.get("variant")
            and int(row["start_ms"]) <= one["event_time"] < int(row["end_ms"])
        ]
        if not exposures:
            continue
        first = min(exposures, key=lambda one: (one["event_time"], _base64(one["event_id"])))
        at = first["event_time"]
        variants = {one["variant"] for one in exposures}
        if len(variants) > 1:
            _add(found, ("", "", at // MINUTE * 60, *[""] * 6), [1])
            continue
        cell = [str(first.get(name, "")) if row[f"slice_{name}"] else "" for name in SLICEABLE]
        arm = first["variant"]
        _add(found, ("", arm, at // MINUTE * 60, *cell), [1])
        for metric in dict.fromkeys(str(one["metric"]) for one in metrics):
            rules = {str(one["event"]): one for one in metrics if one["metric"] == metric}
            for minute, moments in _increments(user, at, row, rules):
                _add(found, (metric, arm, minute, *cell), moments)
    return {key: tuple(values) for key, values in found.items() if any(values)}


def _base64(text: str) -> str:
    """As the job orders what happened at one instant."""
    return base64.b64encode(text.encode()).decode()


def _by_user(events: Iterable[Event], unit: str) -> dict[str, list[Event]]:
    users: dict[str, list[Event]] = defaultdict(list)
    once: dict[tuple[Any, ...], Event] = {}
    for one in events:
        once.setdefault((one["event_id"], one["event"], one.get("campaign_id", "")), one)
    for one in once.values():
        if one.get(unit):
            users[one[unit]].append(one)
    return users


def _increments(
    user: Sequence[Event], exposed: int, row: Mapping[str, Any], rules: Mapping[str, Mapping[str, Any]]
) -> Iterable[tuple[int, list[int]]]:
    """What a user's minutes add to the moments of one metric: the moments after it less those before."""

    def part(one: Event, name: str) -> int:
        rule = rules[one["event"]]
        return int(
            rule[f"{name}_events"]
            + rule[f"{name}_quantity"] * one.get("quantity", 1)
            + rule[f"{name}_value"] * one.get("value_micros", 0)
            + rule[f"{name}_cost"] * one.get("cost_micros", 0)
        )

    def clamp(value: int, low: int = -LIMIT, high: int = LIMIT) -> int:
        return min(max(value, low, -LIMIT), high, LIMIT)

    counted = [one for one in user if one["event"] in rules and one["event"] != "exposure"]
    after = [one for one in counted if exposed <= one["event_time"] < exposed + row["window_ms"]]
    before = [one for one in counted if exposed - row["covariate_ms"] <= one["event_time"] < exposed]
    if not after and not before:
        return
    rule = next(iter(rules.values()))
    k = clamp(sum(part(one, "pre") for one in before))
    minutes = {one["event_time"] // MINUTE for one in after}
    if any(
        rules[one["event"]][f"pre_{name}"]
        for one in before
        for name in ("events", "quantity", "value", "cost")
    ):
        minutes.add(exposed // MINUTE)
    old, acted = (0,) * 9, False
    if rule["floor"] > 0 or rule["cap"] < 0:
        raise AssertionError("a user who did nothing has a sum of 0")
    known = False
    for minute in sorted(minutes):
        so_far = [one for one in after if one["event_time"] // MINUTE <= minute]
        x = clamp(sum(part(one, "num") for one in so_far), rule["floor"], rule["cap"])
        y = clamp(sum(part(one, "den") for one in so_far))
        known = known or minute >= exposed // MINUTE
        c = k if known else 0
        new = (x, x * x, y, y * y, x * y, c, c * c, x * c, y * c)
        acts = any(
            rules[one["event"]][f"num_{name}"]
            for one in so_far
            for name in ("events", "quantity", "value", "cost")
        )
        yield minute * 60, [0, int(acts and not acted), *(b - a for a, b in zip(old, new, strict=True))]
        old, acted = new, acted or acts


def _add(found: dict[Key, list[int]], key: Key, moments: Sequence[int]) -> None:
    for place, value in enumerate(moments):
        found[key][place] += value


def told(bootstrap: str, experiment: str) -> dict[int, Rows]:
    """By generation the rows that ``experiment.v1`` holds, committed ones only, and none of zeros."""
    found: dict[int, Rows] = defaultdict(dict)
    for row in held(bootstrap, "experiment.v1"):
        if row["experiment_id"] == experiment:
            key = (row["metric"], row["variant"], row["minute"], *(row[name] for name in SLICEABLE))
            gone = row["op"] == "d"
            found[row["generation"]][key] = tuple(0 if gone else int(row[name]) for name in MOMENTS)
    return {one: {key: row for key, row in rows.items() if any(row)} for one, rows in found.items()}


def extreme(run: str, start: int) -> list[dict[str, Any]]:
    """Two users whose sums go out of the bounds of 10^15 micros, one above, one below, and come back."""
    events: list[dict[str, Any]] = []
    for user, sign in (("up", 1), ("down", -1)):
        shown: dict[str, Any] = {"event": "exposure", "experiment_id": run, "variant": "control"}
        moves = [
            *[("conversion", sign, 1)] * 110,
            *[("refund", -sign, 2)] * 240,
            *[("conversion", sign, 3)] * 120,
        ]
        deeds: list[dict[str, Any]] = [
            {"event": name, "value_micros": way * 9_999_999_999_999, "event_time": start + minute * MINUTE}
            for name, way, minute in moves
        ]
        for number, deed in enumerate([shown | {"event_time": start}, *deeds]):
            events.append(
                {"event_id": f"{run}-{user}-{number}", "user_id": f"{run}-{user}", "source": "web", **deed}
            )
    return events


def nasty(chance: random.Random, run: str, users: int, start: int, seconds: int) -> list[dict[str, Any]]:
    """Events of users in every kind of trouble, in an order that has nothing to do with their times."""
    events: list[dict[str, Any]] = []

    def add(user: dict[str, str], name: str, at: int, **more: object) -> None:
        id_ = f"{run}-{len(events)}"
        events.append({"event_id": id_, "event": name, "event_time": at, "source": "web", **user, **more})

    for number in range(users):
        kind = chance.random()
        user = {"user_id": f"{run}-ü{number}"} if kind < 0.9 else {"anonymous_id": f"{run}-a{number}"}
        if kind < 0.2:
            user["anonymous_id"] = f"{run}-b{number // 2}"
        cell = {"country": chance.choice(["DE", "FR", ""]), "platform": chance.choice(["iös|", "web"])}
        at = start + chance.randrange(seconds) * 1000
        for _ in range(chance.choice([0, 1, 1, 1, 2, 5])):
            arm = (
                chance.choice(["control", "treatment"])
                if chance.random() < 0.05
                else ["control", "treatment"][number % 2]
            )
            moved = {"country": chance.choice(["DE", "FR"])} if chance.random() < 0.2 else {}
            later = at + chance.choice([0, 0, 1, 30_000, 600_000])
            add(user, "exposure", later, experiment_id=run, variant=arm, **cell | moved)
        for _ in range(chance.choice([0, 0, 1, 2, 6])):
            when = at + chance.choice(
                [-7_200_000, -60_000, -1, 0, 1, 59_000, 60_000, 3_000_000, 3_599_999, 3_600_000, 9_000_000]
            )
            value = chance.choice([1, 25_000_000, 9_999_999_999_999, 123_456])
            add(user, "conversion", when, value_micros=value, quantity=chance.choice([1, 1, 3]))
            if chance.random() < 0.3:
                add(user, "refund", when + chance.choice([5, 120_000]), value_micros=-value)
        for _ in range(chance.choice([0, 1, 3])):
            add(user, chance.choice(["click", "impression"]), at + chance.randrange(-100_000, 4_000_000))
    events += [dict(one) for one in chance.sample(events, len(events) // 20)]
    chance.shuffle(events)
    return events
