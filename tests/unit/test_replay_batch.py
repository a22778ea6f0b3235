import asyncio

from tidemark.ingest.replay.batch import MOST_BYTES, MOST_EVENTS, Batch, Pace, batches
from tidemark.ingest.replay.event import Event


class FakeTime:
    """A clock that only its own sleep moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


def event(number: int, *, time: int = 0, filler: str = "") -> Event:
    return Event(
        event_id=str(number), event="click", event_time=time, original_time=time, properties={"x": filler}
    )


def collected(events: list[Event], pace: Pace | None = None, time: FakeTime | None = None) -> list[Batch]:
    async def collect() -> list[Batch]:
        numbered = enumerate(events, 1)
        return [batch async for batch in batches(numbered, pace=pace, sleep=(time or FakeTime()).sleep)]

    return asyncio.run(collect())


def test_batches_hold_all_events_in_order_and_none_too_many() -> None:
    made = collected([event(n) for n in range(1, 1001)])
    assert [len(batch.events) for batch in made] == [MOST_EVENTS, MOST_EVENTS, 200]
    assert [number for batch in made for number in batch.numbers] == list(range(1, 1001))


def test_batches_of_large_events_stay_below_the_bytes_a_collector_takes() -> None:
    made = collected([event(n, filler="ü" * 15_000) for n in range(40)])
    assert all(len(batch.body()) <= MOST_BYTES for batch in made)
    assert sum(len(batch.events) for batch in made) == 40
    assert max(len(batch.events) for batch in made) > 1


def test_a_file_without_events_is_no_batch() -> None:
    assert collected([]) == []


def test_the_body_is_one_json_object_a_line_without_what_is_default() -> None:
    (batch,) = collected([event(1, filler="é"), event(2)])
    assert batch.body().decode().splitlines()[0] == (
        '{"event_id":"1","event":"click","event_time":0,"original_time":0,"properties":{"x":"é"}}'
    )
    assert batch.body().count(b"\n") == 1


def test_halves_are_the_batch() -> None:
    (batch,) = collected([event(n) for n in range(5)])
    first, second = batch.halves()
    assert first.events + second.events == batch.events
    assert first.numbers + second.numbers == batch.numbers
    assert first.lines + second.lines == batch.lines


def test_a_pace_waits_by_event_time_and_sends_what_is_due_before_it_waits() -> None:
    time = FakeTime()
    events = [event(n, time=at) for n, at in enumerate([0, 0, 60_000, 120_000])]
    made = collected(events, Pace(60, clock=time.clock), time)
    assert [len(batch.events) for batch in made] == [2, 1, 1]
    assert time.slept == [1.0, 1.0]


def test_a_pace_follows_the_files_order_with_the_newest_time_so_far() -> None:
    time = FakeTime()
    events = [event(n, time=at) for n, at in enumerate([0, 10_000, 3_000, 9_000, 11_000])]
    made = collected(events, Pace(1, clock=time.clock), time)
    assert [len(batch.events) for batch in made] == [1, 3, 1]
    assert time.slept == [10.0, 1.0]


def test_events_that_lie_closer_than_a_request_takes_go_together() -> None:
    time = FakeTime()
    made = collected([event(n, time=n) for n in range(100)], Pace(1, clock=time.clock), time)
    assert len(made) == 2
    assert sum(time.slept) < 0.1
