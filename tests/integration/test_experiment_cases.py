"""One user for each kind of trouble, through the job to GraphQL, with the answer that the docs give."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import experiment_truth as truth
from cluster import Cluster, now_ms, rfc3339
from tidemark.experiments.definition import SLICEABLE

MINUTE = 60_000
HOUR = 60 * MINUTE
_DEFINITION = """
id: {id}
name: {id}
status: running
start: {start}
variants: {{control: {control}, treatment: {treatment}}}
planned_users: 1000
window: 1h
goals:
  - {{name: buyers, label: Buyers, kind: proportion, event: conversion}}
  - {{name: revenue, label: Revenue, kind: mean, sum: value_micros, event: [conversion, refund]}}
slices: [country]
{more}
"""
_VERDICTS = """query($id: ID!) { experiment(id: $id) { excludedUsers variants { key users }
    results(metrics: ["buyers"]) { verdict reasons control { users } treatment { users } } } }"""

_THOUSAND: list[tuple[str, int, dict[str, Any]]] = [("exposure", number, {}) for number in range(1_000)]

# (event, milliseconds after the exposure, more); a case is the country of its cell
CASES: dict[str, list[tuple[str, int, dict[str, Any]]]] = {
    "both": [("exposure", 0, {}), ("exposure", 5_000, {"variant": "treatment"}), ("conversion", 9_000, {})],
    "before": [("conversion", -1, {}), ("exposure", 0, {})],
    "within": [("exposure", 0, {}), ("conversion", HOUR - 1, {"value_micros": 7})],
    "after": [("exposure", 0, {}), ("conversion", HOUR, {"value_micros": 7})],
    "refund": [
        ("exposure", 0, {}),
        ("conversion", 1_000, {"value_micros": 10_000_000}),
        ("refund", 90_000, {"value_micros": -4_000_000}),
    ],
    "thousand": [*_THOUSAND, ("conversion", 2_000, {})],
    "undeclared": [("exposure", 0, {"variant": "blue"}), ("conversion", 1_000, {})],
    "too early": [("exposure", -3 * HOUR, {}), ("exposure", 0, {}), ("conversion", 1_000, {})],
}
# (metric, variant) → users, active, x, xx over all minutes
WANTED: dict[str, dict[tuple[str, str], tuple[int, ...]]] = {
    "both": {},
    "before": {("", "control"): (1, 0, 0, 0)},
    "within": {
        ("", "control"): (1, 0, 0, 0),
        ("buyers", "control"): (0, 1, 1, 1),
        ("revenue", "control"): (0, 1, 7, 49),
    },
    "after": {("", "control"): (1, 0, 0, 0)},
    "refund": {
        ("", "control"): (1, 0, 0, 0),
        ("buyers", "control"): (0, 1, 1, 1),
        ("revenue", "control"): (0, 1, 6_000_000, 36_000_000_000_000),
    },
    "thousand": {
        ("", "control"): (1, 0, 0, 0),
        ("buyers", "control"): (0, 1, 1, 1),
        ("revenue", "control"): (0, 1, 0, 0),
    },
    "undeclared": {
        ("", "blue"): (1, 0, 0, 0),
        ("buyers", "blue"): (0, 1, 1, 1),
        ("revenue", "blue"): (0, 1, 0, 0),
    },
    "too early": {
        ("", "control"): (1, 0, 0, 0),
        ("buyers", "control"): (0, 1, 1, 1),
        ("revenue", "control"): (0, 1, 0, 0),
    },
}


def events(run: str, at: int) -> Iterator[dict[str, Any]]:
    for case, told in CASES.items():
        for number, (name, after, more) in enumerate(told):
            shown = {"experiment_id": run, "variant": "control"} if name == "exposure" else {}
            yield {
                "event_id": f"{run}-{case}-{number}", "event": name, "event_time": at + after,
                "user_id": f"{run}-{case}", "country": case, "source": "web", **shown, **more,
            }  # fmt: skip


def seen(cluster: Cluster, run: str) -> dict[str, dict[tuple[str, str], tuple[int, ...]]]:
    """What ``experiment.v1`` has of each case, added up over minutes; excluded users have no cell."""
    place = 3 + SLICEABLE.index("country")
    found: dict[str, dict[tuple[str, str], tuple[int, ...]]] = {case: {} for case in CASES}
    for key, moments in next(iter(truth.told(cluster.settings.bootstrap, run).values()), {}).items():
        if key[1]:
            rows = found[key[place]]
            before = rows.get(key[:2], (0, 0, 0, 0))
            rows[key[:2]] = tuple(one + other for one, other in zip(before, moments[:4], strict=True))
    return found


def test_each_kind_of_trouble_has_its_documented_answer(cluster: Cluster, tmp_path: Path) -> None:
    stamp, at = now_ms(), (now_ms() - 5 * HOUR) // MINUTE * MINUTE
    names = {kind: f"{kind}-{stamp}" for kind in ("cases", "empty", "weights")}
    phases = f"phases: [{{start: {rfc3339(at + HOUR)}, weights: {{control: 1, treatment: 1}}}}]"
    for kind, control, more in (("cases", 1, ""), ("empty", 1, ""), ("weights", 9, phases)):
        text = _DEFINITION.format(
            id=names[kind], start=rfc3339(at - HOUR), control=control, treatment=1, more=more
        )
        (tmp_path / f"{kind}.yaml").write_text(text)
    cluster.tidemark("experiments", "publish", "--folder", str(tmp_path))
    cluster.send(list(events(names["cases"], at)))
    cluster.send(
        [
            {
                "event_id": f"{names[kind]}-{number}", "event": "exposure",
                "event_time": at + number * 2 * MINUTE, "source": "web",
                "user_id": f"{names[kind]}-{number}", "experiment_id": names[kind],
                "variant": "control" if kind == "empty" else ("control", "treatment")[number % 2],
            }
            for kind in ("empty", "weights")
            for number in range(60)
        ]
    )  # fmt: skip
    cluster.until(lambda: seen(cluster, names["cases"]) == WANTED, within=90, what="the rows of every case")

    def asked(kind: str) -> Any:
        return cluster.graphql(_VERDICTS, id=names[kind])["experiment"]

    def users(kind: str) -> int:
        found = asked(kind)
        return sum(one["users"] for one in found["variants"]) if found else 0

    wanted = {"cases": 6, "empty": 60, "weights": 60}
    cluster.until(lambda: {kind: users(kind) for kind in wanted} == wanted, within=60, what="all users")
    cases = asked("cases")
    assert cases["excludedUsers"] == 1, "the user of both variants"
    assert "UNDECLARED_VARIANT" in cases["results"][0]["reasons"]
    empty = asked("empty")["results"][0]
    assert (empty["verdict"], empty["treatment"]["users"]) == ("NOT_ENOUGH_DATA", 0)
    assert "NO_USERS" in empty["reasons"]
    weights = asked("weights")["results"][0]
    assert weights["verdict"] == "INVALID"
    assert "WEIGHTS_CHANGED" in weights["reasons"]
