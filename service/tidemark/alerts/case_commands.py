"""``tidemark rules test``: the unit tests beside the rules."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from tidemark.alerts.cases import Case
    from tidemark.alerts.folder import Declared
    from tidemark.declared.problem import Problem

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        exists=True,
        dir_okay=False,
        help="Files of tests.",
        show_default="all *_test.yaml of the folder",
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        exists=True, file_okay=False, help="Where the rules lie.", show_default="alerts in the catalogue"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document for machines.")]


def run_tests(files: Files = None, folder: Folder = None, *, as_json: Json = False) -> None:
    """Run the unit tests of the rules: values as a query would answer them, and the alerts that follow.

    Exit code 1 if a test fails or is wrong, if a rule is wrong, or if there is no test.
    """
    from tidemark.alerts.cases import SUFFIX  # noqa: PLC0415 - help is quick
    from tidemark.alerts.folder import FOLDER  # noqa: PLC0415
    from tidemark.settings import settings  # noqa: PLC0415

    root = settings().catalogue
    rules_folder = folder or root / FOLDER
    declared = _declared(root, rules_folder)
    chosen = files or sorted(rules_folder.glob(f"*{SUFFIX}"))
    cases, problems = _read(chosen)
    if not declared.problems and not problems:
        from tidemark.alerts.trial import run  # noqa: PLC0415

        rules = {rule.name: rule for rule in declared.rules}
        problems = [problem for case in cases for problem in run(case, rules)]
    problems = [*declared.problems, *problems]
    if as_json:
        told = [{"file": one.file, "line": one.line, "sentence": one.sentence} for one in problems]
        typer.echo(json.dumps({"tests": [case.name for case in cases], "problems": told}, ensure_ascii=False))
    else:
        for problem in problems:
            _errors().print(str(problem), style="red", markup=False)
        if not cases and not problems:
            told_none = f"There is no test in {rules_folder}; write one in a file that ends in {SUFFIX}."
            _errors().print(told_none, style="red", markup=False)
        elif not problems:
            typer.echo(f"Tests passed: {len(cases):,}, of files: {len(chosen):,}.")
    if problems or not cases:
        raise typer.Exit(1)


def _declared(root: Path, folder: Path) -> "Declared":
    from tidemark.alerts.folder import load  # noqa: PLC0415
    from tidemark.alerts.query import known_of  # noqa: PLC0415
    from tidemark.query.catalogue import CatalogueError  # noqa: PLC0415

    try:
        return load(folder, known_of(root))
    except CatalogueError as error:
        _errors().print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None


def _read(files: Sequence[Path]) -> "tuple[list[Case], list[Problem]]":
    from tidemark.alerts.cases import DOCUMENT, Case, read  # noqa: PLC0415
    from tidemark.declared.problem import Problem  # noqa: PLC0415

    cases: list[Case] = []
    problems: list[Problem] = []
    for path in files:
        try:
            with path.open("rb") as file:
                content = file.read(DOCUMENT.most + 1)
        except OSError as error:
            told = f"the file cannot be read: {error.strerror}; correct that or remove it"
            problems.append(Problem(path.name, 1, told))
            continue
        for one in read(path.name, content):
            if isinstance(one, Case):
                cases.append(one)
            else:
                problems.append(one)
    return cases, problems


def _errors() -> "Console":
    from rich.console import Console  # noqa: PLC0415

    return Console(stderr=True, highlight=False, soft_wrap=True)
