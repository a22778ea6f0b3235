"""One ``tidemark replay`` from its options to its exit code: the edges of the replay put together."""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console

from tidemark.ingest.replay import display
from tidemark.ingest.replay.document import MapError
from tidemark.ingest.replay.mapping import load_map
from tidemark.ingest.replay.replay import Request, SpeedError, newest_time, parse_speed, replay
from tidemark.ingest.replay.report import Report
from tidemark.ingest.replay.rows import FileError
from tidemark.ingest.replay.sender import DeliveryError, Sender, collector_client

ALL_IN, FAILED, SOME_REFUSED, INTERRUPTED = 0, 1, 3, 130


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; see ``tidemark replay --help``."""

    file: str
    map_file: Path
    shift_to_now: bool
    run: str
    speed: str
    url: str
    as_json: bool


def run_session(options: Options, transport: httpx.AsyncBaseTransport | None = None) -> int:
    """Replay a file and say what became of it.

    Args:
        options: what is asked.
        transport: carries the requests; None: the network.

    Returns:
        The exit code.
    """
    screen, report = Console(stderr=True), Report()
    interrupted = False
    try:
        _send(options, screen, report, transport)
    except MapError as error:
        return _failed(screen, f"The map {options.map_file} does not fit: {_sentence(str(error))}")
    except (SpeedError, FileError, DeliveryError) as error:
        return _failed(screen, str(error))
    except KeyboardInterrupt:
        interrupted = True
    if options.as_json:
        summary = {"file": options.file, "interrupted": interrupted, **report.as_json()}
        sys.stdout.write(json.dumps(summary) + "\n")
    else:
        display.show_summary(Console(), report, title=Path(options.file).name)
    if interrupted:
        screen.print("Interrupted. Started again it sends the same events, and nothing counts double.")
        return INTERRUPTED
    return ALL_IN if report.is_clean else SOME_REFUSED


def _send(
    options: Options, screen: Console, report: Report, transport: httpx.AsyncBaseTransport | None
) -> None:
    request = Request(
        file=options.file,
        replay_map=load_map(options.map_file),
        shift_to_now=options.shift_to_now,
        run=options.run,
        speed=parse_speed(options.speed),
    )
    client = collector_client(options.url, transport=transport)
    if request.shift_to_now:
        with display.progress(screen, "Looking for the newest event", Report()) as watch:
            newest = newest_time(request, watch)
        report.shift_ms = int(time.time() * 1000) - newest
        if not options.as_json:
            display.show_shift(screen, newest, report.shift_ms)

    async def send() -> None:
        async with client:
            sender = Sender(client, options.url, notify=lambda notice: display.show_notice(screen, notice))
            with display.progress(screen, "Sending", report) as watch:
                await replay(request, sender, report, watch=watch)

    asyncio.run(send())


def _sentence(text: str) -> str:
    return text if text.endswith("?") else f"{text}."


def _failed(screen: Console, problem: str) -> int:
    display.show_problem(screen, problem)
    return FAILED
