"""All rules of a folder, ``catalogue/alerts``: groups of rules in each ``*.yaml``."""

from dataclasses import dataclass
from pathlib import Path

from tidemark.alerts.cases import SUFFIX
from tidemark.alerts.check import DOCUMENT, check
from tidemark.alerts.query import Known
from tidemark.alerts.rule import Rule
from tidemark.declared.problem import Problem

FOLDER = "alerts"
"""The folder's name within the catalogue."""
MEDIA_TYPE = "application/yaml"
"""Of a file that is sent (RFC 9512); a page of another origin may only if the service allows it."""
MAX_FILES = 200


@dataclass(frozen=True, slots=True)
class Declared:
    """What a folder declares.

    Attributes:
        rules: those of files without a problem, in the order of files and lines.
        problems: everything that is wrong, in the order of files and lines. Rules that are in force stay so
            until there is none: one that a slip of the pen takes away is an alert that nobody gets.
    """

    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...]


def load(folder: Path, known: Known) -> Declared:
    """Read every ``*.yaml`` of a folder but rules' tests; a folder that there is not declares nothing."""
    every = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    files = [path for path in every if not path.name.endswith(SUFFIX)]
    problems = [
        Problem(path.name, 1, "the file would not be read; end its name in .yaml")
        for path in sorted(folder.glob("*.yml"))
    ]
    if len(files) > MAX_FILES:
        told = f"the folder has {len(files):,} files; there may be at most {MAX_FILES}: put rules together"
        return Declared((), (*problems, Problem(files[MAX_FILES].name, 1, told)))
    rules: list[Rule] = []
    taken: dict[str, str] = {}
    for path in files:
        try:
            with path.open("rb") as file:
                content = file.read(DOCUMENT.most + 1)
        except OSError as error:
            told = f"the file cannot be read: {error.strerror}; correct that or remove it"
            problems.append(Problem(path.name, 1, told))
            continue
        found = check(path.name, content, known, taken)
        for one in found:
            if isinstance(one, Problem):
                problems.append(one)
            else:
                rules.append(one)
                taken[one.name] = f"{one.file}, line {one.line}"
    return Declared(tuple(rules), tuple(sorted(problems)))
