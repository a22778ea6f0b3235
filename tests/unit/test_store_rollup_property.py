"""Whatever happens in whatever order, a clean bucket's rollup holds what may be claimed of its minutes.

The model: a block makes touches, rows and a heartbeat visible, each at its own time; the next block begins
when all of it is visible, or it is read again under a new name. A row's value is a number that only grows, so
"at least as new as" can be compared.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tidemark.store.database import Table
from tidemark.store.dirty import day_of
from tidemark.store.rollup import Rollups
from tidemark.store.watermark import Heartbeat, Path, Tide

START = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
OLD = int((START - timedelta(days=40)).replace(minute=0).timestamp())
HOURS = [OLD, *(int(START.replace(minute=0).timestamp()) + offset * 3600 for offset in (-23, -1, 0, 1, 2))]
CELLS = ("a", "b")
PARTS = ("touches", "rows", "beat")

Cells = dict[str, int]
Rows = list[tuple[int, str]]


class Crash(Exception):  # noqa: N818 - an end, not an error
    """The process ended within a statement."""


class World:
    """The tables. ``cells_until_crash``: how many cells the next roll writes before the process ends."""

    def __init__(self) -> None:
        self.now = START
        self.touches: list[tuple[datetime, int]] = []
        self.repairs: list[tuple[datetime, int]] = []
        self.minutes: dict[int, Cells] = {}
        self.hours: dict[tuple[int, str], tuple[int, int]] = {}
        self.days: dict[tuple[int, str], tuple[int, dict[int, int]]] = {}
        self.progress: tuple[object, ...] | None = None
        self.cells_until_crash: int | None = None

    def tick(self) -> datetime:
        self.now += timedelta(milliseconds=200)
        return self.now

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> Table:
        rows = self._rows(sql, parameters or {})
        return Table((), [list(column) for column in zip(*rows, strict=True)], len(rows))

    def _rows(self, sql: str, parameters: Mapping[str, object]) -> list[tuple[object, ...]]:
        if "rollup_progress" in sql:
            return [self.progress] if self.progress else []
        if "max(version)" in sql:
            versions = [0, *(version for version, _ in self.hours.values())]
            return [(max([*versions, *(version for version, _ in self.days.values())]),)]
        if "DISTINCT" in sql:
            return [(instant(hour),) for hour in self.minutes]
        if "row_count" in sql:
            buckets = parameters["buckets"]
            assert isinstance(buckets, list)
            return [(bucket, 300_000) for bucket in buckets]
        assert "tidemark.touched" in sql
        block, repaired_at = parameters["block"], parameters["repaired_at"]
        touched = [("block", instant(hour), at) for at, hour in self.touches if at >= block]  # type: ignore[operator]
        return [
            *touched,
            *(("repair", instant(hour), at) for at, hour in self.repairs if at > repaired_at),  # type: ignore[operator]
        ]

    def execute(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        assert parameters
        buckets, version = parameters["buckets"], parameters["version"]
        assert isinstance(buckets, list)
        assert isinstance(version, int)
        self.tick()
        for bucket in map(seconds, buckets):
            for cell in CELLS:
                if self.cells_until_crash is not None:
                    self.cells_until_crash -= 1
                    if self.cells_until_crash < 0:
                        raise Crash
                if "campaign_hour\n" in sql:
                    self._write_hour(bucket, cell, version)
                else:
                    self._write_day(bucket, cell, version)

    def _write_hour(self, hour: int, cell: str, version: int) -> None:
        value = self.minutes.get(hour, {}).get(cell)
        if value is not None and version > self.hours.get((hour, cell), (0, 0))[0]:
            self.hours[hour, cell] = version, value

    def _write_day(self, day: int, cell: str, version: int) -> None:
        values = {
            hour: value for (hour, of), (_, value) in self.hours.items() if of == cell and day_of(hour) == day
        }
        if values and version > self.days.get((day, cell), (0, {}))[0]:
            self.days[day, cell] = version, values

    def insert(self, table: str, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        assert table == "tidemark.rollup_progress"
        assert names[-1] == "written_at"
        self.progress = tuple(rows[0])


class KeepsAll:
    def floor(self, *tables: str, now: datetime) -> datetime:  # noqa: ARG002
        return datetime(1970, 1, 1, tzinfo=UTC)


class Interleavings(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.sequence = 0
        self.before_block: dict[int, Cells] = {}  # the minutes when the newest block was first read
        self.finished: dict[int, Cells] = {}  # what finished blocks and repairs made
        self.needed: dict[int, Cells] = {}  # the same, when the claim was made
        self.beats: list[datetime] = []
        self.block: datetime | None = None
        self.block_rows: Rows = []
        self.hidden: set[str] = set()

    @initialize(held=st.lists(st.sampled_from(HOURS[:3]), unique=True))
    def begin(self, held: list[int]) -> None:
        """An older release's minutes, without a rollup."""
        for hour in held:
            self._write([(hour, cell) for cell in CELLS])
        self.finished = copy(self.world.minutes)
        self.start()

    def start(self) -> None:
        """What a crash leaves is in the tables."""
        self.tide = Tide()
        for beat in self.beats:
            self._tell_tide(beat)
        self.needed = {}
        self.rollups = Rollups(self.world, self.tide, self._claim, KeepsAll(), now=self.world.now)

    @precondition(lambda self: self.block is None)
    @rule(rows=st.lists(st.tuples(st.sampled_from(HOURS), st.sampled_from(CELLS)), max_size=4))
    def read_a_block(self, rows: Rows) -> None:
        self.before_block = copy(self.world.minutes)
        self.block, self.block_rows, self.hidden = self.world.tick(), rows, set(PARTS)

    @precondition(lambda self: self.hidden)
    @rule(data=st.data())
    def a_part_becomes_visible(self, data: st.DataObject) -> None:
        self._reveal(data.draw(st.sampled_from(sorted(self.hidden))))

    @precondition(lambda self: self.block is None)
    @rule(rows=st.lists(st.tuples(st.sampled_from(HOURS), st.sampled_from(CELLS)), min_size=1, max_size=4))
    def a_block_comes_whole(self, rows: Rows) -> None:
        self.read_a_block(rows)
        for part in PARTS:
            self._reveal(part)

    def _reveal(self, part: str) -> None:
        assert self.block
        if part == "touches":
            self.world.touches += [(self.block, hour) for hour in {hour for hour, _ in self.block_rows}]
        elif part == "rows":
            self._write(self.block_rows)
        else:
            self.beats.append(self.block)
            self._tell_tide(self.block)
            for hour, cells in self.before_block.items():
                for cell, value in cells.items():
                    self._finish(hour, cell, value)
        self.hidden.remove(part)
        if not self.hidden:
            self.block = None

    @precondition(lambda self: self.block)
    @rule()
    def a_block_is_read_again_under_a_new_name(self) -> None:
        self.block, self.hidden = self.world.tick(), set(PARTS)

    @rule(hour=st.sampled_from(HOURS), cell=st.sampled_from(CELLS), crashes=st.booleans())
    def the_audit_repairs(self, hour: int, cell: str, crashes: bool) -> None:
        self.world.repairs.append((self.world.tick(), hour))
        if crashes:
            self.start()
        else:
            self._write([(hour, cell)])
            self._finish(hour, cell, self.sequence)

    @rule()
    def observe(self) -> None:
        self.rollups.observe(self.world.now)

    @rule(crash_after=st.none() | st.none() | st.integers(0, 4))
    def roll(self, crash_after: int | None) -> None:
        self.world.cells_until_crash = crash_after
        try:
            self.rollups.roll(self.world.now)
        except Crash:
            self.start()
        self.world.cells_until_crash = None

    @rule()
    def the_process_starts_again(self) -> None:
        self.start()

    @rule(hours=st.integers(1, 3))
    def time_passes(self, hours: int) -> None:
        self.world.now += timedelta(hours=hours)

    @rule()
    def nothing_runs_for_eight_days_and_the_touches_are_gone(self) -> None:
        self.world.now += timedelta(days=8)
        self.world.touches, self.beats = [], []
        if self.block:
            self.a_block_is_read_again_under_a_new_name()
        self.start()

    @invariant()
    def clean_buckets_are_right(self) -> None:
        if not hasattr(self, "rollups") or self.rollups.snapshot.since is None:
            return
        state = self.rollups.snapshot
        until = seconds(state.until)
        for hour, cells in self.needed.items():
            for cell, value in cells.items():
                if hour + 3600 <= until and hour not in state.dirty_hours:
                    assert self.world.hours[hour, cell][1] >= value
                if day_of(hour) + 86_400 <= until and day_of(hour) not in state.dirty_days:
                    assert self.world.days[day_of(hour), cell][1][hour] >= value

    def teardown(self) -> None:
        """When all is still, one observation and enough rolls make every closed bucket equal its minutes."""
        if not hasattr(self, "rollups"):
            return
        for part in sorted(self.hidden):
            self._reveal(part)
        self._tell_tide(self.world.tick())
        self.world.now += timedelta(days=2)
        self.rollups.observe(self.world.now)
        while self.rollups.roll(self.world.now):
            pass
        assert self.rollups.snapshot.dirty_hours == set()
        assert self.rollups.snapshot.dirty_days == set()
        for hour, cells in self.world.minutes.items():
            for cell, value in cells.items():
                assert self.world.hours[hour, cell][1] == value
                assert self.world.days[day_of(hour), cell][1][hour] == value

    def _write(self, rows: Rows) -> None:
        for hour, cell in rows:
            self.sequence += 1
            self.world.minutes.setdefault(hour, {})[cell] = self.sequence

    def _finish(self, hour: int, cell: str, value: int) -> None:
        cells = self.finished.setdefault(hour, {})
        cells[cell] = max(value, cells.get(cell, 0))

    def _tell_tide(self, block: datetime) -> None:
        self.tide.observe([Heartbeat(Path.FOLDED, block, "collector", 0, 1, block)])

    def _claim(self) -> tuple[datetime | None, datetime | None]:
        self.needed = copy(self.finished)
        return self.world.now, self.world.now


def copy(cells: dict[int, Cells]) -> dict[int, Cells]:
    return {hour: dict(values) for hour, values in cells.items()}


def instant(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def seconds(at: datetime) -> int:
    return int(at.timestamp())


TestInterleavings = Interleavings.TestCase


def test_a_day_whose_hours_were_rolled_before_a_restart_is_rolled_when_it_ends() -> None:
    world, hour = World(), HOURS[2]
    world.minutes = {hour: {"a": 1}}

    def started() -> Rollups:
        tide = Tide()
        tide.observe([Heartbeat(Path.FOLDED, START, "collector", 0, 1, START)])
        rollups = Rollups(world, tide, lambda: (None, None), KeepsAll(), now=world.now)
        rollups.observe(world.now)
        return rollups

    started().roll(world.now)
    assert world.days == {}
    world.now += timedelta(hours=2)
    again = started()
    assert day_of(hour) in again.snapshot.dirty_days
    again.roll(world.now)
    assert world.days[day_of(hour), "a"][1] == {hour: 1}
    assert again.snapshot.dirty_days == set()
