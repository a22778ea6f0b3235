"""``tidemark experiment``: against the real doors on a database that answers what the test says."""

import json
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from typer.testing import CliRunner

from asgi import client_of
from declared import TEXT, read
from fake_desk import FakeDesk
from fake_experiments import CATALOGUE, FakeDatabase, experiments
from tidemark.cli import app
from tidemark.doors.routes import add_doors
from tidemark.experiments.terminal import sentence
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
    assert "That is better; it is safe to stop." in told
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


@pytest.mark.parametrize(
    ("verdict", "lift", "said"),
    [
        (
            "BETTER",
            (0.041, 0.012, 0.071),
            "is 4.10 % higher, between 1.20 % and 7.10 % higher. That is better",
        ),
        (
            "WORSE",
            (-0.041, -0.071, -0.012),
            "is 4.10 % lower, between 1.20 % and 7.10 % lower. That is worse",
        ),
        ("UNDECIDED", (0.01, -0.03, 0.05), "not shown to differ yet, between 3.00 % lower and 5.00 % higher"),
        ("INVALID", (0.01, -0.03, 0.05), "be trusted, since users do not split as the weights say"),
        ("NOT_ENOUGH_DATA", None, "too little data yet (an arm has no users); wait"),
    ],
)
def test_a_verdict_is_a_sentence(verdict: str, lift: tuple[float, ...] | None, said: str) -> None:
    interval = None if lift is None else dict(zip(("value", "lower", "upper"), lift, strict=True))
    result = {
        "variant": "green",
        "verdict": verdict,
        "lift": interval,
        "difference": None,
        "guardrail": None,
        "reasons": ["SAMPLE_RATIO_MISMATCH" if verdict == "INVALID" else "NO_USERS"],
    }
    assert said in sentence(result, METRIC)
