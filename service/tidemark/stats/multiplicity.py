"""Many comparisons at once: adjusted p-values of a family, and discoveries across slices.

NaN is no member of the family. Holm holds under any dependence. Benjamini-Hochberg holds for independent or
positively dependent p-values only, and must be labelled so. e-BH holds under any dependence, and at any time
when fed with the e-values of that time.
"""

from math import log

import numpy as np
from numpy.typing import ArrayLike

from tidemark.stats.array import Flags, Floats, floats


def holm(p_values: ArrayLike, axis: int = -1) -> Floats:
    """Holm 1979, step-down: adjusted p-values along ``axis``, for the family-wise error."""
    ordered, order, members = _ordered(p_values, axis)
    factors = np.maximum(members - np.arange(ordered.shape[-1]), 1)
    adjusted = np.maximum.accumulate(np.minimum(ordered * factors, 1.0), axis=-1)
    return _restored(adjusted, order, axis)


def benjamini_hochberg(p_values: ArrayLike, axis: int = -1) -> Floats:
    """Benjamini and Hochberg 1995, step-up: adjusted p-values, for the false discovery rate."""
    ordered, order, members = _ordered(p_values, axis)
    factors = members / np.arange(1, ordered.shape[-1] + 1)
    scaled = np.where(np.isnan(ordered), np.inf, np.minimum(ordered * factors, 1.0))
    adjusted = np.minimum.accumulate(scaled[..., ::-1], axis=-1)[..., ::-1]
    return _restored(np.where(np.isnan(ordered), np.nan, adjusted), order, axis)


def e_bh(log_e: ArrayLike, alpha: float, axis: int = -1) -> Flags:
    """E-BH (Wang and Ramdas 2022, "False discovery rate control with e-values"): who is a discovery.

    The k largest of K e-values are, for the largest k with e_(k) >= K / (alpha k). The e-values come as
    logarithms, along ``axis``, of one time: a running maximum is no e-value.
    """
    ordered, order, members = _ordered(-floats(log_e), axis)
    ranks = np.arange(1, ordered.shape[-1] + 1)
    with_nan = np.where(np.isnan(ordered), np.inf, ordered)
    passed = -with_nan >= np.log(np.maximum(members, 1) / ranks) - log(alpha)
    count = np.max(np.where(passed, ranks, 0), axis=-1, keepdims=True, initial=0)
    found: Flags = _restored((ranks <= count).astype(np.float64), order, axis) > 0
    return found


def _ordered(
    values: ArrayLike, axis: int
) -> tuple[Floats, np.ndarray[tuple[int, ...], np.dtype[np.intp]], Floats]:
    """Along the last axis in rising order, NaN last; the order; and how many are members."""
    moved = np.moveaxis(floats(values), axis, -1)
    order = np.argsort(moved, axis=-1, kind="stable")
    members = floats(np.count_nonzero(~np.isnan(moved), axis=-1))[..., None]
    return np.take_along_axis(moved, order, axis=-1), order, members


def _restored(ordered: Floats, order: np.ndarray[tuple[int, ...], np.dtype[np.intp]], axis: int) -> Floats:
    values = np.empty_like(ordered)
    np.put_along_axis(values, order, ordered, axis=-1)
    return np.moveaxis(values, -1, axis)
