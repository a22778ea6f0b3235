"""Planted effects and a broken split, from the collector to GraphQL's verdict."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cluster import Cluster, now_ms, rfc3339

MINUTE = 60_000
_RESULTS = """query($id: ID!, $at: DateTime) { experiment(id: $id) {
    variants { key users } sampleRatio { ok pValue } freshness { completeThrough }
    results(metrics: ["buyers"], at: $at) { verdict reasons pValue lift { value lower upper }
        control { users conversions } treatment { users conversions } } } }"""
_DEFINITION = """
id: {id}
name: {id}
status: running
start: {start}
variants: {{control: 1, treatment: 1}}
planned_users: {planned}
window: 1h
goals: [{{name: buyers, label: Buyers, kind: proportion, event: conversion}}]
"""


def people(run: str, users: int, start: int, minutes: int, arm: Any, buys: Any) -> Iterator[dict[str, Any]]:
    """Each user's exposure, evenly over the minutes, and a conversion two minutes later of those who buy."""
    for number in range(users):
        at = start + number * minutes * MINUTE // users
        who = {"user_id": f"{run}-{number}", "source": "web"}
        yield {
            "event_id": f"{run}-x{number}", "event": "exposure", "event_time": at,
            "experiment_id": run, "variant": arm(number), **who,
        }  # fmt: skip
        if buys(number):
            later = at + 2 * MINUTE
            yield {"event_id": f"{run}-c{number}", "event": "conversion", "event_time": later, **who}


def test_a_planted_effect_turns_better_and_a_broken_split_makes_the_verdict_invalid(
    cluster: Cluster, tmp_path: Path
) -> None:
    stamp, start = now_ms(), now_ms() - 4 * 60 * MINUTE
    planted, broken = f"planted-{stamp}", f"split-{stamp}"
    for name, users in ((planted, 8_000), (broken, 20_000)):
        text = _DEFINITION.format(id=name, start=rfc3339(start - MINUTE), planned=users)
        (tmp_path / f"{name}.yaml").write_text(text)
    cluster.tidemark("experiments", "publish", "--folder", str(tmp_path))

    def even(number: int) -> str:
        return ("control", "treatment")[number % 2]

    # of the control 10 % buy, of the treatment 16 %; where the split is broken, 48 of 100 see the control
    effect = people(planted, 8_000, start, 120, even, lambda number: number // 2 % 50 < (5, 8)[number % 2])
    skewed = people(
        broken, 20_000, start, 120, lambda number: "control" if number * 37 % 100 < 48 else "treatment",
        lambda number: number // 100 % 10 == 0,
    )  # fmt: skip
    cluster.send([*effect, *skewed], batch=1_000)

    def asked(experiment: str, at: int | None = None) -> Any:
        when = None if at is None else rfc3339(at)
        return cluster.graphql(_RESULTS, id=experiment, at=when)["experiment"]

    def counted(experiment: str) -> int:
        found = asked(experiment)
        return sum(one["users"] for one in found["variants"]) if found else 0

    took = cluster.until(
        lambda: counted(planted) == 8_000, within=120, what="8,000 users of the planted effect"
    )
    took += cluster.until(lambda: counted(broken) == 20_000, within=120, what="20,000 users")
    print(f"28,000 users counted {took:.0f} s after the last was accepted")
    [found] = asked(planted)["results"]
    assert found["verdict"] == "BETTER"
    assert found["treatment"] == {"users": 4_000, "conversions": 640}
    assert found["control"] == {"users": 4_000, "conversions": 400}
    assert 0 < found["lift"]["lower"] < 0.6 < found["lift"]["upper"]
    verdicts = [
        (minute, asked(planted, start + minute * MINUTE)["results"][0]["verdict"])
        for minute in range(4, 124, 4)
    ]
    first = next(minute for minute, verdict in verdicts if verdict == "BETTER")
    print(f"BETTER after {first} of 120 minutes; it was planned for all of them")
    assert first < 120
    assert {verdict for minute, verdict in verdicts if minute >= first} == {"BETTER"}, "it stays so"
    assert {verdict for minute, verdict in verdicts if minute < first} <= {"UNDECIDED", "NOT_ENOUGH_DATA"}

    wrong = asked(broken)
    assert wrong["sampleRatio"]["ok"] is False
    [judged] = wrong["results"]
    assert judged["verdict"] == "INVALID"
    assert "SAMPLE_RATIO_MISMATCH" in judged["reasons"]
    print(f"48:52 of 20,000 users: p of the split {wrong['sampleRatio']['pValue']:.2g}")
