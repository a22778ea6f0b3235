"""When an experiment is looked at: at fixed marks since its start, and at the present minute. Pure.

The guarantee is for all minutes at once, so any choice of looks keeps it, and fewer only make the running
interval wider. The marks are a function of the start alone: the same minute has the same answer for
everybody, now and later. They lie ever wider apart, since the evidence changes by ever smaller parts; and a
mark stays one, so what an experiment had shown at a mark it never takes back (unless late events change the
numbers of then). A grid that thinned out what lies behind would: a small p of last week would be forgotten.
Between two marks the present minute counts for itself, and a later one may say a little less.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MINUTE = 60
DIGITS = 5
"""Marks are ages in minutes that are written in so many binary digits and zeros: each minute up to 32, then
each second one up to 64, each fourth up to 128, …; the next is at most 1/16 older. 198 in 30 days."""


@dataclass(frozen=True, slots=True)
class Looks:
    """Instants at which the sums so far are looked at.

    Attributes:
        ends: Unix seconds on whole minutes, rising; at each, all minutes that began before it count.
    """

    ends: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def starts(self) -> tuple[int, ...]:
        """Where the minutes that are new at each look begin; the first holds everything before it."""
        return (0, *self.ends[:-1])


def looks(start: int, end: int, more: Iterable[int] = ()) -> Looks:
    """The marks between start and end, others in between, and the end itself.

    Args:
        start: of the experiment, Unix seconds.
        end: of the last minute that counts, Unix seconds on a whole minute.
        more: others, on whole minutes; what is not between start and end is left out.
    """
    first = floor(start)
    marks = (first + MINUTE * age for age in ages((end - first) // MINUTE))
    inner = {at for at in (*marks, *more) if first < at < end}
    return Looks((*sorted(inner), end))


def ages(most: int) -> Iterator[int]:
    """The marks up to ``most`` minutes after the start."""
    age, step = 1, 1
    while age <= most:
        yield age
        age += step
        if age >= step << DIGITS:
            step *= 2


def floor(at: float) -> int:
    """The whole minute that an instant (Unix seconds) lies in."""
    return int(at // MINUTE) * MINUTE


def ceiling(at: float) -> int:
    """The first whole minute at or after an instant (Unix seconds)."""
    return -floor(-at)
