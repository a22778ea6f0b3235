"""Arms for tests of the statistics, and looking at parts of them."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from tidemark.stats.effect import Effect
from tidemark.stats.moments import Moments

Kind = Callable[[Moments, Moments], Effect]
Part = TypeVar("Part")


def conversions(n: ArrayLike, converted: ArrayLike) -> Moments:
    """A proportion's moments: users, and those who converted."""
    return Moments.exact(n=n, x=converted, xx=converted)


def pick(part: Part, index: Any) -> Part:
    """The same with every array indexed (but those that are one number for all)."""
    if is_dataclass(part) and not isinstance(part, type):
        return type(part)(**{one.name: pick(getattr(part, one.name), index) for one in fields(part)})
    array: Any = np.asarray(part)
    return array[index] if array.ndim else array  # type: ignore[no-any-return]
