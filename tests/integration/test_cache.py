"""One query for as long as the watermark stands still, and for all who ask at once; counted by the engine."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from whole import ASK, Whole, whole

CACHED, BARE = "cached", "bare"
TOGETHER = 200


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    settings: dict[str, dict[str, Any]] = {CACHED: {"limits": {}}, BARE: {"limits": {}, "cache_bytes": 0}}
    with whole(tmp_path_factory.mktemp("cache"), settings) as running:
        yield running


def question(services: Whole, **more: Any) -> dict[str, Any]:
    return {"metrics": ["REACH", "EVENTS"], "range": services.range, **more}


def asked(services: Whole, service: str, **more: Any) -> tuple[int, bool, int]:
    """How many events there are, whether that was known, and how many queries ran for it."""
    before = services.selects()
    frame = services.ask(service, question(services, **more))
    return frame["columns"][1]["values"][0], frame["cost"]["cacheHit"], services.selects() - before - 1


def test_a_question_is_a_hit_until_the_watermark_moves_and_then_sees_the_new_event(services: Whole) -> None:
    first, hit, queries = asked(services, CACHED)
    assert (first, hit, queries) == (600_000, False, 1)
    assert asked(services, CACHED) == (first, True, 0)
    services.sql(
        "INSERT INTO tidemark.events (event_id, event, event_time, original_time, received_at, quantity,"
        " campaign_id, user_id, appended_at, rank) SELECT 'new', 'click', at, at, at, 1, 'campaign-0', 'new',"
        " at, 1 FROM (SELECT toDateTime64({noon:String}, 3, 'UTC') AS at)",
        noon=f"{services.day:%Y-%m-%d} 12:00:00",
    )
    services.move_tide()
    assert asked(services, CACHED) == (first + 1, False, 1)
    assert asked(services, CACHED) == (first + 1, True, 0)


def test_another_question_is_no_hit(services: Whole) -> None:
    asked(services, CACHED)
    assert asked(services, CACHED, timezone="Europe/Berlin", limit=999)[1:] == (False, 1)


def test_with_the_cache_off_each_question_is_a_query(services: Whole) -> None:
    for _ in range(2):
        assert asked(services, BARE)[1:] == (False, 1)


def test_two_hundred_who_ask_the_same_at_once_get_the_answer_of_one_query(services: Whole) -> None:
    values = [f"nobody{number}" for number in range(100)]
    slow = question(services, where=[{"dimension": "CAMPAIGN", "op": "CONTAINS", "values": values}])
    body = {"query": ASK, "variables": {"query": slow}}

    async def together() -> list[dict[str, Any]]:
        limits = httpx.Limits(max_connections=TOGETHER)
        async with httpx.AsyncClient(timeout=60, limits=limits) as http:
            url = services.url(CACHED)
            replies = await asyncio.gather(*(http.post(url, json=body) for _ in range(TOGETHER)))
        return [reply.json()["data"]["metrics"] for reply in replies]

    joined = 'tidemark_query_reuses_total{how="joined"}'
    before, already = services.selects(), services.counter(CACHED, joined)
    frames = asyncio.run(together())
    assert services.selects() - before - 1 == 1
    assert sum(not frame["cost"]["cacheHit"] for frame in frames) == 1
    assert len({str(frame["columns"]) for frame in frames}) == 1
    assert sum(frame["cost"]["charged"] > 0.5 for frame in frames) == 1
    print(f"{services.counter(CACHED, joined) - already:.0f} of {TOGETHER} waited for the one query")
