"""The replay of one file: rows to events to batches to answers."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tidemark.ingest.replay.batch import Batch, Clock, Pace, Sleep, batches
from tidemark.ingest.replay.cells import UnreadableError
from tidemark.ingest.replay.event import Event
from tidemark.ingest.replay.mapper import Mapper, Replayed
from tidemark.ingest.replay.report import Report
from tidemark.ingest.replay.rows import STDIN, FileError, Rows, open_rows
from tidemark.ingest.replay.sender import Answer, Sender, deliver
from tidemark.ingest.replay.spec import ReplayMap

_SPEED = re.compile(r"(\d+(?:\.\d+)?)x")


class SpeedError(ValueError):
    """A speed that is none; the message is a sentence."""


Watch = Callable[[Rows], None]
"""Told of progress, now and then, by the open file."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be replayed, and how.

    Attributes:
        file: its name, or ``-`` for standard input.
        replay_map: what its rows become.
        shift_to_now: whether its newest event moves to now.
        run: makes its events new ones; empty: they are the file's.
        speed: how many times as fast as it happened; None: as fast as it is acknowledged.
    """

    file: str
    replay_map: ReplayMap
    shift_to_now: bool = False
    run: str = ""
    speed: float | None = None


def parse_speed(text: str) -> float | None:
    """The factor of ``60x``; None for ``max``.

    Raises:
        SpeedError: it is neither.
    """
    if text == "max":
        return None
    match = _SPEED.fullmatch(text)
    if not match or float(match[1]) == 0:
        raise SpeedError(f"--speed {text} is no speed: it is max, or a factor such as 1x or 60x.")
    return float(match[1])


def newest_time(request: Request, watch: Watch) -> int:
    """The time of the newest event of the file, in Unix ms.

    Raises:
        FileError: it cannot be read twice, or has no event.
        MapError: the map does not fit it.
    """
    if request.file == STDIN:
        raise FileError("--shift-to-now reads the file twice, which standard input cannot: save it first.")
    newest = 0
    report = Report()
    with open_rows(request.file, request.replay_map) as rows:
        mapper = Mapper(request.replay_map, rows.columns)
        for _, event in _events(rows, mapper, report, watch):
            newest = max(newest, event.event_time)
    if not newest:
        worst = report.unreadable.most_frequent()[:3]
        reasons = "; ".join(f"{text} ({reason.count:,} times)" for text, reason in worst)
        raise FileError(
            f"No row of {request.file} becomes an event by this map" + (f": {reasons}." if reasons else ".")
        )
    return newest


async def replay(
    request: Request,
    sender: Sender,
    report: Report,
    *,
    watch: Watch,
    sleep: Sleep = asyncio.sleep,
    clock: Clock = time.monotonic,
) -> None:
    """Send all events of the file; ``report.shift_ms`` is added to their times.

    Args:
        request: what to replay.
        sender: where to.
        report: counts what becomes of it, also when this fails or is interrupted.
        watch: told of progress.
        sleep: waits for so many seconds.
        clock: seconds that only grow.

    Raises:
        FileError: the file cannot be read (on).
        MapError: the map does not fit it.
        DeliveryError: the collector took events no more.
    """
    started = clock()
    with open_rows(request.file, request.replay_map) as rows:
        mapper = Mapper(request.replay_map, rows.columns, Replayed(report.shift_ms, request.run))
        pace = Pace(request.speed, clock=clock) if request.speed else None
        events = _events(rows, mapper, report, watch)

        def answered(batch: Batch, answer: Answer) -> None:
            report.note_answer(batch, answer)
            watch(rows)

        try:
            await deliver(batches(events, pace=pace, sleep=sleep), sender, answered=answered)
        finally:
            report.seconds = clock() - started
            report.retries = sender.retries
            watch(rows)


def _events(rows: Rows, mapper: Mapper, report: Report, watch: Watch) -> Iterator[tuple[int, Event]]:
    for number, record in rows:
        report.rows = number
        if number % 200 == 1:
            watch(rows)
        outcomes = [record] if isinstance(record, UnreadableError) else mapper.events(record, number)
        for outcome in outcomes:
            if isinstance(outcome, UnreadableError):
                report.note_unreadable(number, outcome)
            else:
                yield number, outcome
