"""The rules in force: those of the folder as it was last right. A broken file changes nothing and says so."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tidemark.alerts import campaigns, folder
from tidemark.alerts.campaigns import Campaign
from tidemark.alerts.query import known_of
from tidemark.alerts.rule import Rule
from tidemark.declared.problem import Problem
from tidemark.query.catalogue import CatalogueError

log = logging.getLogger("tidemark.alerts")


@dataclass(frozen=True, slots=True)
class Book:
    """What is in force.

    Attributes:
        rules: in the order of files and lines.
        campaigns: by id.
        problems: why the files as they are now are not in force; empty: they are.
    """

    rules: tuple[Rule, ...] = ()
    campaigns: Mapping[str, Campaign] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


class Rulebook:
    """Reads the catalogue's rules and campaigns anew when a file changed; ``look`` is called now and then."""

    def __init__(self, catalogue: Path, read: Callable[[Path], Book] | None = None) -> None:
        self._root, self._read = catalogue, read or load
        self._seen: object = None
        self.book = Book()

    def look(self) -> bool:
        """Whether other rules are in force now than before."""
        files = sorted((*self._root.glob(f"{folder.FOLDER}/*.y*ml"), *self._root.glob("*.yaml")))
        seen = [(path, path.stat().st_mtime_ns, path.stat().st_size) for path in files]
        if seen == self._seen:
            return False
        self._seen = seen
        found = self._read(self._root)
        for problem in found.problems:
            log.error("rules stay as they were: %s", problem)
        if found.problems:
            self.book = Book(self.book.rules, self.book.campaigns, found.problems)
            return False
        is_other = [one.fingerprint for one in found.rules] != [one.fingerprint for one in self.book.rules]
        self.book = found
        log.info("%s rules are in force", len(found.rules))
        return is_other


def load(root: Path) -> Book:
    """The rules and campaigns of a catalogue, with all that is wrong."""
    try:
        declared = folder.load(root / folder.FOLDER, known_of(root))
    except CatalogueError as error:
        return Book((), {}, (Problem("catalogue", 1, str(error)),))
    known = campaigns.load(root / campaigns.FILE)
    return Book(declared.rules, known.by_id, (*declared.problems, *known.problems))
