"""Experiments at the plain doors: words in the address, JSON as the answer."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from asgi import client_of
from declared import TEXT, read
from fake_desk import FakeDesk
from fake_experiments import CATALOGUE, FakeDatabase, experiment, experiments
from tidemark.doors import trials
from tidemark.doors.manual import openapi
from tidemark.doors.routes import add_doors
from tidemark.query.caller import Caller

PLAIN = TEXT.replace("covariate: {days: 14}\n", "")


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    database = FakeDatabase(slices=[("DE",), ("FR",)])
    draft = read(PLAIN.replace("id: button", "id: later").replace("status: running", "status: draft"))
    desk = FakeDesk(known=experiments(database, read(PLAIN), draft).all(), database=database)
    app = Starlette()
    add_doors(app, desk, CATALOGUE, lambda _: Caller("test"), currency="EUR", count_error=lambda _: None)
    with client_of(app) as client:
        yield client


def get(client: httpx.Client, path: str) -> Any:
    return client.get(path).json()


def test_the_experiments_are_listed(client: httpx.Client) -> None:
    told = get(client, "/v1/experiments")["experiments"]
    assert [one["id"] for one in told] == ["button", "later"]
    assert told[0]["slices"] == ["platform", "country"]
    assert [one["id"] for one in get(client, "/v1/experiments?status=draft")["experiments"]] == ["later"]
    assert get(client, "/v1/experiments?status=lost")["code"] == "UNKNOWN_NAME"


def test_one_tells_everything_at_once(client: httpx.Client) -> None:
    told = get(client, "/v1/experiments/button?series=day&metric=purchase,revenue")
    assert [one["name"] for one in told["metrics"]] == ["purchase", "revenue"]
    assert [one["unit"] for one in told["metrics"]] == ["fraction", "EUR"]
    (purchase, _) = told["results"]
    assert [one["users"] for one in told["variants"]] == [
        purchase[side]["users"] for side in ("control", "treatment")
    ]
    assert purchase["verdict"] == "BETTER"
    assert purchase["adjusted"]["eBHRejected"] is True
    assert purchase["fixedHorizon"]["degreesOfFreedom"] is None
    assert [one["metric"] for one in told["series"]] == ["purchase", "revenue"]
    assert told["remaining"][0]["users"] == 0
    assert (told["at"], told["isRebuilding"]) == (None, False)
    assert told["freshness"]["completeThrough"] == "2026-11-08T12:00:14Z"


def test_slices_and_instants_come_in_words(client: httpx.Client) -> None:
    told = get(client, "/v1/experiments/button?by=country&slice=platform=mobile&at=2026-11-05T12:00")
    assert {one["slice"][0]["value"] for one in told["results"]} == {"DE", "FR"}
    assert told["at"] == "2026-11-05T12:00:00Z"


def test_everything_on_a_page_is_of_its_instant(client: httpx.Client) -> None:
    told = get(client, "/v1/experiments/button?at=2026-11-01T00:10&metric=purchase&series=minute")
    (result,) = told["results"]
    users = [1_000.0, 1_000.0]
    assert [result[side]["users"] for side in ("control", "treatment")] == users
    assert [one["users"] for one in told["variants"]] == users
    assert told["sampleRatio"]["observed"] == users
    assert told["series"][0]["at"][-1] == "2026-11-01T00:10:00Z"
    assert told["series"][0]["controlUsers"][-1] == users[0]


def test_weights_are_those_of_the_pages_instant() -> None:
    changed = read(PLAIN.replace("start: 2026-11-10,", "start: 2026-11-04,"))
    one = experiment(FakeDatabase(), changed)

    def weights(at: datetime | None) -> list[float]:
        return [each["weight"] for each in trials.summary(one, at)["variants"]]

    assert weights(None) == [0.75, 0.25]
    assert weights(datetime(2026, 11, 3, tzinfo=UTC)) == [0.5, 0.5]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/experiments/buton", 404, "UNKNOWN_EXPERIMENT"),
        ("/v1/experiments/later", 400, "NOT_STARTED"),
        ("/v1/experiments/button?metrics=purchase", 400, "BAD_PARAMETER"),
        ("/v1/experiments/button?by=campaign", 400, "UNKNOWN_NAME"),
        ("/v1/experiments/button?at=2026-10-01", 400, "BAD_RANGE"),
        ("/v1/experiments/button?series=second", 400, "UNKNOWN_NAME"),
        ("/v1/experiments/button?by=country&by=platform", 400, "BAD_PARAMETER"),
    ],
)
def test_what_cannot_be_asked_is_refused(client: httpx.Client, path: str, status: int, code: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_the_description_has_both() -> None:
    paths = openapi(CATALOGUE)["paths"]
    names = [one["name"] for one in paths["/v1/experiments/{id}"]["get"]["parameters"]]
    assert names == ["id", "metric", "by", "slice", "at", "series"]
    assert "/v1/experiments" in paths
