"""``tidemark replay``: its options; what it does stands in the session."""

from pathlib import Path
from typing import Annotated

import typer


def replay(
    file: Annotated[str, typer.Argument(help="A CSV or NDJSON file, gzipped or not; - is standard input.")],
    map_file: Annotated[
        Path, typer.Option("--map", help="What the file's rows become (YAML); see examples/.")
    ],
    shift_to_now: Annotated[
        bool,
        typer.Option("--shift-to-now", help="Move the newest event to now; original_time stays the file's."),
    ] = False,
    run: Annotated[
        str, typer.Option(help="Make these new events; without it, the file sent again is the same events.")
    ] = "",
    speed: Annotated[
        str, typer.Option(help="max, or a factor such as 1x or 60x of the pace at which it happened.")
    ] = "max",
    url: Annotated[
        str, typer.Option(help="The collector's address.", show_default="the local collector")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Send the events of a file through the collector, as an application would.

    A file sent twice, today or next week, shifted or not, is the same
    events: nothing counts double, and an interrupted replay is simply
    started again.

    Ends with 0 when all of the file was accepted, with 3 when some of it was
    refused (the summary says what and why), with 1 when it could not be sent.
    """
    from tidemark.ingest.replay.session import Options, run_session  # noqa: PLC0415 - help is quick
    from tidemark.settings import settings  # noqa: PLC0415

    options = Options(
        file=file,
        map_file=map_file,
        shift_to_now=shift_to_now,
        run=run,
        speed=speed,
        url=(url or settings().collector_url).rstrip("/"),
        as_json=as_json,
    )
    raise typer.Exit(run_session(options))
