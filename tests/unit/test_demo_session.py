import asyncio
import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import pytest

from tidemark.ingest.demo.ledger import Ledger, load, run_path, save
from tidemark.ingest.demo.run import Stage, perform
from tidemark.ingest.demo.scenario import Scenario
from tidemark.ingest.demo.session import FAILED, GOOD, Edges, Options, run_session
from tidemark.ingest.replay.event import Event
from tidemark.ingest.replay.sender import Sender

NOON = 1_795_435_200_000


class World:
    """A collector, a service and a clock that only waiting moves; the service counts on its own."""

    def __init__(self, *, lost: int = -1, outages: int = 0) -> None:
        self.now_ms = NOON + 7_123
        self.lost = lost
        self.outages = outages
        self.events: dict[str, Event] = {}
        self.batches: list[int] = []

    def edges(self) -> Edges:
        return Edges(
            collector=httpx.MockTransport(self.collect),
            service=httpx.MockTransport(self.answer),
            now=lambda: self.now_ms,
            sleep=self.sleep,
            pause=self.pause,
        )

    def pause(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)

    async def sleep(self, seconds: float) -> None:
        self.pause(seconds)
        await asyncio.sleep(0)

    def collect(self, request: httpx.Request) -> httpx.Response:
        events = [msgspec.json.decode(line, type=Event) for line in request.content.split(b"\n")]
        self.batches.append(len(events))
        # What is answered with 503 may have been stored all the same.
        self.events |= {event.event_id: event for event in events}
        if self.outages and len(self.batches) % 3 == 0:
            self.outages -= 1
            return httpx.Response(503)
        self.events.pop(next(iter(self.events)) if len(self.events) == self.lost else "", None)
        return httpx.Response(200, json={"accepted": len(events), "rejected": []})

    def answer(self, request: httpx.Request) -> httpx.Response:
        query = json.loads(request.content)["variables"]["query"]
        begin, end = (
            dt.datetime.fromisoformat(query["range"][side]).timestamp() * 1000 for side in ("from", "to")
        )
        chosen = [event for event in self.events.values() if begin <= event.event_time < end]
        rows = [
            {"campaign": campaign, "values": self.values([e for e in chosen if e.campaign_id == campaign])}
            for campaign in query["where"][0]["values"]
        ]
        through = dt.datetime.fromtimestamp(self.now_ms / 1000 - 1.5, dt.UTC).isoformat()
        return httpx.Response(
            200, json={"data": {"metrics": {"rows": rows, "freshness": {"completeThrough": through}}}}
        )

    @staticmethod
    def values(events: list[Event]) -> Mapping[str, float]:
        names = {"impression": "impressions", "click": "clicks", "conversion": "conversions"}
        counted = {
            metric: float(sum(event.quantity for event in events if event.event == name))
            for name, metric in names.items()
        }
        return {
            **counted,
            "spend": sum(event.cost_micros for event in events) / 1_000_000,
            "revenue": sum(event.value_micros for event in events) / 1_000_000,
            "events": float(len(events)),
        }


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(
        seed=1,
        rate=100.0,
        duration=5.0,
        campaigns=6,
        collector="http://127.0.0.1:8601",
        service="http://127.0.0.1:8600",
        home=tmp_path,
        check=True,
        as_json=True,
    )


def test_a_run_and_its_check_agree(options: Options, capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    assert run_session(options, world.edges()) == GOOD
    said = json.loads(capsys.readouterr().out)
    assert said["run"]["events"] == len(world.events) == 500
    assert said["check"]["equal"] is True
    assert said["check"]["waited_seconds"] >= 0
    assert len(said["check"]["numbers"]) == 36


def test_an_event_that_is_lost_on_the_way_is_found(
    options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_session(replace(options, as_json=False), World(lost=500).edges()) == FAILED
    assert "numbers differ" in capsys.readouterr().out


def test_the_last_run_can_be_checked_later(options: Options, capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    assert run_session(replace(options, check=False), world.edges()) == GOOD
    world.now_ms += 3_600_000
    assert run_session(replace(options, duration=None), world.edges()) == GOOD
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["check"]["equal"] is True


def test_runs_that_share_a_minute_and_a_seed_are_checked_together(
    options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    for _ in range(3):
        assert run_session(options, world.edges()) == GOOD
    assert len(world.events) == 1500
    capsys.readouterr()


def test_a_collector_that_fails_now_and_then_changes_no_total(
    options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(outages=5)
    assert run_session(options, world.edges()) == GOOD
    assert sum(world.batches) > len(world.events) == 500
    capsys.readouterr()


def test_a_collector_that_stays_away_leaves_a_run_that_has_not_ended(
    options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    nobody = httpx.MockTransport(lambda _: httpx.Response(503))
    assert run_session(options, replace(world.edges(), collector=nobody, patience=0.0)) == FAILED
    kept = load(run_path(options.home, options.seed))
    assert kept
    assert not kept.ended
    assert run_session(replace(options, duration=None), world.edges()) == FAILED
    assert "has not ended, or was killed" in capsys.readouterr().err


def test_after_a_killed_run_the_next_waits_for_a_minute_of_its_own(
    options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    killed = Ledger(seed=1, start_ms=world.now_ms, rate=100).run(ended=False, now_ms=world.now_ms)
    save(run_path(options.home, 1), killed)
    assert run_session(options, world.edges()) == GOOD
    assert min(event.event_time for event in world.events.values()) == NOON + 60_000
    assert "The last run was killed" in capsys.readouterr().err


def test_without_a_run_there_is_nothing_to_check(
    options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_session(replace(options, duration=None), World().edges()) == FAILED
    assert "There is no run with seed 1 to compare" in " ".join(capsys.readouterr().err.split())


def test_a_run_that_is_told_to_stop_counts_all_that_it_sent() -> None:
    world = World()
    scenario = Scenario(seed=1, start_ms=world.now_ms, rate=5000, campaigns=6)
    ledger = Ledger(seed=1, start_ms=world.now_ms, rate=5000)
    stage = Stage(
        now=lambda: world.now_ms,
        stopping=lambda: ledger.events >= 2000,
        answered=lambda _batch, _answer: None,
        sleep=world.sleep,
    )

    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(world.collect)) as client:
            sender = Sender(client, "http://127.0.0.1:8601", notify=lambda _: None)
            await perform(scenario, sender, ledger, stage, duration=None)

    asyncio.run(run())
    assert ledger.events == len(world.events) >= 2000
    assert max(world.batches) <= 400
    numbers = sorted(int(event_id.rpartition("-")[2]) for event_id in world.events)
    assert numbers == list(range(len(numbers)))
