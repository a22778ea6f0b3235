"""What is wrong with what is declared: one sentence with its file and line."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

_MOST_NAMES = 20
_MOST_CHARACTERS = 60
_ALIKE = 0.55  # of difflib's ratio, which is 1 for the same text


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        file: the file's name within the folder.
        line: counted from 1.
        sentence: what is wrong, the limit, and what to do.
    """

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.sentence}"


def shown(text: str) -> str:
    """A value as a sentence shows it: short, on one line."""
    cut = text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"
    return cut if cut.isprintable() and cut else ascii(cut)


def nearest(name: str, known: Iterable[str]) -> str:
    """What could be meant by a name that there is not: the one most like it, or all of them."""
    names = sorted(known)
    near = get_close_matches(name[:_MOST_CHARACTERS], names, n=1, cutoff=_ALIKE)
    if near:
        return f"did you mean {shown(near[0])}?"
    if not names:
        return "there is none at all: declare it first"
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return f"there are {', '.join(map(shown, names[:_MOST_NAMES]))}{more}"
