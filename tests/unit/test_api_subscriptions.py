"""Subscriptions: a result for each answer, what many subscribers share, and how they end."""

import asyncio
import gc
from collections.abc import Mapping
from typing import Any, cast

import pytest
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from alert_story import alert
from fake_desk import CATALOGUE, context_of
from operations import ASK, SCHEMA, WATCH, clicks, codes, desk_of, followed
from tidemark.alerts.shown import of_alert
from tidemark.api.encode import Once, encode
from tidemark.api.schema import build_schema
from tidemark.query.errors import Code, QueryError


def test_a_subscription_yields_a_result_for_each_answer_and_ends_its_watch() -> None:
    desk = desk_of(clicks(1), clicks(1, 2))
    results = asyncio.run(followed(WATCH, desk))
    assert [result.data for result in results] == [
        {"metrics": {"rowCount": 1, "columns": [{"values": [1]}]}},
        {"metrics": {"rowCount": 2, "columns": [{"values": [1, 2]}]}},
    ]
    assert (desk.intervals, desk.watching) == ([1000], 0)


@pytest.mark.parametrize(
    ("given", "expected"), [(", minIntervalMs: 250", 250), (", minIntervalMs: null", 1000)]
)
def test_a_subscriber_says_how_often(given: str, expected: int) -> None:
    desk = desk_of()
    asyncio.run(followed(WATCH.replace("})", "}" + given + ")", 1), desk))
    assert desk.intervals == [expected]


def test_who_stops_listening_ends_the_watch() -> None:
    desk = desk_of(clicks(1), clicks(2))

    async def one() -> None:
        results = cast("Any", await SCHEMA.stream(WATCH, None, context_of(desk)))
        await anext(results)
        assert desk.watching == 1
        await results.aclose()

    asyncio.run(one())
    assert desk.watching == 0


def test_a_subscription_that_fails_says_so_and_ends() -> None:
    refusal = QueryError(Code.QUERY_TIMEOUT, "Too slow.")
    first, last = asyncio.run(followed(WATCH, desk_of(clicks(3), refusal)))
    assert first.errors is None
    assert codes(last) == ["QUERY_TIMEOUT"]
    assert last.data is None


def test_an_error_that_passes_is_that_of_one_response_and_the_stream_goes_on() -> None:
    desk = desk_of()
    one = of_alert(alert(), is_stale=False)
    desk.tidings = [QueryError(Code.QUERY_TIMEOUT, "Too slow."), one, one]
    first, second, third = asyncio.run(followed("subscription { alerts { rule state } }", desk))
    assert (codes(first), first.data) == (["QUERY_TIMEOUT"], None)
    assert second.data == {"alerts": {"rule": "Spend", "state": "FIRING"}}
    assert third is second, "the same alert is encoded once"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (WATCH.replace("lastSeconds: 60", "lastSeconds: 0"), "BAD_RANGE"),
        (WATCH.replace("})", "}, minIntervalMs: -1)", 1), "BAD_LIMIT"),
        ("subscription { nothing }", "GRAPHQL_INVALID"),
        ("", "GRAPHQL_INVALID"),
    ],
)
def test_a_subscription_that_cannot_begin_is_refused_at_once(document: str, code: str) -> None:
    (result,) = asyncio.run(followed(document, desk_of()))
    assert isinstance(result, PreExecutionError)
    assert codes(result) == [code]


def test_a_stream_runs_queries_too_and_only_what_its_transport_allows() -> None:
    (result,) = asyncio.run(followed(f"{{ {ASK} {{ rowCount }} }}", desk_of()))
    assert result.data == {"metrics": {"rowCount": 1}}
    for document, more in (
        (WATCH, {"allowed_operation_types": [OperationType.QUERY]}),
        (WATCH, {"operation_name": "other"}),
    ):
        (result,) = asyncio.run(followed(document, desk_of(), None, **more))
        assert isinstance(result, PreExecutionError)


def test_subscribers_of_one_frame_share_its_result_and_its_bytes() -> None:
    frame = clicks(5)

    async def both(document: str, *variables: Mapping[str, Any]) -> list[ExecutionResult]:
        streams = [
            cast("Any", await SCHEMA.stream(document, one, context_of(desk_of(frame, clicks(6)))))
            for one in variables
        ]
        results = [await anext(stream) for stream in streams]
        for stream in streams:
            await stream.aclose()
        return results

    first, second = asyncio.run(both(WATCH, {}, {}))
    assert first is second
    assert isinstance(first.data, Once)
    assert encode({"data": first.data}) == b'{"data":{"metrics":{"rowCount":1,"columns":[{"values":[5]}]}}}'
    assert encode(first.data) == first.data.json

    costly = WATCH.replace("rowCount", "cost { remaining }")
    first, second = asyncio.run(both(costly, {}, {}))
    assert first is not second
    chosen = WATCH.replace("subscription", "subscription($all: Boolean!)").replace(
        "rowCount", "rowCount @include(if: $all)"
    )
    first, second = asyncio.run(both(chosen, {"all": True}, {"all": False}))
    assert first.data != second.data


def test_nothing_is_kept_of_subscriptions_that_ended() -> None:
    schema = build_schema(CATALOGUE)

    async def follow() -> None:
        async for _ in await schema.stream(WATCH, None, context_of(desk_of())):
            assert len(schema._shared) == 1  # noqa: SLF001 - that nothing leaks shows nowhere else

    asyncio.run(follow())
    gc.collect()
    assert not schema._shared  # noqa: SLF001
