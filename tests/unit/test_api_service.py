"""The service over HTTP, on a database that answers what the test says."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from asgi import client_of
from tidemark import app
from tidemark.api.schema import Schema, build_schema
from tidemark.app import create_app
from tidemark.freshness import Freshness
from tidemark.hosts import is_loopback
from tidemark.query.catalogue import load
from tidemark.settings import Settings

NOW = datetime(2026, 11, 23, 12, 0, 17, tzinfo=UTC)
ROWS = "metrics(query: {metrics: [CLICKS, CTR, SPEND], dimensions: [CAMPAIGN], range: {lastSeconds: 60}%s})"
CATALOGUE = load(Settings().catalogue)


@dataclass
class Result:
    columns: list[list[Any]]
    row_count: int
    rows_read: int = 100
    bytes_read: int = 1_000
    elapsed_ms: float = 2.0


@dataclass
class FakeDatabase:
    columns: list[list[Any]]
    failure: Exception | None = None
    asked: list[Mapping[str, object]] = field(default_factory=list)

    def query(
        self, sql: str, parameters: Mapping[str, object] | None = None, *, query_id: str | None = None
    ) -> Result:
        if sql.startswith("EXPLAIN ESTIMATE"):
            return Result([["tidemark"], ["campaign_minute"], [1], [8192], [1]], 1)
        assert query_id, "what runs for a caller can be cancelled"
        self.asked.append(parameters or {})
        if self.failure:
            raise self.failure
        return Result(self.columns, len(self.columns[0]) if self.columns else 0)

    def cancel(self, query_id: str) -> None:
        raise AssertionError(f"nothing here takes long, and {query_id} was cancelled")


@pytest.fixture
def database() -> FakeDatabase:
    return FakeDatabase([["summer", 'x"y'], [3, 0], [12, 0], [1_500_000, 0]])


Start = Callable[..., httpx.Client]


@cache
def schema(currency: str) -> Schema:
    return build_schema(CATALOGUE, currency=currency)


@pytest.fixture
def start(database: FakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    clients = ExitStack()
    # it takes longer to make than most tests, and is the same for all
    monkeypatch.setattr(app, "build_schema", lambda _catalogue, *, currency, **_: schema(currency))

    def started(
        *, reasons: list[str] | None = None, freshness: Freshness | None = None, host: str = "127.0.0.1"
    ) -> httpx.Client:
        known = freshness or Freshness(NOW, NOW - timedelta(seconds=1.5), NOW - timedelta(minutes=1))
        settings = Settings(home=tmp_path, currency="EUR", host=host)
        made = create_app(database, lambda: known, CATALOGUE, settings, lambda: reasons or [])
        return clients.enter_context(client_of(made))

    with clients:
        yield started


def post(client: httpx.Client, document: str, **variables: Any) -> Any:
    response = client.post("/graphql", json={"query": document, "variables": variables})
    assert response.status_code == 200
    return response.json()


def refusal(client: httpx.Client, document: str, **variables: Any) -> tuple[str, str]:
    (error,) = post(client, document, **variables)["errors"]
    return error["extensions"]["code"], error["message"]


def test_columns_hold_a_list_each(start: Start) -> None:
    found = post(start(), "{ " + ROWS % "" + " { columns { name kind unit values } rowCount truncated } }")
    *columns, lower, upper = found["data"]["metrics"].pop("columns")
    assert [lower["name"], lower["kind"], upper["name"], upper["kind"]] == [
        "lower.ctr",
        "LOWER",
        "upper.ctr",
        "UPPER",
    ]
    assert {"columns": columns, **found["data"]["metrics"]} == {
        "columns": [
            {"name": "campaign", "kind": "DIMENSION", "unit": None, "values": ["summer", 'x"y']},
            {"name": "clicks", "kind": "METRIC", "unit": None, "values": [3, 0]},
            {"name": "ctr", "kind": "METRIC", "unit": "fraction", "values": [0.25, None]},
            {"name": "spend", "kind": "METRIC", "unit": "EUR", "values": [1.5, 0.0]},
        ],
        "rowCount": 2,
        "truncated": False,
    }


def test_rows_hold_an_object_each_and_null_for_what_was_not_asked(start: Start) -> None:
    found = post(
        start(), "{ " + ROWS % "" + " { rows { bucket campaign ad v: values { clicks ctr cpc } } } }"
    )
    nothing = {"bucket": None, "ad": None}
    assert found["data"]["metrics"]["rows"] == [
        {"campaign": "summer", "v": {"clicks": 3.0, "ctr": 0.25, "cpc": None}, **nothing},
        {"campaign": 'x"y', "v": {"clicks": 0.0, "ctr": None, "cpc": None}, **nothing},
    ]


def test_rows_without_metrics_are_still_rows(start: Start, database: FakeDatabase) -> None:
    database.columns = [["a", "b"]]
    query = "{metrics: [], dimensions: [AD], range: {lastSeconds: 60}}"
    assert post(start(), f"{{ metrics(query: {query}) {{ rows {{ ad values {{ ctr }} }} }} }}")["data"][
        "metrics"
    ]["rows"] == [
        {"ad": "a", "values": {"ctr": None}},
        {"ad": "b", "values": {"ctr": None}},
    ]


def test_an_answer_says_what_was_asked_and_how_far_it_is_complete(
    start: Start, database: FakeDatabase
) -> None:
    document = (
        "{ " + ROWS % ", grain: MINUTE" + " { resolved { from to grain timezone source } rows { bucket }"
        " freshness { now completeThrough auditedThrough lagMs openBucket } } }"
    )
    database.columns = [[1], ["a"], [1], [1], [1]]
    assert post(start(), document)["data"]["metrics"] == {
        "resolved": {
            "from": "2026-11-23T11:59:00Z",
            "to": "2026-11-23T12:01:00Z",
            "grain": "MINUTE",
            "timezone": "UTC",
            "source": "campaign_minute",
        },
        "rows": [{"bucket": "2026-11-23T12:00:00Z"}],
        "freshness": {
            "now": "2026-11-23T12:00:17Z",
            "completeThrough": "2026-11-23T12:00:15.500Z",
            "auditedThrough": "2026-11-23T11:59:17Z",
            "lagMs": 1500.0,
            "openBucket": True,
        },
    }


def test_freshness_can_be_asked_alone_and_is_unknown_before_the_first_heartbeat(start: Start) -> None:
    client = start(freshness=Freshness(NOW, None, None))
    found = post(client, "{ freshness { now completeThrough auditedThrough lagMs openBucket } }")
    assert found["data"]["freshness"] == {
        "now": "2026-11-23T12:00:17Z",
        "completeThrough": None,
        "auditedThrough": None,
        "lagMs": None,
        "openBucket": True,
    }


def test_two_aliases_of_one_question_ask_the_database_once(start: Start, database: FakeDatabase) -> None:
    one = ROWS % "" + " { rowCount cost { cacheHit rowsRead charged remaining } }"
    found = post(start(), f"{{ a: {one} b: {one} }}")["data"]
    assert len(database.asked) == 1
    assert [found[name]["cost"]["cacheHit"] for name in "ab"] == [False, True]
    assert found["a"]["cost"]["rowsRead"] == 100
    assert 0 < found["a"]["cost"]["charged"] < 0.02
    assert found["b"]["cost"]["charged"] == 0.01


HOSTILE = ["'", "\\", '"', "\0", "{a:String}", "😀", "x" * 10_000]


def test_hostile_values_are_bound_as_they_are(start: Start, database: FakeDatabase) -> None:
    document = (
        "query ($v: [String!]!) { metrics(query: {metrics: [CLICKS], range: {lastSeconds: 60},"
        " where: [{dimension: AD, op: NOT_IN, values: $v}]}) { rowCount } }"
    )
    post(start(), document, v=HOSTILE)
    assert database.asked[0]["where_0"] == sorted(HOSTILE)


@pytest.mark.parametrize(
    ("query", "code", "says"),
    [
        ("{metrics: [], range: {lastSeconds: 60}}", "NOTHING_ASKED", "Nothing is asked for"),
        ("{metrics: [CLICKS], range: {}}", "BAD_RANGE", "range is not complete"),
        ("{metrics: [CLICKS], range: {lastSeconds: 0}}", "BAD_RANGE", "range.lastSeconds is 0"),
        ("{metrics: [CLICKS], range: {lastSeconds: 60}, limit: 99999}", "TOO_MANY_ROWS", "limit is 99,999"),
        (
            "{metrics: [CLIX], range: {lastSeconds: 60}}",
            "GRAPHQL_INVALID",
            "'CLIX' does not exist in 'Metric' enum. There are IMPRESSIONS, CLICKS, ",
        ),
        (
            '{metrics: [CLICKS], range: {from: "2026-11-23", to: "x"}}',
            "GRAPHQL_INVALID",
            "write one like 2026-11",
        ),
        ("{metrics: [CLICKS], range: {from: 5}}", "GRAPHQL_INVALID", "DateTime"),
    ],
)
def test_a_refusal_has_a_code_and_a_sentence(start: Start, query: str, code: str, says: str) -> None:
    errors = post(start(), f"{{ metrics(query: {query}) {{ rowCount }} }}")["errors"]
    assert errors[0]["extensions"]["code"] == code
    assert says in errors[0]["message"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"metrics": ["CLIX"]}, ".metrics[0]: Value 'CLIX' does not exist in 'Metric' enum. There are IMPR"),
        (
            {"metrics": ["CLICKS"], "dimensions": ["AGE"]},
            "'Dimension' enum. There are CAMPAIGN, AD, CHANNEL,",
        ),
        ({"metrics": ["CLICKS"], "grain": "DECADE"}, "MINUTE, FIVE_MINUTES, HOUR, DAY, WEEK, MONTH."),
    ],
)
def test_a_value_that_an_enum_has_not_got_is_answered_with_those_it_has(
    start: Start, query: dict[str, object], says: str
) -> None:
    document = "query ($query: MetricsQuery!) { metrics(query: $query) { rowCount } }"
    (error,) = post(start(), document, query={**query, "range": {"lastSeconds": 60}})["errors"]
    assert error["extensions"]["code"] == "GRAPHQL_INVALID"
    assert says in error["message"]


def test_a_syntax_error_and_an_unknown_field_have_codes_too(start: Start) -> None:
    client = start()
    assert refusal(client, "{ metrics(")[0] == "GRAPHQL_SYNTAX"
    assert refusal(client, "{ nothing }")[0] == "GRAPHQL_INVALID"


def test_an_unexpected_failure_is_logged_and_only_its_id_is_told(
    start: Start, database: FakeDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    database.failure = RuntimeError("secret path /data")
    with caplog.at_level(logging.ERROR):
        (error,) = post(start(), "{ " + ROWS % "" + " { rowCount } }")["errors"]
    assert "secret" not in error["message"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["request"] in error["message"]
    assert f"query {error['extensions']['request']} failed" in caplog.text
    assert "secret path /data" in caplog.text


def test_a_refusal_is_not_logged(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    refusal(start(), "{ metrics(query: {metrics: [], range: {lastSeconds: 60}}) { rowCount } }")
    assert not caplog.records


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "Unable to parse request body as JSON"),
        (b"[" * 50_000, "Unable to parse request body as JSON"),
        (b"5", "The body must be a JSON object with a query"),
        (b'"{ __typename }"', "The body must be a JSON object with a query"),
        (b"[]", "Batching is not enabled"),
        (b'{"query": 5}', "must be a string"),
        (b"{}", "No GraphQL query found in the request"),
        (b'{"query": "{ __typename }", "operationName": 5}', "operationName must be a string"),
        (b'{"query": "\\ud800"}', "Unable to parse request body as JSON"),
    ],
)
def test_a_body_that_is_none_of_graphql_is_a_400_with_a_reason(start: Start, body: bytes, says: str) -> None:
    response = start().post("/graphql", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert says in error["message"]
    assert error["extensions"]["code"] == "BAD_REQUEST"


def test_a_body_that_is_too_large_is_a_413_however_it_comes(start: Start) -> None:
    def pieces() -> Any:
        for _ in range(11):
            yield b" " * 10_000

    client = start()
    for content in (b" " * 100_001, pieces()):
        response = client.post("/graphql", content=content, headers={"content-type": "application/json"})
        assert response.status_code == 413
        assert response.json()["errors"][0]["extensions"] == {"code": "BODY_TOO_LARGE", "limit": 100_000}


def test_queries_by_get_are_refused(start: Start) -> None:
    assert start().get("/graphql", params={"query": "{ __typename }"}).status_code == 400


def test_whole_numbers_of_any_size_are_answered_exactly(start: Start, database: FakeDatabase) -> None:
    database.columns = [[2**100]]
    query = "{metrics: [CLICKS], range: {lastSeconds: 60}}"
    document = f"{{ metrics(query: {query}) {{ columns {{ values }} rows {{ values {{ clicks }} }} }} }}"
    found = post(start(), document)["data"]["metrics"]
    assert found["columns"][0]["values"] == [2**100]
    assert found["rows"][0]["values"]["clicks"] == 2.0**100


def test_health_is_plain_and_readiness_gives_its_reasons(start: Start) -> None:
    assert start().get("/healthz").json() == {"status": "alive"}
    assert start().get("/readyz").json() == {"ready": True, "reasons": []}
    response = start(reasons=["no heartbeat has come through Flink yet"]).get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"ready": False, "reasons": ["no heartbeat has come through Flink yet"]}


def test_prometheus_sees_answers_errors_and_lag(start: Start) -> None:
    client = start()
    post(client, "{ " + ROWS % "" + " { rowCount } }")
    post(client, "{ metrics(query: {metrics: [], range: {lastSeconds: 60}}) { rowCount } }")
    client.post("/graphql", content=b"")
    text = client.get("/metrics").text
    assert 'tidemark_queries_total{source="campaign_minute"} 1.0' in text
    assert 'tidemark_query_errors_total{code="NOTHING_ASKED"} 1.0' in text
    assert 'tidemark_query_errors_total{code="BAD_REQUEST"} 1.0' in text
    assert "tidemark_query_seconds_count 1.0" in text
    assert "tidemark_freshness_lag_seconds 1.5" in text


def test_prometheus_is_answered_while_the_watermark_cannot_be_read(
    database: FakeDatabase, tmp_path: Path
) -> None:
    def broken() -> Freshness:
        raise RuntimeError("gone")

    app = create_app(database, broken, CATALOGUE, Settings(home=tmp_path), list)
    with client_of(app) as client:
        assert "tidemark_freshness_lag_seconds NaN" in client.get("/metrics").text


def test_the_explorer_runs_from_jars_that_were_fetched(start: Start, tmp_path: Path) -> None:
    for jar, path in (
        ("graphiql-2.4.7.jar", "graphiql/2.4.7/graphiql.min.js"),
        ("graphiql-2.4.7.jar", "graphiql/2.4.7/graphiql.min.css"),
        ("react-18.2.0.jar", "react/18.2.0/umd/react.production.min.js"),
        ("react-dom-18.2.0.jar", "react-dom/18.2.0/umd/react-dom.production.min.js"),
    ):
        (tmp_path / "lib" / "graphiql").mkdir(parents=True, exist_ok=True)
        with ZipFile(tmp_path / "lib" / "graphiql" / jar, "a") as archive:
            archive.writestr(f"META-INF/resources/webjars/{path}", path)
    client = start()
    page = client.get("/graphql", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "https://" not in page.text
    script = client.get("/graphiql/react.production.min.js")
    assert (script.text, script.headers["content-type"]) == (
        "react/18.2.0/umd/react.production.min.js",
        "text/javascript; charset=utf-8",
    )
    assert client.get("/graphiql/other.js").status_code == 404


def test_the_explorer_comes_from_a_cdn_where_nothing_was_fetched(start: Start) -> None:
    client = start()
    assert "unpkg.com" in client.get("/graphql", headers={"accept": "text/html"}).text
    assert client.get("/graphiql/graphiql.min.js").status_code == 404


def test_there_is_no_explorer_beyond_loopback(start: Start) -> None:
    client = start(host="0.0.0.0")  # noqa: S104 - nothing listens in a test
    assert client.get("/graphql", headers={"accept": "text/html"}).status_code == 404
    assert client.get("/graphiql/graphiql.min.js").status_code == 404


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("example.org", False)],  # noqa: S104
)
def test_loopback_is_known_by_its_addresses(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback
