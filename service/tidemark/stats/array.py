"""What all modules here share: the types of arrays, a division that knows 0, sums over time."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int64]
Sides = NDArray[np.int8]

LOG_LIMIT = 300 * np.log(10)
"""Evidence ends here: p at 1e-300 and e at 1e300, so that neither is ever 0 or infinite."""


def floats(values: ArrayLike) -> Floats:
    """The values as float64, no copy where they are so already."""
    return np.asarray(values, dtype=np.float64)


def divide(part: ArrayLike, whole: ArrayLike) -> Floats:
    """``part / whole``, and 0 where the whole is 0; any broadcastable shapes."""
    below = floats(whole)
    quotient: Floats = floats(part) / np.where(below == 0, np.inf, below)
    return quotient


def root(values: ArrayLike) -> Floats:
    """The square root, and 0 below 0, where only rounding leads."""
    return floats(np.sqrt(np.maximum(floats(values), 0.0)))


def probability(log_p: ArrayLike) -> Floats:
    """A probability from its logarithm: at most 1, at least 1e-300."""
    return floats(np.exp(np.clip(floats(log_p), -LOG_LIMIT, 0.0)))


def running(fold: Callable[..., Any], values: NDArray[Any]) -> NDArray[Any]:
    """``fold`` (``np.maximum.accumulate``, …) over the last axis, which is time; one value stays as it is."""
    folded: NDArray[Any] = fold(values, axis=-1) if values.ndim and values.shape[-1] > 1 else values
    return folded
