from datetime import UTC, datetime, timedelta

from tidemark.store.audit import Backlog, Touch
from tidemark.store.offsets import Gap, Read, gaps
from tidemark.store.script import statements
from tidemark.store.watermark import Path

START = datetime(2026, 1, 1, tzinfo=UTC)


def minute(index: int) -> datetime:
    return START + timedelta(minutes=index)


def touch(index: int, block: int, first: int, path: Path = Path.RAW) -> Touch:
    return Touch(path, minute(index), START + timedelta(seconds=block), START + timedelta(seconds=first))


def test_the_oldest_touch_of_a_minute_counts() -> None:
    backlog = Backlog()
    backlog.add(touch(3, block=20, first=19))
    backlog.add(touch(3, block=10, first=9))
    backlog.add(touch(3, block=30, first=8))
    assert len(backlog) == 1
    assert backlog.oldest_block(Path.RAW) == START + timedelta(seconds=10)
    assert backlog.first_at() == START + timedelta(seconds=8)


def test_a_minute_that_was_looked_at_waits_no_longer() -> None:
    backlog = Backlog()
    backlog.add(touch(3, block=10, first=9))
    backlog.add(touch(3, block=11, first=11, path=Path.FOLDED))
    backlog.done(minute(3))
    assert len(backlog) == 0
    assert backlog.first_at() is None
    assert backlog.oldest_block(Path.FOLDED) is None


def test_batches_are_in_the_order_of_time_and_bounded() -> None:
    backlog = Backlog()
    for index in reversed(range(1201)):
        backlog.add(touch(index, block=1, first=1))
    batches = list(backlog.batches())
    assert [len(batch) for batch in batches] == [500, 500, 201]
    assert [at for batch in batches for at in batch] == [minute(index) for index in range(1201)]


def test_only_the_named_minutes_hold_a_claim_back() -> None:
    backlog = Backlog()
    backlog.add(touch(1, block=10, first=9))
    backlog.add(touch(2, block=20, first=19))
    assert backlog.first_at(among={minute(2)}) == START + timedelta(seconds=19)
    assert backlog.first_at(among={minute(7)}) is None


def test_an_offset_inside_a_block_that_made_no_row_is_a_gap() -> None:
    found = list(gaps([Read(START, 0, 0, 4, [2])], {}))
    assert [(gap.partition, gap.offset) for gap in found] == [(0, 2)]


def test_an_offset_between_two_blocks_is_a_gap_of_its_own_partition() -> None:
    last = {0: 4, 1: 10}
    reads = [Read(START, 0, 6, 9, []), Read(START, 1, 11, 12, [])]
    assert [(gap.partition, gap.offset) for gap in gaps(reads, last)] == [(0, 5)]
    assert last == {0: 9, 1: 12}


def test_a_block_that_kafka_delivered_again_makes_no_gap() -> None:
    last = {0: 9}
    assert list(gaps([Read(START, 0, 3, 9, [4]), Read(START, 0, 10, 11, [])], last)) == []


def test_a_long_gap_is_one_dead_letter_that_says_how_long() -> None:
    found = list(gaps([Read(START, 0, 50_000, 50_000, [])], {0: 9}))
    assert found == [Gap(0, 10, "49,990 messages from here on were never read: Kafka no longer had them")]


def test_statements_are_split_at_semicolons_that_end_a_line() -> None:
    text = "-- a comment; with a semicolon;\nSELECT 'a;b';\n\nSELECT 2 -- kept\n;\n"
    assert list(statements(text)) == ["SELECT 'a;b'", "SELECT 2 -- kept"]
