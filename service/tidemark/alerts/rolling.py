"""The past of rules on sums: each minute is read once, and every tick's window is made of minutes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Protocol

import numpy as np

from tidemark.alerts import question as questions
from tidemark.alerts.ask import Asker
from tidemark.alerts.campaigns import Campaign
from tidemark.alerts.cells import Found
from tidemark.alerts.minutes import Gathering, Minutes, Numbers
from tidemark.alerts.past import Batch, Record, looked_at
from tidemark.alerts.rule import HealthQuery, MetricsQuery, Rule
from tidemark.alerts.series import Labels
from tidemark.alerts.ticks import elapsed
from tidemark.alerts.vocabulary import BUDGET, ELAPSED
from tidemark.query.database import Database, Table
from tidemark.query.errors import Code, QueryError
from tidemark.query.execute import Bounds, execute
from tidemark.query.grain import Grain
from tidemark.query.instant import DAY_MS, MINUTE_MS, format_instant, from_ms
from tidemark.query.request import Request, TimeRange
from tidemark.query.shape import shape
from tidemark.stats.array import floats

MOST_ROWS = 3_000_000
"""Minutes of series that are held at once: some hundred MB."""
_ROWS_AT_ONCE = 300_000
_ROWS_A_BATCH = 50_000
_ONE_THREAD = Bounds(threads=1)  # others ask, too
_DEAD_LETTERS = (files("tidemark.alerts") / "sql" / "dead_letters.sql").read_text(encoding="utf-8")


class Source(Protocol):
    """Where minutes come from, and what rules make of their sums."""

    def read(self, database: Database, start_ms: int, end_ms: int) -> bool:
        """Read ``[start, end)``; False where it has more rows than may come at once, and none was taken."""
        ...

    @property
    def rows(self) -> int:
        """How many were read."""
        ...

    @property
    def series(self) -> int:
        """Of how many series."""
        ...

    def batch(self, ticks: Sequence[int]) -> Batch:
        """What the rule sees at some ticks; all has been read."""
        ...


def rolls(rule: Rule, asker: Asker) -> bool:
    """Whether all that a rule asks adds up: not users, not the greatest of a top, no experiments."""
    match rule.query:
        case HealthQuery():
            return True
        case MetricsQuery() as query:
            return questions.adds_up(query, asker.catalogue)
        case _:
            return False


class Rolling:
    """A `Past`: first all minutes, a day at a time, then the ticks."""

    def __init__(self, rule: Rule, source: Source, ticks: range, most_series: int) -> None:
        self.record = Record(rule)
        self._source, self._ticks, self._most_series = source, ticks, most_series
        # the next one stands last
        self._left = [one for stretch in _joined(rule, ticks) for one in _apart(*stretch, DAY_MS)][::-1]
        self._whole_ms = sum(end - start for start, end in self._left)

    def step(self, database: Database) -> float:
        """Read at most a day, or judge some ticks."""
        if self._left:
            start, end = self._left.pop()
            if not self._source.read(database, start, end):
                if end - start == MINUTE_MS:
                    raise _too_many(
                        f"series in the minute of {format_instant(from_ms(start))}", _ROWS_AT_ONCE
                    )
                self._left += [*_apart(start, end, (end - start) // 8)][::-1]
            self._check()
        else:
            done = len(self.record.history)
            some = max(1, _ROWS_A_BATCH // max(1, self._source.series))
            self.record.add(self._source.batch(self._ticks[done : done + some]))
        left_ms = sum(end - start for start, end in self._left)
        return (1 - left_ms / self._whole_ms + len(self.record.history) / len(self._ticks)) / 2

    def _check(self) -> None:
        if self._source.rows > MOST_ROWS:
            raise _too_many("minutes of series", MOST_ROWS)
        if self._source.series > self._most_series:
            raise _too_many("series", self._most_series)


class Metrics:
    """A `Source`: the sums of a question, by the planner's own minutes."""

    def __init__(self, asker: Asker, rule: Rule, campaigns: Mapping[str, Campaign], ticks: range) -> None:
        if not isinstance(rule.query, MetricsQuery):
            raise TypeError(f"{rule.name} asks no metrics")
        self._asker, self._campaigns, self._window = asker, campaigns, rule.query.window
        self._dimensions = rule.query.dimensions
        ranges = np.array([looked_at(rule, one) for one in ticks], np.int64)
        self._first_ms, self._every_ms, self._ranges = ticks[0], ticks.step, ranges
        question = questions.Question.of(rule.query)
        start, end = looked_at(rule, ticks[-1])[0]
        self._request = questions.request(
            question, [rule], asker.catalogue, (from_ms(start), from_ms(end)), _ROWS_AT_ONCE
        )
        # as if all rows of all ticks were the answer to one question without dimensions
        whole = replace(self._request, dimensions=(), limit=2**31)
        self._prepared = asker.answerer.prepare(whole, asker.answerer.freshness())
        self._gathering = Gathering(len(self._prepared.plan.sums))
        self._series: Mapping[Labels, Minutes] | None = None

    @property
    def rows(self) -> int:
        """How many were read."""
        return self._gathering.rows

    @property
    def series(self) -> int:
        """Of how many series."""
        return self._gathering.count

    def read(self, database: Database, start_ms: int, end_ms: int) -> bool:
        """Ask for these minutes."""
        asked = minutely(self._request, start_ms, end_ms)
        table = _answer(self._asker, database, asked)
        if table.row_count > _ROWS_AT_ONCE:
            return False
        if table.row_count:
            number, *columns = table.columns
            fields = [one.field for one in asked.dimensions]
            labels = questions.labels_of(zip(fields, columns, strict=False), table.row_count)
            starts = start_ms + np.array(number, np.int64) * MINUTE_MS
            self._gathering.add(labels, starts, columns[len(fields) :])
        return True

    def batch(self, ticks: Sequence[int]) -> Batch:
        """Sums of the windows, as if the planner had answered each."""
        if self._series is None:
            self._series = self._gathering.series()
            if not self._dimensions and not self._series:
                self._series = {(): self._gathering.nothing()}
        place = (ticks[0] - self._first_ms) // self._every_ms
        ranges = self._ranges[place : place + len(ticks)]
        owners = list(self._series)
        tick, owner, sums = _windows(self._series, ranges, always=not self._dimensions)
        table = Found([column.tolist() for column in sums], len(tick))
        found = self._prepared
        frame = shape(found.plan, table, found.freshness, self._asker.answerer.currency)
        columns = dict(questions.columns(frame))
        columns[ELAPSED] = np.array([elapsed(self._window, one) for one in ticks], np.float64)[tick]
        columns[BUDGET] = self._asker.budgets(self._dimensions, owners, self._campaigns)[owner]
        return Batch(ticks, owners, tick, owner, columns)


class Health:
    """A `Source`: events and dead letters a minute."""

    def __init__(self, asker: Asker, rule: Rule) -> None:
        if not isinstance(rule.query, HealthQuery):
            raise TypeError(f"{rule.name} does not ask Tidemark's own figures")
        self._asker, self._rule = asker, rule
        self._figures = {name: Gathering(1) for name in rule.query.figures}
        self._series: Mapping[str, Minutes] | None = None
        self.series = 1

    @property
    def rows(self) -> int:
        """How many were read."""
        return sum(one.rows for one in self._figures.values())

    def read(self, database: Database, start_ms: int, end_ms: int) -> bool:
        """Count what happened in each minute."""
        for figure, gathering in self._figures.items():
            starts, counts = _COUNTS[figure](self._asker, database, start_ms, end_ms)
            gathering.add([()] * len(counts), starts, [counts])
        return True

    def batch(self, ticks: Sequence[int]) -> Batch:
        """Counts of the windows."""
        if self._series is None:
            self._series = {name: one.series().get((), one.nothing()) for name, one in self._figures.items()}
        start, end = np.array([looked_at(self._rule, one)[0] for one in ticks], np.int64).T
        columns = {name: floats(one.within(start, end).sums[0]) for name, one in self._series.items()}
        return Batch(ticks, [()], np.arange(len(ticks)), np.zeros(len(ticks), np.int64), columns)


def minutely(request: Request, start_ms: int, end_ms: int) -> Request:
    """The same by the minute, of whole minutes, and of nothing else."""
    return replace(
        request,
        range=TimeRange(from_ms(start_ms), from_ms(end_ms)),
        grain=Grain.MINUTE,
        timezone="UTC",
        compare=None,
    )


def _answer(asker: Asker, database: Database, request: Request) -> Table:
    """The rows of the planner's statement: bucket, dimensions, sums."""
    answerer = asker.answerer
    prepared = answerer.prepare(request, answerer.freshness())
    return execute(database, prepared.plan, answerer.limits, bounds=_ONE_THREAD)


def _events(asker: Asker, database: Database, start_ms: int, end_ms: int) -> tuple[Numbers, Sequence[int]]:
    asked = questions.plain("EVENTS", asker.catalogue, (from_ms(start_ms), from_ms(end_ms)))
    whole = replace(minutely(asked, start_ms, end_ms), limit=_ROWS_AT_ONCE)
    table = _answer(asker, database, whole)
    if not table.row_count:
        return np.array([], np.int64), []
    number, counts = table.columns
    return start_ms + np.array(number, np.int64) * MINUTE_MS, counts


def _dead_letters(
    _asker: Asker, database: Database, start_ms: int, end_ms: int
) -> tuple[Numbers, Sequence[int]]:
    table = database.query(_DEAD_LETTERS, {"start": from_ms(start_ms), "end": from_ms(end_ms)})
    starts, counts = table.columns if table.row_count else ((), ())
    return np.array(starts, np.int64), counts


_COUNTS = {"events": _events, "dead_letters": _dead_letters}


def _windows(
    series: Mapping[Labels, Minutes], ranges: Numbers, *, always: bool
) -> tuple[Numbers, Numbers, list[Numbers]]:
    """A row for each tick and series that has anything there: their places, and the sums of all ranges.

    Args:
        series: By labels.
        ranges: an array of ticks, ranges and (start, end).
        always: Whether there is a row of nothing, too.
    """
    ticks, owners, sums = [], [], []
    for owner, one in enumerate(series.values()):
        found = [one.within(ranges[:, each, 0], ranges[:, each, 1]) for each in range(ranges.shape[1])]
        present = np.any([each.present for each in found], axis=0) | always
        (tick,) = np.nonzero(present)
        ticks.append(tick)
        owners.append(np.full(len(tick), owner))
        sums.append([column[tick] for each in found for column in each.sums])
    if not ticks:
        return np.array([], np.int64), np.array([], np.int64), []
    columns = [np.concatenate(column) for column in zip(*sums, strict=True)]
    return np.concatenate(ticks), np.concatenate(owners), columns


def _joined(rule: Rule, ticks: range) -> list[tuple[int, int]]:
    """All that the ticks look at, in ranges that do not meet."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(one for tick_ms in ticks for one in looked_at(rule, tick_ms)):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _apart(start: int, end: int, step: int) -> Iterator[tuple[int, int]]:
    """In pieces of at most so much, at least a minute."""
    step = max(MINUTE_MS, step // MINUTE_MS * MINUTE_MS)
    yield from ((at, min(at + step, end)) for at in range(start, end, step))


def _too_many(what: str, limit: int) -> QueryError:
    return QueryError(
        Code.TOO_MANY_ROWS,
        f"The rule looks at more than {limit:,} {what}, which is as many as a preview holds; ask for a "
        "shorter --last, or narrow its query.",
        limit=limit,
        requested=limit + 1,
    )
