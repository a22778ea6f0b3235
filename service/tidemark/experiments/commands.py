"""``tidemark experiments``: check, list and publish."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from tidemark.experiments.folder import Declared

app = typer.Typer(help="The catalogue of experiments.", no_args_is_help=True)

Folder = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        file_okay=False,
        help="Where the definitions lie.",
        show_default="experiments in the catalogue",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document for machines.")]


@app.command()
def check(folder: Folder = None, *, as_json: Json = False) -> None:
    """Say what is wrong with the definitions, by file and line. Exit code 1 if anything is."""
    declared = _declared(folder)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "experiments": [definition.id for _, definition in declared.definitions],
                    "problems": [
                        {"file": problem.file, "line": problem.line, "sentence": problem.sentence}
                        for problem in declared.problems
                    ],
                },
                ensure_ascii=False,
            )
        )
    else:
        _tell_problems(declared)
        if not declared.problems:
            _show(declared)
    if declared.problems:
        raise typer.Exit(1)


@app.command("list")
def list_(folder: Folder = None, *, as_json: Json = False) -> None:
    """List the experiments that are declared; exit code 1 if a definition is wrong and therefore missing."""
    declared = _declared(folder)
    if as_json:
        import msgspec  # noqa: PLC0415 - help is quick

        definitions = [definition for _, definition in declared.definitions]
        typer.echo(msgspec.json.encode(definitions).decode())
    else:
        _show(declared)
    if declared.problems:
        _tell_problems(declared)
        raise typer.Exit(1)


@app.command()
def publish(folder: Folder = None, *, as_json: Json = False) -> None:
    """Put in force what is declared; the job and the services learn it at once, and restart nothing.

    What must not change after an experiment's start is refused with the reason, and stays as it was. Exit
    code 1 if anything was refused, or if a definition is wrong: then nothing is published.
    """
    import time  # noqa: PLC0415

    from tidemark.experiments import topic  # noqa: PLC0415 - a client of Kafka: help is quick
    from tidemark.experiments.compacted import TopicError  # noqa: PLC0415
    from tidemark.experiments.published import PublishedError  # noqa: PLC0415
    from tidemark.settings import settings  # noqa: PLC0415

    declared = _declared(folder)
    if declared.problems:
        _tell_problems(declared)
        raise typer.Exit(1)
    definitions = [definition for _, definition in declared.definitions]
    try:
        done = topic.publish(settings().bootstrap, definitions, round(time.time() * 1000))
    except (TopicError, PublishedError) as error:
        _errors().print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    in_force = {one.definition.id: one.generation for one in done.in_force}
    removed = [one.definition.id for one in done.removed]
    if as_json:
        typer.echo(json.dumps({"in_force": in_force, "removed": removed, "refused": done.refused}))
    else:
        for id_, generation in in_force.items():
            typer.echo(f"{id_} is in force, generation {generation}.")
        for id_ in removed:
            typer.echo(f"{id_} is declared no more.")
        for sentence in done.refused:
            _errors().print(sentence, style="red", markup=False)
    if done.refused:
        raise typer.Exit(1)


def _declared(folder: Path | None) -> "Declared":
    from tidemark.experiments.folder import FOLDER, load  # noqa: PLC0415
    from tidemark.experiments.vocabulary import vocabulary_of  # noqa: PLC0415
    from tidemark.query import catalogue  # noqa: PLC0415
    from tidemark.settings import settings  # noqa: PLC0415

    root = settings().catalogue
    try:
        return load(folder or root / FOLDER, vocabulary_of(catalogue.load(root)))
    except catalogue.CatalogueError as error:
        _errors().print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None


def _tell_problems(declared: "Declared") -> None:
    screen = _errors()
    for problem in declared.problems:
        screen.print(str(problem), style="red", markup=False)


def _show(declared: "Declared") -> None:
    from rich.console import Console  # noqa: PLC0415

    from tidemark.experiments.table import render  # noqa: PLC0415

    Console(highlight=False).print(render([definition for _, definition in declared.definitions]))


def _errors() -> "Console":
    from rich.console import Console  # noqa: PLC0415

    return Console(stderr=True, highlight=False, soft_wrap=True)
