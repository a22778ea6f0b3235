"""All definitions of a folder, ``catalogue/experiments``: one experiment a file, ``*.yaml``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tidemark.declared.entry import MAX_BYTES
from tidemark.declared.problem import Problem
from tidemark.experiments.check import check
from tidemark.experiments.definition import MAX_EXPERIMENTS, Definition
from tidemark.experiments.vocabulary import Vocabulary

FOLDER = "experiments"
"""The folder's name within the catalogue."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a folder declares.

    Attributes:
        definitions: those that are right, with their files' names, in the order of the names.
        problems: everything that is wrong, in the order of files and lines.
    """

    definitions: tuple[tuple[str, Definition], ...]
    problems: tuple[Problem, ...]


def load(folder: Path, vocabulary: Vocabulary) -> Declared:
    """Read every ``*.yaml`` of a folder; a folder that there is not declares nothing."""
    files = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    problems = [
        Problem(path.name, 1, "the file would not be read; end its name in .yaml")
        for path in sorted(folder.glob("*.yml"))
    ]
    if len(files) > MAX_EXPERIMENTS:
        told = (
            f"the folder has {len(files):,} experiments; there may be at most {MAX_EXPERIMENTS}: remove "
            "ended ones"
        )
        return Declared((), (*problems, Problem(files[MAX_EXPERIMENTS].name, 1, told)))
    definitions: list[tuple[str, Definition]] = []
    files_by_id: dict[str, str] = {}
    for path in files:
        checked = _checked(path, vocabulary, files_by_id)
        if isinstance(checked, Definition):
            files_by_id[checked.id] = path.name
            definitions.append((path.name, checked))
        else:
            problems += checked
    return Declared(tuple(definitions), tuple(sorted(problems)))


def _checked(path: Path, vocabulary: Vocabulary, taken: Mapping[str, str]) -> Definition | list[Problem]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        return [
            Problem(path.name, 1, f"the file cannot be read: {error.strerror}; correct that or remove it")
        ]
    return check(path.name, content, vocabulary, taken)
