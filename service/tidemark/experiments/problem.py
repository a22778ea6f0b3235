"""What is wrong with a definition: one sentence with its file and line."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

_MOST_NAMES = 20
_MOST_CHARACTERS = 60


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


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that there is not, with the nearest one or all of them."""
    names = sorted(known)
    if not names:
        return f"there is no {what} {shown(name)}, since there is none at all; declare it first"
    near = get_close_matches(name[:_MOST_CHARACTERS], names, n=1)
    if near:
        return f"there is no {what} {shown(name)}; did you mean {shown(near[0])}?"
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return f"there is no {what} {shown(name)}; there are {', '.join(map(shown, names[:_MOST_NAMES]))}{more}"
