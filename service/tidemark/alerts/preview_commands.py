"""``tidemark rules preview``: what a rule would have told, asked of the service."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidemark.alerts.options import Folder, Json
from tidemark.query import options
from tidemark.query.commands import failure, service

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidemark.alerts.rule import Rule
    from tidemark.query.client import Body

Name = Annotated[str, typer.Argument(metavar="RULE", help="The rule's name, as alert: has it.")]
Last = Annotated[str, typer.Option(help="How much of the past: 12h, 7d, up to 31d.")]


def preview(
    name: Name,
    last: Last = "7d",
    folder: Folder = None,
    zone: options.Zone = None,
    url: options.Url = None,
    *,
    as_json: Json = False,
) -> None:
    """Say what a rule would have told on the past as it is known now, and what would tell less.

    The rule need not be in force: its file is sent to the service, which judges the past and keeps nothing.
    Exit code 1 if the rule is wrong or there is no answer.
    """
    from tidemark.alerts.folder import MEDIA_TYPE  # noqa: PLC0415 - help is quick
    from tidemark.query.errors import QueryError  # noqa: PLC0415
    from tidemark.query.words import zone_in  # noqa: PLC0415
    from tidemark.settings import settings  # noqa: PLC0415

    rule, content = _declared(name, folder)
    try:
        shown_in = zone_in(zone or "UTC")
    except QueryError as error:
        raise failure(str(error)) from None
    with service(url) as client:
        words = [("alert", name), ("last", last)]
        told = _followed(client.lines("/v1/rules/preview", words, content, MEDIA_TYPE))
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    from rich.console import Console  # noqa: PLC0415

    from tidemark.alerts.previewdisplay import of_json, render  # noqa: PLC0415

    screen = Console(highlight=False)
    screen.print(render(of_json(told), rule, shown_in, settings().currency, screen.width))


def _declared(name: str, folder: Path | None) -> "tuple[Rule, bytes]":
    """The rule, and the file that it stands in."""
    from tidemark.alerts.folder import FOLDER, load  # noqa: PLC0415 - help is quick
    from tidemark.alerts.query import known_of  # noqa: PLC0415
    from tidemark.declared.problem import nearest  # noqa: PLC0415
    from tidemark.query.catalogue import CatalogueError  # noqa: PLC0415
    from tidemark.settings import settings  # noqa: PLC0415

    root = settings().catalogue
    where = folder or root / FOLDER
    try:
        declared = load(where, known_of(root))
    except CatalogueError as error:
        raise failure(str(error)) from None
    rules = {rule.name: rule for rule in declared.rules}
    if name in rules:
        return rules[name], (where / rules[name].file).read_bytes()
    told = f"There is no rule {name[:100]} in {where.name}; {nearest(name, rules)}"
    raise failure("\n".join([*map(str, declared.problems), told]))


def _followed(lines: "Iterable[Body]") -> "Body":
    """The preview, after a bar on the terminal that says how far it is."""
    from rich.console import Console  # noqa: PLC0415 - help is quick
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeElapsedColumn  # noqa: PLC0415

    screen = Console(stderr=True)
    columns = ("Judging the past", BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task("", total=1.0)
        for line in lines:
            if "preview" in line:
                return dict(line["preview"])
            progress.update(task, completed=line.get("share", 0.0))
    raise failure("The service ended without an answer; see `tidemark logs service`.")
