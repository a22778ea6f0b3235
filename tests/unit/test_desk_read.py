"""Reading of experiments at the desk: in turn, charged by what was read, ended with whoever asked."""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from desks import ANNA, BEN, Stage, in_loop, question, stage
from fake_experiments import FakeDatabase, Result, experiments
from tidemark.desk.budget import FEE
from tidemark.query.database import Database


@dataclass
class HeldDatabase(FakeDatabase):
    """While it `holds`, its queries wait until they are released or cancelled on the stage."""

    holds: bool = True
    on: Stage | None = None
    ids: list[str] = field(default_factory=list)

    def query(
        self, sql: str, parameters: Mapping[str, object] | None = None, *, query_id: str | None = None
    ) -> Result:
        assert query_id, "a query without an id cannot be ended"
        assert self.on
        self.ids.append(query_id)
        answerer = self.on.answerer
        if self.holds:
            gate = answerer.held[query_id] = threading.Event()
            assert gate.wait(30), "nobody released it"
        if query_id in answerer.cancelled:
            raise RuntimeError("Code: 394. QUERY_WAS_CANCELLED")
        return super().query(sql, parameters, query_id=query_id)


@asynccontextmanager
async def held() -> AsyncIterator[tuple[Stage, HeldDatabase]]:
    database = HeldDatabase()
    async with stage(experiments=experiments(database)) as on:
        database.on = on
        yield on, database


def users(database: Database) -> float:
    """Several queries, one after the other."""
    found = experiments(FakeDatabase()).find("button")
    assert found
    return found.users(database).by_variant["control"]


@in_loop
async def test_who_goes_away_while_a_query_runs_ends_it_and_those_that_would_follow() -> None:
    async with held() as (on, database):
        asked = asyncio.ensure_future(on.desk.read(users, ANNA))
        await on.settle()
        (id_,) = on.answerer.held
        asked.cancel()
        await on.settle()
        assert asked.cancelled()
        assert on.answerer.cancelled == [id_]
        assert database.ids == [id_], "what would have been read next is not"
        assert on.threads == 0
        assert on.metric("tidemark_queries_under_way") == 0


@in_loop
async def test_a_query_that_does_not_end_is_cancelled_again_and_keeps_its_turn() -> None:
    async with held() as (on, _):
        on.answerer.is_stubborn = True
        asked = asyncio.ensure_future(on.desk.read(users, ANNA))
        await on.settle()
        asked.cancel()
        await on.advance(1)
        assert not asked.done()
        assert len(on.answerer.cancelled) > 2
        assert on.metric("tidemark_queries_under_way") == 1
        on.answerer.is_stubborn = False
        await on.advance(1)
        assert asked.cancelled()
        assert on.metric("tidemark_queries_under_way") == 0


@in_loop
async def test_another_ones_reading_goes_on() -> None:
    async with held() as (on, database):
        gone = asyncio.ensure_future(on.desk.read(users, ANNA))
        stays = asyncio.ensure_future(on.desk.read(users, BEN))
        await on.settle()
        assert len(on.answerer.held) == 2
        gone.cancel()
        await on.settle()
        assert gone.cancelled()
        assert not stays.done()
        database.holds = False
        on.answerer.release()
        assert await stays == 100


@in_loop
async def test_it_is_charged_by_what_was_read_also_when_it_was_ended() -> None:
    async with held() as (on, database):
        database.holds = False
        await on.desk.read(users, ANNA)
        (first, second) = database.ids
        assert first == second, "all queries of one piece of work have one id"
        database.holds = True
        ended = asyncio.ensure_future(on.desk.read(users, BEN))
        await on.settle()
        ended.cancel()
        await on.settle()
        database.holds = False
        answers = [
            await on.desk.ask(question(number), caller) for number, caller in enumerate((ANNA, BEN), 1)
        ]
        paid = [3_000 - answer.cost.remaining for answer in answers]
        # two queries of a million rows, and one that ended before it told what it has read
        assert paid[0] == pytest.approx(2 + 2 * FEE, rel=0.1)
        assert paid[1] == pytest.approx(2 * FEE)
