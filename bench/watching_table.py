"""Tables of the bench as Markdown, and the bar for a share that was found in a simulation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from tidemark.stats.array import Flags

SEED = 6
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        words: What it shows, a paragraph.
        head: Names of the columns; the first are left-aligned as long as cells are words.
        rows: Cells.
        missed: What is above its bar, a sentence each.
    """

    words: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    missed: Sequence[str] = ()

    def markdown(self) -> str:
        """The paragraph and the table."""
        lines = [self.head, ["--:"] * len(self.head), *self.rows]
        return self.words + "\n\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def bar(alpha: float, paths: int) -> float:
    """The most that so many paths may show if the truth is alpha: three standard errors above."""
    return alpha + 3 * sqrt(alpha * (1 - alpha) / paths)


def above(share: float, alpha: float, paths: int, what: str) -> list[str]:
    """A sentence if the share is above the bar."""
    most = bar(alpha, paths)
    return [] if share <= most else [f"{what}: {share:.2%}, more than {most:.2%}"]


def percent(flags: Flags | float) -> str:
    """The share of paths."""
    return f"{100 * float(np.mean(flags)):.1f} %"


def chunks(paths: int, size: int, *row: int) -> Iterator[tuple[np.random.Generator, int]]:
    """A generator a chunk of paths, so that memory stays small: the same for a row, whatever ran before."""
    for start in range(0, paths, size):
        yield np.random.default_rng([SEED, *row, start]), min(size, paths - start)
