"""``tidemark experiment``: against the real doors on a database that answers what the test says."""

import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from rich.console import Console
from starlette.applications import Starlette
from typer.testing import CliRunner

from asgi import client_of
from declared import TEXT, read
from fake_desk import FakeDesk
from fake_experiments import CATALOGUE, FakeDatabase, experiments
from tidemark.cli import app
from tidemark.doors.routes import add_doors
from tidemark.experiments.terminal import render, sentence
from tidemark.query.caller import Caller

METRIC = {"name": "purchase", "label": "Purchase", "unit": "fraction"}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    database = FakeDatabase(slices=[("DE",), ("FR",)])
    known = experiments(database, read(TEXT.replace("covariate: {days: 14}\n", ""))).all()
    served = Starlette()
    add_doors(
        served,
        FakeDesk(known=known, database=database),
        CATALOGUE,
        lambda _: Caller("test"),
        currency="EUR",
        count_error=lambda _: None,
    )
    with client_of(served) as client:
        monkeypatch.setattr(httpx, "Client", lambda: client)
        yield CliRunner(env={"COLUMNS": "140"})


def test_it_says_what_it_means_and_shows_the_figures(run: CliRunner) -> None:
    told = run.invoke(app, ["experiment", "button"]).output
    assert "The button" in told
    assert "green: Purchase is 100.00 % higher, between" in told
    assert "That is better, but a guardrail is breached: Refunds." in told
    assert "That is worse. Guardrail: breached." in told
    assert "Guardrail: breached." in told
    assert "they split as the weights say" in told
    assert "upper" in told
    assert "complete through" in told
    assert "\x1b" not in told


def test_slices_are_lines_of_the_table(run: CliRunner) -> None:
    told = run.invoke(app, ["experiment", "button", "--by", "country", "--metric", "purchase"]).output
    assert [line.split()[2] for line in told.splitlines() if line.startswith("purchase ")] == ["DE", "FR"]


def test_json_is_what_the_door_says(run: CliRunner) -> None:
    told = json.loads(run.invoke(app, ["experiment", "button", "--json", "--slice", "country=DE"]).output)
    assert told["id"] == "button"


def test_an_unknown_one_is_one_sentence_and_exit_code_1(run: CliRunner) -> None:
    told = run.invoke(app, ["experiment", "buton"])
    assert told.exit_code == 1
    assert told.output.strip() == "There is no experiment buton; did you mean button?"


def test_a_page_of_the_past_says_so(run: CliRunner) -> None:
    past = run.invoke(app, ["experiment", "button", "--at", "2026-11-03T12:00"]).output
    assert "running since 2026-11-01 00:00 UTC; as of 2026-11-03 12:00 UTC" in past
    table, users = (
        next(line for line in past.splitlines() if line.startswith(word)) for word in ("purchase", "users")
    )
    counted = int(table.split()[2].replace(",", ""))
    assert f"control* {counted / 2:,.0f} (50 %), green {counted / 2:,.0f} (50 %)" in users


@pytest.mark.parametrize(("form", "terminal", "times"), [([], "", 1), (["--json"], "", 1), ([], "1", 3)])
def test_ctrl_c_ends_a_watch_without_an_error(
    run: CliRunner, monkeypatch: pytest.MonkeyPatch, form: list[str], terminal: str, times: int
) -> None:
    naps = iter(range(2))

    def nap(_: float) -> None:
        if next(naps, None) is None:
            raise KeyboardInterrupt

    monkeypatch.setattr("tidemark.experiments.show.time.sleep", nap)
    told = run.invoke(app, ["experiment", "button", "--watch", *form], env={"FORCE_COLOR": terminal})
    assert told.exit_code == 0
    assert next(naps, None) is None
    # nothing has changed: told once, but on a terminal, which is drawn anew
    assert told.output.count("The button") >= times
    assert (told.output.count("The button") == 1) == (times == 1)


LIFTS = {"UP": (0.041, 0.012, 0.071), "DOWN": (-0.041, -0.071, -0.012), "OPEN": (0.01, -0.03, 0.05)}


def said(verdict: str, lift: str | None, *reasons: str, guardrail: str | None = None) -> dict[str, Any]:
    interval = None if lift is None else dict(zip(("value", "lower", "upper"), LIFTS[lift], strict=True))
    return {
        "variant": "green",
        "verdict": verdict,
        "lift": interval,
        "difference": None,
        "guardrail": guardrail,
        "reasons": list(reasons),
    }


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (
            said("BETTER", "UP"),
            "is 4.10 % higher, between 1.20 % and 7.10 % higher. That is better; it is safe to stop.",
        ),
        (
            said("WORSE", "DOWN"),
            "is 4.10 % lower, between 1.20 % and 7.10 % lower. That is worse; it is safe to stop.",
        ),
        (said("WORSE", "DOWN", guardrail="SAFE"), "lower. That is worse, but within its margin."),
        (
            said("BETTER", None, "EMPTY_INTERSECTION"),
            "is different by an amount that changes with time. That is better",
        ),
        (
            said("UNDECIDED", "OPEN"),
            "is not shown to differ yet, anything between 3.00 % lower and 5.00 % higher is possible; look",
        ),
        (said("UNDECIDED", None, "EMPTY_INTERSECTION"), "is not shown to differ yet; look again"),
        (
            said("UNDECIDED", None, "BOTH_SIDES", "EMPTY_INTERSECTION"),
            "gets no verdict, since it was shown to be better, and at another time worse; see how",
        ),
        (
            said("INVALID", "OPEN", "SAMPLE_RATIO_MISMATCH"),
            "be trusted, since users do not split as the weights say; find out why first.",
        ),
        (
            said("INVALID", "OPEN", "WEIGHTS_CHANGED", "REBUILDING"),
            "since the weights changed, so the arms' users are of different days; begin another experiment",
        ),
        (
            said("NOT_ENOUGH_DATA", None, "NO_USERS", "REBUILDING"),
            "too little data yet, since an arm has no users; see that both arms are shown",
        ),
        (
            said("NOT_ENOUGH_DATA", None, "TOO_FEW_USERS", "TOO_FEW_CONVERSIONS"),
            "since an arm has fewer than 100 users and in an arm too few users did it; wait.",
        ),
    ],
)
def test_a_verdict_is_a_sentence(result: dict[str, Any], words: str) -> None:
    assert words in sentence(result, METRIC)


def test_a_better_variant_is_not_praised_before_its_guardrails_are_safe() -> None:
    result = said("BETTER", "UP")
    assert sentence(result, METRIC, breached=["Refunds"], unsure=["Load"]).endswith(
        "That is better, but a guardrail is breached: Refunds."
    )
    assert sentence(result, METRIC, unsure=["Load"]).endswith(
        "That is better; it is safe to stop once these are shown to be safe: Load."
    )


def test_an_effect_that_fades_is_told_by_all_looks_and_by_this_one() -> None:
    result = said("BETTER", "UP") | {"lift": {"value": 0.004, "lower": 0.012, "upper": 0.071}}
    assert "is between 1.20 % and 7.10 % higher by all looks so far, 0.40 % higher by this one." in sentence(
        result, METRIC
    )


PAGE = {
    "id": "button",
    "name": "The button",
    "status": "RUNNING",
    "startedAt": "2026-11-01T00:00:00Z",
    "at": None,
    "isRebuilding": False,
    "metrics": [METRIC],
    "results": [],
    "series": None,
    "variants": [
        {"key": "control", "isControl": True, "users": 0, "weight": 0.5},
        {"key": "green", "isControl": False, "users": 0, "weight": 0.5},
    ],
    "sampleRatio": {"ok": True, "pValue": 1.0, "expected": [0.0, 0.0], "observed": [0.0, 0.0]},
    "remaining": [],
    "excludedUsers": 0,
    "freshness": {
        "now": "2026-11-08T12:00:17Z",
        "completeThrough": None,
        "auditedThrough": None,
        "lagMs": None,
    },
}


def drawn(**more: Any) -> str:
    console = Console(width=140, file=io.StringIO())
    console.print(render(PAGE | more, 140))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_numbers_that_are_counted_anew_are_not_to_be_decided_by() -> None:
    assert "REBUILDING" not in drawn()
    assert "these are the ones before, or not whole: wait before you decide" in drawn(isRebuilding=True)


def test_who_came_is_told_with_who_should_have_come() -> None:
    assert "nobody came yet" in drawn()
    broken = {"ok": False, "pValue": 1e-300, "expected": [150.0, 150.0], "observed": [200.0, 100.0]}
    assert "the split is broken: 200, 100 came, 150, 150 were expected (p below 1e-299)" in drawn(
        sampleRatio=broken
    )


@pytest.mark.parametrize(
    ("left", "words"),
    [
        ({}, "purchase, green: 9,000 more users by the plan, in 1.5 to 23 hours; with them a lift of 5.00 %"),
        ({"highSeconds": 3_000_000.0}, "in 0.1 to 35 days"),
        ({"lowSeconds": None, "highSeconds": None}, "9,000 more users by the plan; with them"),
        ({"users": None, "minimumDetectableLift": None}, None),
        ({"users": 0.0}, None),
    ],
)
def test_what_remains_is_users_time_and_what_they_show(left: dict[str, Any], words: str | None) -> None:
    whole = {"metric": "purchase", "variant": "green", "users": 9_000.0, "lowSeconds": 5_400.0,
             "highSeconds": 82_800.0, "minimumDetectableLift": 0.05, "reasons": []}  # fmt: skip
    told = drawn(remaining=[whole | left])
    assert words in told if words else "by the plan" not in told


def test_nobody_is_waited_for_when_it_has_stopped() -> None:
    left = {"metric": "purchase", "variant": "green", "users": 9_000.0, "minimumDetectableLift": 0.05}
    assert "purchase, green: 9,000 users fewer than planned" in drawn(status="STOPPED", remaining=[left])


def test_when_all_planned_users_have_come_and_nothing_is_decided_it_is_said_what_they_show() -> None:
    left = {"metric": "purchase", "variant": "green", "users": 0.0, "lowSeconds": 0.0, "highSeconds": 0.0,
            "minimumDetectableLift": 0.05, "reasons": []}  # fmt: skip
    arm = {"users": 1_000.0, "mean": 0.1}
    result = said("UNDECIDED", "OPEN") | {"metric": "purchase", "slice": [], "control": arm, "treatment": arm,
                                          "pValue": 0.4}  # fmt: skip
    assert (
        "as many users as planned have come; with so many a lift of 5.00 % would be seen, 4 times in 5"
        in drawn(remaining=[left], results=[result])
    )
