"""Operations: documents' limits and caches, what is asked of the desk, errors."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import get_introspection_query
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from fake_desk import CALLER, CATALOGUE, FakeDesk, context_of
from operations import ASK, SCHEMA, WATCH, codes, desk_of, followed
from tidemark.api.documents import CACHED_DOCUMENTS
from tidemark.api.errors import formatted
from tidemark.api.schema import build_schema
from tidemark.query.errors import Code, QueryError
from tidemark.query.grain import Grain
from tidemark.query.limits import Limits
from tidemark.query.request import (
    Compare,
    Condition,
    Direction,
    Having,
    Operator,
    OrderBy,
    Request,
    TimeRange,
    Top,
)


def execute(
    document: str | None,
    desk: FakeDesk | None = None,
    variables: Mapping[str, Any] | None = None,
    **more: Any,
) -> ExecutionResult:
    desk = desk or desk_of()
    result = asyncio.run(SCHEMA.execute(document, variables, context_of(desk), **more))
    assert {*desk.callers, *desk.allowed} <= {CALLER}
    return result


def test_everything_in_a_question_reaches_the_desk() -> None:
    desk = desk_of()
    document = """query($query: MetricsQuery!) { metrics(query: $query) { rowCount } }"""
    query = {
        "metrics": ["CLICKS", "CTR"],
        "dimensions": ["CAMPAIGN", "UTM_SOURCE"],
        "where": [{"dimension": "COUNTRY", "op": "PREFIX", "values": ["D"]}],
        "range": {"from": "2026-11-01T00:00:00+01:00", "to": "2026-11-02T00:00:00Z"},
        "grain": "DAY",
        "timezone": "Europe/Berlin",
        "compare": "PREVIOUS_WEEK",
        "top": {"n": 3, "by": "CTR", "other": False},
        "having": [{"metric": "CLICKS", "min": 0}],
        "orderBy": [{"bucket": True, "direction": "ASC"}, {"metric": "CTR"}, {"dimension": "CAMPAIGN"}],
        "limit": 7,
    }
    assert execute(document, desk, {"query": query}).errors is None
    metrics, dimensions = CATALOGUE.metrics, CATALOGUE.dimensions
    assert desk.asked == [
        Request(
            metrics=(metrics["CLICKS"], metrics["CTR"]),
            dimensions=(dimensions["CAMPAIGN"], dimensions["UTM_SOURCE"]),
            where=(Condition(dimensions["COUNTRY"], Operator.PREFIX, ("D",)),),
            range=TimeRange(datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)),
            grain=Grain.DAY,
            limit=7,
            timezone="Europe/Berlin",
            compare=Compare.PREVIOUS_WEEK,
            top=Top(3, metrics["CTR"], other=False),
            having=(Having(metrics["CLICKS"], 0.0, None),),
            order_by=(
                OrderBy(None, Direction.ASC),
                OrderBy(metrics["CTR"]),
                OrderBy(dimensions["CAMPAIGN"]),
            ),
        )
    ]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"grain": None, "compare": None, "top": None},
        {"range": {"lastSeconds": 60, "from": None, "to": None}},
    ],
)
def test_null_is_as_good_as_nothing(query: dict[str, Any]) -> None:
    desk = desk_of()
    document = """query($query: MetricsQuery!) { metrics(query: $query) { rowCount } }"""
    plain = {"metrics": ["CLICKS"], "range": {"lastSeconds": 60}}
    assert execute(document, desk, {"query": plain | query}).errors is None
    (asked,) = desk.asked
    assert asked == Request(
        (CATALOGUE.metrics["CLICKS"],), (), (), TimeRange(last_seconds=60), grain=None, limit=1000
    )


def test_the_callers_own_limits_hold() -> None:
    desk = desk_of()
    desk.limits = Limits(rows=10)
    result = execute(f"{{ {ASK} {{ rowCount }} limits {{ maxRows notOlderThan timeoutMs }} }}", desk)
    assert codes(result) == ["TOO_MANY_ROWS"]
    assert (result.errors or [])[0].extensions == {
        "code": "TOO_MANY_ROWS",
        "limit": 10,
        "requested": 1000,
        "suggestion": {"limit": 10},
    }
    found = execute("{ limits { maxRows notOlderThan timeoutMs } }", desk).data
    assert found == {"limits": {"maxRows": 10, "notOlderThan": "1996-10-31T12:00:17Z", "timeoutMs": 10_000}}


def test_the_catalogue_tells_units_formulas_and_values() -> None:
    desk = desk_of()
    found = execute(
        """{ catalogue {
          version metrics { name unit expression dimensions }
          dimensions { name values(search: "su", first: 5) }
        } }""",
        desk,
    ).data
    assert found is not None
    listing = found["catalogue"]
    assert listing["version"] == CATALOGUE.version
    metrics = {one["name"]: one for one in listing["metrics"]}
    assert (metrics["CPC"]["unit"], metrics["CTR"]["unit"], metrics["CLICKS"]["unit"]) == (
        "EUR",
        "fraction",
        None,
    )
    assert metrics["CTR"]["expression"] == "CLICKS / IMPRESSIONS"
    assert metrics["CTR"]["dimensions"] == list(CATALOGUE.dimensions)
    assert [one["name"] for one in listing["dimensions"]] == list(CATALOGUE.dimensions)
    assert listing["dimensions"][0]["values"] == ["spring", "summer"]
    assert ("UTM_SOURCE", "su", 5) in desk.searches


@pytest.mark.parametrize(("argument", "expected"), [("", 50), ("(first: null)", 50), ("(first: 1)", 1)])
def test_fifty_values_are_enough_unless_told(argument: str, expected: int) -> None:
    desk = desk_of()
    execute(f"{{ catalogue {{ dimensions {{ values{argument} }} }} }}", desk)
    assert desk.searches[0] == ("CAMPAIGN", None, expected)


def test_a_refused_number_of_values_says_which_is_not() -> None:
    result = execute("{ catalogue { dimensions { values(first: 0) } } }")
    assert set(codes(result)) == {"BAD_LIMIT"}
    assert (result.errors or [])[0].message == "values.first is 0; it must be from 1 to 1,000."


def test_what_a_frame_says_of_itself_is_answered() -> None:
    found = execute(
        f"""{{ {ASK} {{
          resolved {{ from to grain timezone source previousFrom previousTo }}
          freshness {{ now completeThrough auditedThrough lagMs openBucket }}
          cost {{ rowsRead bytesRead elapsedMs cacheHit charged remaining }} truncated
        }} freshness {{ lagMs openBucket }} }}"""
    ).data
    assert found == {
        "metrics": {
            "resolved": {
                "from": "2026-11-23T10:00:00Z",
                "to": "2026-11-23T12:01:00Z",
                "grain": "HOUR",
                "timezone": "Europe/Berlin",
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
                "bytesRead": 56_789,
                "elapsedMs": 3.21,
                "cacheHit": False,
                "charged": 0.0112,
                "remaining": 2999.5,
            },
            "truncated": False,
        },
        "freshness": {"lagMs": 1800.0, "openBucket": True},
    }


def doubling(steps: int) -> str:
    """Fragments that each spread the next one twice."""
    parts = [f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(steps)]
    return "{ ...f0 } " + " ".join(parts) + f" fragment f{steps} on Query {{ a: __typename }}"


@pytest.mark.parametrize(
    ("document", "code", "limit"),
    [
        ("{ " + " ".join(f"a{n}: __typename" for n in range(51)) + " }", "TOO_MANY_ALIASES", 50),
        (doubling(100), "TOO_MANY_ALIASES", 50),
        ("{ " + "freshness { lagMs } " * 52 + " }", "TOO_MANY_ALIASES", 50),
        ("{ " + " __typename" * 2001 + " }", "TOO_MANY_TOKENS", 2000),
        ("{ " + "#\n" * 2001 + " __typename }", "TOO_MANY_TOKENS", 2000),
        ("{ a" + "{ a" * 9 + "}" * 9 + " }", "TOO_DEEP", 8),
        ("{ ...f } fragment f on Query { a" + "{ a" * 9 + "}" * 9 + " }", "TOO_DEEP", 8),
    ],
)
def test_documents_have_limits(document: str, code: str, limit: int) -> None:
    result = execute(document)
    assert isinstance(result, PreExecutionError)
    assert code in codes(result)
    found = (result.errors or [])[codes(result).index(code)]
    assert (found.extensions or {})["limit"] == limit


def test_introspection_passes_the_limits() -> None:
    assert execute(get_introspection_query(input_value_deprecation=True)).errors is None


@pytest.mark.parametrize(
    "document",
    [
        "{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }",
        "{ ...nothing }",
        "{ metrics { rowCount } }",
        "{ a" * 900 + "}" * 900,
        "{ nothing(a: " + "[" * 900 + "]" * 900 + ") }",
        "{",
        "\ud800",
    ],
)
def test_a_wrong_document_is_refused_and_breaks_nothing(document: str) -> None:
    result = execute(document)
    assert isinstance(result, PreExecutionError)
    assert result.errors


@pytest.mark.parametrize(
    "document",
    [
        "{ metric { rowCount } }",
        f"{{ {ASK} {{ rowCoun }} }}",
        "{ metrics(query: {metric: [CLICKS], range: {}}) { rowCount } }",
        "{ metrics(query: {metrics: [CLICK], range: {}}) { rowCount } }",
        "{ metrics(quer: {metrics: [CLICKS], range: {}}) { rowCount } }",
        "query($a: MetricQuery!) { metrics(query: $a) { rowCount } }",
        "query($a: MetricsQuery!) { metrics(query: $a) { rowCount } }",
        "{ ... on Quer { __typename } }",
        "{ __typename @inclde(if: true) }",
    ],
)
def test_nothing_is_suggested(document: str) -> None:
    wrong = {"a": {"metrics": ["CLICK"], "rang": {}, "limt": 5}}
    result = execute(document, variables=wrong)
    assert isinstance(result, PreExecutionError)
    assert not [error for error in result.errors or () if "Did you mean" in error.message]


def test_a_document_is_read_once_and_a_wrong_one_is_not_kept() -> None:
    schema = build_schema(CATALOGUE)

    def ask(document: str) -> None:
        asyncio.run(schema.execute(document, None, context_of(desk_of())))

    for _ in range(3):
        ask("{ freshness { now } }")
    info = schema.documents.read.cache_info()
    assert (info.hits, info.misses, info.currsize, info.maxsize) == (2, 1, 1, CACHED_DOCUMENTS)
    for document in ("{ nothing }", "{"):
        ask(document)
        ask(document)
    assert schema.documents.read.cache_info().currsize == 1


def test_operations_are_chosen_by_name_and_by_what_the_transport_allows() -> None:
    both = "query a { limits { maxRows } } query b { freshness { lagMs } }"
    assert execute(both, operation_name="b").data == {"freshness": {"lagMs": 1800.0}}
    assert isinstance(execute(both), PreExecutionError)
    with pytest.raises(CannotGetOperationTypeError):
        execute(both, operation_name="c")
    with pytest.raises(MissingQueryError):
        execute("")
    with pytest.raises(InvalidOperationTypeError):
        execute(WATCH)
    for allowed in ([OperationType.SUBSCRIPTION], []):
        with pytest.raises(InvalidOperationTypeError):
            execute(both, operation_name="a", allowed_operation_types=allowed)


def test_a_refusal_has_its_code_its_details_and_its_place(caplog: pytest.LogCaptureFixture) -> None:
    refusal = QueryError(Code.BUDGET_EXHAUSTED, "Wait a second.", limit=5, requested=7, retryAfterMs=900)
    result = execute(f"{{ mine: {ASK} {{ rowCount }} }}", desk_of(failure=refusal))
    assert [formatted(error) for error in result.errors or ()] == [
        {
            "message": "Wait a second.",
            "locations": [{"line": 1, "column": 3}],
            "path": ["mine"],
            "extensions": {"code": "BUDGET_EXHAUSTED", "limit": 5, "requested": 7, "retryAfterMs": 900},
        }
    ]
    assert not caplog.records


def test_what_nobody_expected_is_logged_under_the_requests_id_and_only_that_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        result = execute(f"{{ {ASK} {{ rowCount }} }}", desk_of(failure=RuntimeError("disk /data is full")))
    (error,) = result.errors or []
    assert error.message == "The question could not be answered; the service's log says why, under req-1."
    assert error.extensions == {"code": "INTERNAL", "request": "req-1"}
    assert error.original_error is None
    assert "query req-1 failed" in caplog.text
    assert "RuntimeError: disk /data is full" in caplog.text
    assert "fake_desk.py" in caplog.text


def test_variables_that_nobody_reads_may_be_as_deep_as_they_like() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    result = execute(f"{{ {ASK} {{ rowCount }} }}", desk_of(failure=RuntimeError("x")), {"deep": deep})
    assert codes(result) == ["INTERNAL"]
    assert len(asyncio.run(followed(WATCH, desk_of(), {"deep": deep}))) == 1


@pytest.mark.parametrize("way", ["variable", "text"])
def test_the_log_never_quotes_the_caller(way: str, caplog: pytest.LogCaptureFixture) -> None:
    values = "$v" if way == "variable" else '["it\'s secret"]'
    query = f"{{metrics: [CLICKS], range: {{lastSeconds: 60}}, where: [{{dimension: AD, values: {values}}}]}}"
    document = f"{{ metrics(query: {query}) {{ rowCount }} }}"
    if way == "variable":
        document = f"query($v: [String!]!) {document}"
    cause = ValueError("syntax error near 'it\\'s secret'")
    failure = RuntimeError("the query failed")
    failure.__cause__ = cause
    variables = {"v": ["it's secret"]} if way == "variable" else None
    with caplog.at_level(logging.ERROR):
        result = execute(document, desk_of(failure=failure), variables)
    assert codes(result) == ["INTERNAL"]
    assert "RuntimeError: the query failed" in caplog.text
    assert "ValueError: (its message quotes what the caller wrote, and is not logged)" in caplog.text
    assert "secret" not in caplog.text
