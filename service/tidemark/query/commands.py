"""``tidemark query`` and ``tidemark explain``: a question from the terminal, answered by the service."""

import csv
import io
import json
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tidemark.query import options
from tidemark.query.options import Words, words_of
from tidemark.settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidemark.query.client import Body, Client

_WATCH_SECONDS = 1.0


def query(
    metrics: options.Metrics,
    by: options.By = "",
    last: options.Last = None,
    start: options.Start = None,
    end: options.End = None,
    zone: options.Zone = None,
    grain: options.Bucket = None,
    where: options.Where = None,
    compare: options.Before = None,
    top: options.Top = None,
    top_by: options.TopBy = None,
    other: options.Other = True,
    having: options.Having = None,
    order: options.Order = None,
    limit: options.Most = None,
    url: options.Url = None,
    intervals: Annotated[
        bool, typer.Option("--intervals", help="The 95 % intervals of rates, in the table.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The frame as JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="The frame as CSV.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Ask again each second, until Ctrl-C.")] = False,
) -> None:
    """Ask for metrics: totals a line, a sparkline with --grain, and how far the answer is complete."""
    words = words_of(
        metrics=metrics, by=by, last=last, start=start, end=end, zone=zone, grain=grain, where=where,
        compare=compare, top=top, top_by=top_by, other=other, having=having, order=order, limit=limit,
    )  # fmt: skip
    if as_json and as_csv:
        raise failure("--json and --csv stand together; give one of them")
    with service(url) as client:
        if as_json or as_csv:
            _export(client, words, as_csv=as_csv, watch=watch)
        else:
            _show(client, words, intervals=intervals, watch=watch)


def explain(
    metrics: options.Metrics,
    by: options.By = "",
    last: options.Last = None,
    start: options.Start = None,
    end: options.End = None,
    zone: options.Zone = None,
    grain: options.Bucket = None,
    where: options.Where = None,
    compare: options.Before = None,
    top: options.Top = None,
    top_by: options.TopBy = None,
    other: options.Other = True,
    having: options.Having = None,
    order: options.Order = None,
    limit: options.Most = None,
    url: options.Url = None,
    run: Annotated[bool, typer.Option("--run", help="Run it, and say what that took.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The plan as JSON.")] = False,
) -> None:
    """Show how a question would be answered: the tables, the SQL, the price."""
    words = words_of(
        metrics=metrics, by=by, last=last, start=start, end=end, zone=zone, grain=grain, where=where,
        compare=compare, top=top, top_by=top_by, other=other, having=having, order=order, limit=limit,
    )  # fmt: skip
    with service(url) as client:
        told = client.explain(words, run=run)
        if as_json:
            sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
            return
        from tidemark.query.plandisplay import render_plan  # noqa: PLC0415 - `tidemark --help` needs none of it

        Console(highlight=False).print(render_plan(told), soft_wrap=True)


@contextmanager
def service(url: str | None) -> "Iterator[Client]":
    """The service; what it refuses is one red sentence and exit 1."""
    import httpx  # noqa: PLC0415 - `tidemark --help` needs none of it

    from tidemark.query.client import Client, ServiceError  # noqa: PLC0415

    try:
        with httpx.Client() as http:
            base = (url or settings().service_url).rstrip("/")
            yield Client(http, base if "://" in base else f"http://{base}")
    except ServiceError as error:
        raise failure(str(error)) from error
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def failure(sentence: str) -> typer.Exit:
    """Exit code 1, after one red sentence."""
    Console(stderr=True).print(sentence, style="red", markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(1)


def _export(client: "Client", words: Words, *, as_csv: bool, watch: bool) -> None:
    first = True
    while first or watch:
        if not first:
            time.sleep(_WATCH_SECONDS)
        if as_csv:
            rows = list(csv.reader(io.StringIO(client.sheet(words), newline="")))
            csv.writer(sys.stdout, lineterminator="\n").writerows(rows if first else rows[1:])
        else:
            sys.stdout.write(json.dumps(client.ask(words), ensure_ascii=False) + "\n")
        sys.stdout.flush()
        first = False


def _show(client: "Client", words: Words, *, intervals: bool, watch: bool) -> None:
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from tidemark.query.client import ServiceError  # noqa: PLC0415
    from tidemark.query.terminal import render  # noqa: PLC0415

    console = Console(highlight=False)

    def ask() -> "tuple[Body, Body | None]":
        return _frames(client, words)

    first = render(*ask(), console.width, intervals=intervals)
    if not watch:
        console.print(first)
        return
    with Live(first, console=console, auto_refresh=False) as live:
        while True:
            time.sleep(_WATCH_SECONDS)
            try:
                live.update(render(*ask(), console.width, intervals=intervals), refresh=True)
            except ServiceError as error:  # a service that is being restarted is back in a moment
                live.update(Text(str(error), style="red"), refresh=True)


def _frames(client: "Client", words: Words) -> "tuple[Body, Body | None]":
    """The totals, and where a grain is asked for the buckets of the same range."""
    from tidemark.query import lines  # noqa: PLC0415

    total = client.ask(lines.totals(words))
    if not any(name == "grain" for name, _ in words):
        return total, None
    series = client.ask(lines.buckets(words, total))
    narrowed = lines.narrowed(words, total) if series["truncated"] else None
    return total, client.ask(narrowed) if narrowed else series
