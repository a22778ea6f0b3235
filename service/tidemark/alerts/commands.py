"""``tidemark rules``: check what is declared; test and preview stand beside."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tidemark.alerts.case_commands import run_tests
from tidemark.alerts.options import Folder, Json
from tidemark.alerts.preview_commands import preview

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from tidemark.alerts.folder import Declared
    from tidemark.declared.problem import Problem

app = typer.Typer(help="The rules of alerts.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """The rules of alerts."""


app.command("test")(run_tests)
app.command()(preview)


@app.command()
def check(folder: Folder = None, *, as_json: Json = False) -> None:
    """Say what is wrong with rules and campaigns, by file and line. Exit code 1 if anything is."""
    declared, of_campaigns = _declared(folder)
    problems = (*of_campaigns, *declared.problems)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "rules": [rule.name for rule in declared.rules],
                    "problems": [
                        {"file": problem.file, "line": problem.line, "sentence": problem.sentence}
                        for problem in problems
                    ],
                },
                ensure_ascii=False,
            )
        )
    else:
        for problem in problems:
            _errors().print(str(problem), style="red", markup=False)
        if not problems:
            _show(declared)
    if problems:
        raise typer.Exit(1)


def _declared(folder: Path | None) -> "tuple[Declared, Sequence[Problem]]":
    """The rules, and what is wrong with the campaigns that they tell of."""
    from tidemark.alerts import campaigns  # noqa: PLC0415 - help is quick
    from tidemark.alerts.folder import FOLDER, load  # noqa: PLC0415
    from tidemark.alerts.query import known_of  # noqa: PLC0415
    from tidemark.query.catalogue import CatalogueError  # noqa: PLC0415
    from tidemark.settings import settings  # noqa: PLC0415

    root = settings().catalogue
    try:
        known = known_of(root)
    except CatalogueError as error:
        _errors().print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    return load(folder or root / FOLDER, known), campaigns.load(root / campaigns.FILE).problems


def _show(declared: "Declared") -> None:
    from rich.console import Console  # noqa: PLC0415

    from tidemark.alerts.table import render  # noqa: PLC0415

    Console(highlight=False).print(render(declared.rules))


def _errors() -> "Console":
    from rich.console import Console  # noqa: PLC0415

    return Console(stderr=True, highlight=False, soft_wrap=True)
