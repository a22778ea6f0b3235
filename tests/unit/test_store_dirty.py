"""Which buckets are dirty, and what makes them clean."""

from datetime import UTC, datetime, timedelta

from tidemark.store.dirty import DAY, FINISHED, HOUR, DirtyBuckets, pack

MIDNIGHT = 1_795_478_400
LATER = MIDNIGHT + 3 * DAY


def block(number: int) -> datetime:
    return datetime(2026, 11, 24, tzinfo=UTC) + timedelta(seconds=number)


def told(dirty: DirtyBuckets) -> tuple[set[int], set[int]]:
    hours, days = dirty.told()
    return set(hours), set(days)


def test_a_touched_hour_makes_its_day_dirty() -> None:
    dirty = DirtyBuckets()
    dirty.touch(MIDNIGHT + 5 * HOUR, block(1))
    assert told(dirty) == ({MIDNIGHT + 5 * HOUR}, {MIDNIGHT})


def test_an_hour_is_ready_when_its_newest_block_is_finished_and_it_has_ended() -> None:
    dirty = DirtyBuckets()
    dirty.touch(MIDNIGHT, block(3))
    dirty.touch(MIDNIGHT, block(1))
    assert dirty.ready_hours(finished=block(3), until=LATER) == []
    assert dirty.ready_hours(finished=block(4), until=MIDNIGHT + HOUR - 1) == []
    assert dirty.ready_hours(finished=block(4), until=MIDNIGHT + HOUR) == [MIDNIGHT]


def test_a_roll_cleans_only_what_was_touched_in_finished_blocks() -> None:
    dirty = DirtyBuckets()
    dirty.touch(MIDNIGHT, block(1))
    dirty.touch(MIDNIGHT + HOUR, block(5))
    dirty.rolled_hours([MIDNIGHT, MIDNIGHT + HOUR], finished=block(5))
    assert told(dirty) == ({MIDNIGHT + HOUR}, {MIDNIGHT})


def test_a_touch_whose_rows_are_there_is_ready_even_before_any_block_was_seen() -> None:
    dirty = DirtyBuckets()
    dirty.touch(MIDNIGHT, FINISHED)
    assert dirty.ready_hours(finished=FINISHED, until=LATER) == [MIDNIGHT]
    dirty.rolled_hours([MIDNIGHT], finished=FINISHED)
    assert told(dirty) == (set(), {MIDNIGHT})


def test_a_day_waits_for_its_hours_and_for_its_own_roll() -> None:
    dirty = DirtyBuckets()
    dirty.touch(MIDNIGHT, block(1))
    assert dirty.ready_days(until=LATER) == []
    dirty.rolled_hours([MIDNIGHT], finished=block(2))
    assert dirty.ready_days(until=MIDNIGHT + DAY - 1) == []
    assert dirty.ready_days(until=LATER) == [MIDNIGHT]
    dirty.rolled_days([MIDNIGHT])
    assert told(dirty) == (set(), set())


def test_what_is_told_is_the_same_object_until_it_changes() -> None:
    dirty = DirtyBuckets([MIDNIGHT])
    first = dirty.told()
    dirty.touch(MIDNIGHT, block(1))
    assert dirty.told() is first
    dirty.touch(MIDNIGHT + HOUR, block(1))
    assert dirty.told() is not first


def test_what_lies_before_a_floor_is_left_and_counted() -> None:
    dirty = DirtyBuckets([MIDNIGHT, MIDNIGHT + DAY + HOUR], [MIDNIGHT - DAY])
    assert dirty.leave_before(hour=MIDNIGHT + DAY, day=MIDNIGHT) == 2
    assert told(dirty) == ({MIDNIGHT + DAY + HOUR}, {MIDNIGHT, MIDNIGHT + DAY})


def test_buckets_are_packed_up_to_a_number_of_rows_and_a_greater_one_goes_alone() -> None:
    sizes = {1: 10, 2: 5, 3: 200, 4: 1}
    assert pack([1, 2, 3, 4], sizes, most=15) == [1, 2]
    assert pack([3, 4], sizes, most=15) == [3]
    assert pack([9, 8], sizes, most=0) == [9, 8]
    assert pack([], sizes, most=15) == []
