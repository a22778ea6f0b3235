"""``tidemark experiment``: what an experiment has shown so far, from the service."""

import json
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tidemark.query import options
from tidemark.query.commands import service
from tidemark.query.instant import parse_instant

if TYPE_CHECKING:
    from tidemark.query.client import Body, Client
    from tidemark.query.options import Words

_WATCH_SECONDS = 1.0
_GRAINS = ((timedelta(hours=3), "minute"), (timedelta(days=6), "hour"))


def experiment(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The experiment, as exposures carry it.")],
    metric: Annotated[
        str | None, typer.Option("--metric", "-m", help="Only these: purchase,revenue.")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", "-b", help="One result a value of country, …")] = None,
    where: Annotated[
        list[str] | None, typer.Option("--slice", "-s", help="Only users with country=DE,FR, …")
    ] = None,
    at: Annotated[str | None, typer.Option(help="As it was known then: 2026-12-01T12:00 (UTC).")] = None,
    url: options.Url = None,
    as_json: Annotated[bool, typer.Option("--json", help="All figures as JSON.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Ask each second and show what is new, until Ctrl-C.")
    ] = False,
) -> None:
    """Say what an experiment has shown so far; it may be looked at as often as wanted."""
    given = {"metric": metric, "by": by, "at": at}
    words = [
        *((name, value) for name, value in given.items() if value),
        *(("slice", text) for text in where or ()),
    ]
    with service(url) as client:
        if as_json:
            _export(client, id_, words, watch=watch)
        else:
            _show(client, id_, words, watch=watch)


def _export(client: "Client", id_: str, words: "Words", *, watch: bool) -> None:
    def tell(told: "Body") -> None:
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    if not watch:
        tell(client.experiment(id_, words))
        return
    from tidemark.experiments.watch import watch as followed  # noqa: PLC0415

    followed(lambda: client.experiment(id_, words), tell, _complain, _pause, is_live=False)


def _show(client: "Client", id_: str, words: "Words", *, watch: bool) -> None:
    from tidemark.experiments.terminal import render  # noqa: PLC0415 - `tidemark --help` needs none of it
    from tidemark.experiments.watch import watch as followed  # noqa: PLC0415

    console = Console(highlight=False)
    words = [*words, ("series", _grain(client.experiment(id_, words)))]

    def ask() -> "Body":
        return client.experiment(id_, words)

    def tell(told: "Body") -> None:
        console.print(render(told, console.width))

    if not watch:
        tell(ask())
    elif not console.is_terminal:
        followed(ask, tell, _complain, _pause, is_live=False)
    else:
        from rich.live import Live  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        with Live(console=console, auto_refresh=False) as live:
            followed(
                ask,
                lambda told: live.update(render(told, console.width), refresh=True),
                lambda sentence: live.update(Text(sentence, style="red"), refresh=True),
                _pause,
                is_live=True,
            )


def _complain(sentence: str) -> None:
    Console(stderr=True).print(sentence, style="red", markup=False, highlight=False, soft_wrap=True)


def _pause() -> None:
    time.sleep(_WATCH_SECONDS)


def _grain(told: "Body") -> str:
    """Wide enough for a line of a terminal."""
    age = parse_instant(told["at"] or told["freshness"]["now"]) - parse_instant(told["startedAt"])
    return next((grain for most, grain in _GRAINS if age <= most), "day")
