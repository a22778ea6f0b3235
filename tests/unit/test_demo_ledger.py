from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.ingest.demo.ledger import (
    MINUTE_MS,
    Ledger,
    LedgerError,
    Run,
    Totals,
    alone,
    load,
    run_path,
    save,
)
from tidemark.ingest.demo.run import seconds_to_wait
from tidemark.ingest.demo.scenario import Scenario
from tidemark.ingest.replay.batch import batch_of
from tidemark.ingest.replay.sender import Answer, Refusal

NOON = 1_795_435_200_000
SCENARIO = Scenario(seed=1, start_ms=NOON, rate=100, campaigns=3)


def filled(ledger: Ledger, first: int, until: int, scenario: Scenario = SCENARIO) -> Ledger:
    batch = batch_of((number, scenario.event(number)) for number in range(first, until))
    ledger.note_answer(batch, Answer(until - first), now_ms=scenario.time(until))
    return ledger


def a_ledger(start_ms: int = NOON, earlier: Run | None = None) -> Ledger:
    return Ledger(seed=1, start_ms=start_ms, rate=100, earlier=earlier)


def recomputed(first: int, until: int, scenario: Scenario = SCENARIO) -> dict[str, Totals]:
    events = [scenario.event(number) for number in range(first, until)]
    return {
        campaign: Totals(
            impressions=sum(
                e.quantity for e in events if (e.campaign_id, e.event) == (campaign, "impression")
            ),
            clicks=sum(e.quantity for e in events if (e.campaign_id, e.event) == (campaign, "click")),
            conversions=sum(
                e.quantity for e in events if (e.campaign_id, e.event) == (campaign, "conversion")
            ),
            spend_micros=sum(e.cost_micros for e in events if e.campaign_id == campaign),
            revenue_micros=sum(e.value_micros for e in events if e.campaign_id == campaign),
            events=sum(e.campaign_id == campaign for e in events),
        )
        for campaign in {e.campaign_id for e in events}
    }


@given(st.lists(st.integers(1, 60), max_size=8))
def test_totals_are_those_of_a_plain_recomputation_however_batches_are_cut(cuts: list[int]) -> None:
    ledger, until = a_ledger(), 0
    for cut in cuts:
        filled(ledger, until, until + cut)
        until += cut
    run = ledger.run(ended=True, now_ms=NOON)
    assert run.totals == recomputed(0, until)
    assert run.events == until


def test_the_range_begins_and_ends_with_a_minute() -> None:
    play = Scenario(seed=1, start_ms=NOON + 59_000, rate=100, campaigns=3)
    run = filled(a_ledger(play.start_ms), 0, 300, play).run(ended=True, now_ms=NOON)
    assert (run.from_ms, run.to_ms) == (NOON, NOON + 2 * MINUTE_MS)
    assert run.last_minute == recomputed(100, 300, play)


def test_the_last_minute_is_kept_over_any_length_and_order() -> None:
    ledger = a_ledger()
    for first in (60_000, 66_000, 0, 72_000, 6_000, 71_900):
        filled(ledger, first, first + 100)
    for first in range(78_000, 200_000, 6_000):
        filled(ledger, first, first + 10)
    run = ledger.run(ended=True, now_ms=NOON)
    assert run.last_minute == recomputed(198_000, 198_010)
    assert run.events == 600 + 21 * 10


def test_a_refused_event_is_not_counted_and_its_reason_is_kept() -> None:
    ledger = a_ledger()
    batch = batch_of((number, SCENARIO.event(number)) for number in range(10))
    refused = tuple(Refusal(index, "country", "is unknown") for index in range(5, 10))
    ledger.note_answer(batch, Answer(5, refused), now_ms=NOON)
    assert ledger.run(ended=True, now_ms=NOON).totals == recomputed(0, 5)
    assert ledger.refused == ["country: is unknown"] * 5


def test_what_an_earlier_run_left_in_the_first_minute_belongs_to_the_totals() -> None:
    first = filled(a_ledger(), 0, 1000).run(ended=True, now_ms=NOON + 10_000)
    later = Scenario(seed=1, start_ms=NOON + 20_000, rate=100, campaigns=3)
    ledger = filled(a_ledger(later.start_ms, first), 0, 1000, later)
    second = ledger.run(ended=True, now_ms=NOON + 30_000)
    assert second.totals["spring-sale-1"].events == (
        recomputed(0, 1000)["spring-sale-1"].events + recomputed(0, 1000, later)["spring-sale-1"].events
    )
    assert second.last_minute == second.totals
    assert ledger.totals == recomputed(0, 1000, later)


def test_a_run_of_another_minute_leaves_nothing() -> None:
    first = filled(a_ledger(), 0, 1000).run(ended=True, now_ms=NOON)
    later = a_ledger(NOON + MINUTE_MS, first).run(ended=True, now_ms=NOON)
    assert later.totals == {}


def test_a_run_is_kept_on_disk_and_read_back(tmp_path: Path) -> None:
    path = run_path(tmp_path / "new", 1)
    assert load(path) is None
    run = filled(a_ledger(), 0, 100).run(ended=True, now_ms=NOON)
    save(path, run)
    assert load(path) == run
    assert [file.name for file in path.parent.iterdir()] == ["demo-1.json"]


def test_a_file_that_is_no_run_is_refused(tmp_path: Path) -> None:
    path = run_path(tmp_path, 1)
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(LedgerError, match="does not hold a run of the demo"):
        load(path)


def test_two_runs_of_one_seed_at_once_are_refused_and_of_two_seeds_are_not(tmp_path: Path) -> None:
    busy = pytest.raises(LedgerError, match="A demo with seed 1 is running")
    with alone(tmp_path, 1), alone(tmp_path, 2), busy, alone(tmp_path, 1):
        pass
    with alone(tmp_path, 1):
        pass


@pytest.mark.parametrize(
    ("ended", "saved_ms", "seconds"),
    [
        (True, NOON, 0.0),
        (False, NOON, 45.0),
        (False, NOON - 5 * MINUTE_MS, 45.0),
        (False, NOON - 60 * MINUTE_MS, 0.0),
    ],
)
def test_after_a_killed_run_the_next_begins_with_a_minute_that_is_nobodys(
    *, ended: bool, saved_ms: int, seconds: float
) -> None:
    earlier = a_ledger().run(ended=ended, now_ms=saved_ms)
    assert seconds_to_wait(earlier, NOON + 15_000) == seconds
    assert seconds_to_wait(None, NOON) == 0.0
