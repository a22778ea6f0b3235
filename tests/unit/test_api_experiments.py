"""Experiments over GraphQL, on a desk and a database that answer what the test says."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from declared import TEXT, read
from fake_desk import FakeDesk, context_of
from fake_experiments import CATALOGUE, GENERATION, FakeDatabase, experiments
from tidemark.api.schema import build_schema

SCHEMA = build_schema(CATALOGUE)
RESULT = """
fragment R on Result { __typename metric variant slice { name value } control { key users mean conversions }
  treatment { users standardDeviation } lift { value lower upper } difference { value } pValue eValue
  adjusted { holm benjaminiHochberg eBHRejected } verdict reasons guardrail
  fixedHorizon { pValue statistic degreesOfFreedom lift { upper } }
  bayesian { chanceToWin expectedLoss prior } method }
"""


def ask(document: str, generations: Sequence[int] = (GENERATION,), **variables: Any) -> Any:
    database = FakeDatabase(slices=[("DE",), ("FR",)], generations=generations)
    known = experiments(database, read(TEXT.replace("covariate: {days: 14}\n", "")), DRAFT).all()
    desk = FakeDesk(known=known, database=database)
    result = asyncio.run(SCHEMA.execute(document, variables, context_of(desk)))
    if result.errors:
        return [(error.extensions or {}).get("code") for error in result.errors]
    return result.data


DRAFT = read(TEXT.replace("id: button", "id: later").replace("status: running", "status: draft"))


def test_an_experiment_tells_what_was_declared_and_who_came() -> None:
    told = ask(
        """{ experiment(id: "button") { id name status startedAt alpha plannedUsers excludedUsers
        variants { key weight isControl users } sampleRatio { ok pValue chiSquarePValue expected observed }
        freshness { completeThrough } } }"""
    )["experiment"]
    assert told["id"] == "button"
    assert (told["status"], told["startedAt"], told["plannedUsers"]) == (
        "RUNNING",
        "2026-11-01T00:00:00Z",
        20_000.0,
    )
    assert told["variants"] == [
        {"key": "control", "weight": 0.5, "isControl": True, "users": 100.0},
        {"key": "green", "weight": 0.5, "isControl": False, "users": 100.0},
    ]
    assert told["sampleRatio"]["ok"] is True
    assert told["sampleRatio"]["expected"] == told["sampleRatio"]["observed"]
    assert told["freshness"]["completeThrough"] == "2026-11-08T12:00:14Z"


def test_there_are_all_experiments_or_those_of_a_status_and_null_for_an_unknown_one() -> None:
    assert [one["id"] for one in ask("{ experiments { id } }")["experiments"]] == ["button", "later"]
    assert ask("{ experiments(status: DRAFT) { id startedAt variants { users } excludedUsers } }")[
        "experiments"
    ] == [
        {"id": "later", "startedAt": None, "variants": [{"users": 0.0}, {"users": 0.0}], "excludedUsers": 0.0}
    ]
    assert ask('{ experiment(id: "buttons") { id } }') == {"experiment": None}


def test_results_are_one_a_metric_treatment_and_slice() -> None:
    told = ask(RESULT + '{ experiment(id: "button") { results(by: [COUNTRY]) { ...R } } }')["experiment"][
        "results"
    ]
    assert [(one["metric"], one["slice"][0]) for one in told] == [
        (metric, {"name": "country", "value": value})
        for metric in ("purchase", "revenue", "click_rate", "refunds")
        for value in ("DE", "FR")
    ]
    purchase, refunds = told[0], told[6]
    assert purchase["__typename"] == "Result"
    assert purchase["control"] == {"key": "control", "users": purchase["control"]["users"], "mean": 0.1,
                                   "conversions": purchase["control"]["users"] / 10}  # fmt: skip
    assert (purchase["verdict"], purchase["guardrail"], purchase["reasons"]) == ("BETTER", None, [])
    assert purchase["lift"]["value"] == pytest.approx(1)
    assert 0 < purchase["lift"]["lower"] < 1 < purchase["lift"]["upper"]
    assert purchase["adjusted"]["eBHRejected"] is True
    assert (refunds["verdict"], refunds["guardrail"], refunds["adjusted"]) == ("WORSE", "BREACHED", None)


@pytest.mark.parametrize("selection", ["...R", "...R @skip(if: false)", "m: metric verdict slice { name }"])
def test_the_fast_way_and_graphqls_own_way_agree(selection: str, monkeypatch: pytest.MonkeyPatch) -> None:
    document = '{ experiment(id: "button") { results(by: [COUNTRY]) { ' + selection + " } } }"
    document = (RESULT if "R" in selection else "") + document
    fast = ask(document)
    monkeypatch.setattr("tidemark.api.execute.RESULT", "nothing")
    assert ask(document) == fast


def test_a_series_is_columns() -> None:
    told = ask(
        """{ experiment(id: "button") { series(metric: "purchase", variant: "green", grain: DAY)
        { at value lower upper pValue controlUsers treatmentUsers }
        remaining(metric: "purchase", variant: "green") { users lowSeconds minimumDetectableLift } } }"""
    )["experiment"]
    series = told["series"]
    assert series["at"][0] == "2026-11-02T00:00:00Z"
    assert series["at"][-1] == "2026-11-08T12:01:00Z"
    assert {len(column) for column in series.values()} == {8}
    assert series["controlUsers"] == sorted(series["controlUsers"])
    assert told["remaining"]["users"] == 0.0  # it is decided


def test_the_split_and_what_remains_are_of_the_instant_that_results_are_of() -> None:
    told = ask(
        """query($at: DateTime) { experiment(id: "button") {
        results(metrics: ["purchase"], at: $at) { control { users } treatment { users } }
        sampleRatio(at: $at) { observed }
        remaining(metric: "purchase", variant: "green", at: $at) { users reasons } } }""",
        at="2026-11-01T00:10:00Z",
    )["experiment"]
    (result,) = told["results"]
    assert told["sampleRatio"]["observed"] == [result[arm]["users"] for arm in ("control", "treatment")]
    # ten looks of the first ten minutes, and each counts a hundred users an arm here
    assert told["sampleRatio"]["observed"] == [1_000.0, 1_000.0]
    assert told["remaining"] == {"users": 0.0, "reasons": []}


def test_whether_numbers_are_counted_anew_is_told_once_for_all_of_them() -> None:
    document = """{ experiment(id: "button") { isRebuilding
        remaining(metric: "purchase", variant: "green") { reasons }
        results(metrics: ["purchase"]) { reasons } } }"""
    for generations, anew in (((GENERATION,), False), ((GENERATION - 5_000,), True)):
        told = ask(document, generations)["experiment"]
        reasons = ["REBUILDING"] if anew else []
        assert told == {
            "isRebuilding": anew,
            "remaining": {"reasons": reasons},
            "results": [{"reasons": reasons}],
        }
    assert ask('{ experiment(id: "later") { isRebuilding } }') == {"experiment": {"isRebuilding": False}}


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ('results(metrics: ["nothing"]) { metric }', "UNKNOWN_NAME"),
        ("results(by: [CAMPAIGN]) { metric }", "UNKNOWN_NAME"),
        ('results(at: "2026-10-01T00:00:00Z") { metric }', "BAD_RANGE"),
        ('sampleRatio(at: "2026-10-01T00:00:00Z") { ok }', "BAD_RANGE"),
        (
            'remaining(metric: "purchase", variant: "green", at: "2027-01-01T00:00:00Z") { users }',
            "BAD_RANGE",
        ),
        ("results(slice: [{dimension: COUNTRY, values: []}]) { metric }", "BAD_CONDITION"),
        ('series(metric: "purchase", variant: "control") { at }', "UNKNOWN_NAME"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_code(field: str, code: str) -> None:
    assert ask('{ experiment(id: "button") { ' + field + " } }") == [code]


def test_a_draft_has_no_results() -> None:
    assert ask('{ experiment(id: "later") { results { metric } } }') == ["NOT_STARTED"]
