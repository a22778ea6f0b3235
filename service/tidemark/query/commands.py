"""``tidemark query``: a question from the terminal, answered by the service."""

import csv
import json
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tidemark.query.asking import Asked, AskingError, asked
from tidemark.settings import settings

if TYPE_CHECKING:
    from tidemark.query.client import Client, Frame

# what one question may ask for: the buckets of all lines have to fit, or be asked for by the lines' names
_MOST_ROWS, _MOST_VALUES = 10_000, 1_000
_WATCH_SECONDS = 1.0


def query(
    metrics: Annotated[str, typer.Option("--metrics", "-m", help="What to measure: clicks,ctr,spend.")],
    by: Annotated[str, typer.Option("--by", "-b", help="What to slice by: campaign,country.")] = "",
    last: Annotated[str | None, typer.Option(help="The last 90s, 15m, 1h, 7d or 2w.  [default: 1h]")] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="2026-11-23 or 2026-11-23T12:00, UTC unless it says more.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="The end of the range, itself not part of it.")
    ] = None,
    grain: Annotated[
        str | None, typer.Option("--grain", "-g", help="minute, five-minutes, hour, day, week, month.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", "-w", help="campaign=a,b or campaign!=a,b; all of them hold."),
    ] = None,
    limit: Annotated[int, typer.Option(help="The most lines, or rows with --json and --csv.")] = 1_000,
    url: Annotated[str | None, typer.Option(help="The service.  [default: the local one]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The frame as JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="The frame as CSV.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Ask again each second, until Ctrl-C.")] = False,
) -> None:
    """Ask for metrics: totals a line, a sparkline with --grain, and how far the answer is complete."""
    import httpx  # noqa: PLC0415 - `tidemark --help` needs none of it

    from tidemark.query.client import Client, ServiceError  # noqa: PLC0415

    errors = Console(stderr=True)
    try:
        if as_json and as_csv:
            raise AskingError("--json and --csv stand together; give one of them")  # noqa: TRY301
        question = asked(
            metrics=metrics,
            by=by,
            where=where or (),
            last=last,
            start=start,
            end=end,
            grain=grain,
            limit=limit,
        )
        with httpx.Client() as http:
            base = (url or settings().service_url).rstrip("/")
            client = Client(http, base if "://" in base else f"http://{base}")
            if as_json or as_csv:
                _export(client, question, as_csv=as_csv, watch=watch)
            else:
                _show(client, question, watch=watch)
    except (AskingError, ServiceError) as error:
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _export(client: "Client", question: Asked, *, as_csv: bool, watch: bool) -> None:
    first = True
    while first or watch:
        if not first:
            time.sleep(_WATCH_SECONDS)
        frame = client.ask(question)
        if as_csv:
            _write_csv(frame, header=first)
        else:
            sys.stdout.write(json.dumps(frame, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        first = False


def _write_csv(frame: "Frame", *, header: bool) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if header:
        writer.writerow(column["name"] for column in frame["columns"])
    writer.writerows(zip(*(column["values"] for column in frame["columns"]), strict=True))


def _show(client: "Client", question: Asked, *, watch: bool) -> None:
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from tidemark.query.client import ServiceError  # noqa: PLC0415
    from tidemark.query.terminal import render  # noqa: PLC0415

    console = Console(highlight=False)
    first = render(*_frames(client, question), console.width)
    if not watch:
        console.print(first)
        return
    with Live(first, console=console, auto_refresh=False) as live:
        while True:
            time.sleep(_WATCH_SECONDS)
            try:
                live.update(render(*_frames(client, question), console.width), refresh=True)
            except ServiceError as error:  # a service that is being restarted is back in a moment
                live.update(Text(str(error), style="red"), refresh=True)


def _frames(client: "Client", question: Asked) -> "tuple[Frame, Frame | None]":
    """The totals, and the buckets where a grain is asked for: of the lines that are shown, if not all fit."""
    if question.grain is None:
        return client.ask(question), None
    buckets = question.with_limit(_MOST_ROWS)
    series, total = client.ask_with_total(buckets, question.total())
    dimensions = [column["values"] for column in total["columns"] if column["kind"] == "DIMENSION"]
    shown = list(dict.fromkeys(dimensions[0])) if dimensions else []
    if series["truncated"] and 0 < len(shown) <= _MOST_VALUES:
        series = client.ask(buckets.only(shown))
    return total, series
