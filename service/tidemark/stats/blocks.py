"""Work on large arrays in blocks that stay in the processor's cache.

A kernel of a hundred elementwise operations makes as many temporary arrays. Where each is some megabytes,
most of the time goes into fresh pages of memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

ELEMENTS = 1 << 14
"""About how many elements a block has: 128 kB an array."""

Result = TypeVar("Result")


def in_blocks(work: Callable[..., Result], *parts: object) -> Result:
    """``work(*parts)``, done on blocks of the first axis, with the results joined along it.

    Parts and results are arrays or (nested) dataclasses of arrays; results have all axes of the parts. An
    array of fewer axes than the largest has, or of one row, goes into each block as it is. Elements of
    different rows must not depend on each other.
    """
    arrays = [array for part in parts for array in _arrays(part)]
    axes = max((array.ndim for array in arrays), default=0)
    shape = np.broadcast_shapes(*(array.shape for array in arrays if array.ndim == axes > 1))
    rows, step = (shape[0], max(1, ELEMENTS * shape[0] // max(int(np.prod(shape)), 1))) if shape else (1, 1)
    if rows <= step:
        return work(*parts)

    def block(start: int) -> Result:
        def rows_of(array: NDArray[Any]) -> NDArray[Any]:
            return array[start : start + step] if array.ndim == axes and len(array) > 1 else array

        return work(*(_each(part, rows_of) for part in parts))

    first = block(0)
    joined: Result = _each(first, lambda array: np.empty((rows, *array.shape[1:]), array.dtype))
    for start in range(0, rows, step):
        found = first if start == 0 else block(start)
        for whole, part in zip(_arrays(joined), _arrays(found), strict=True):
            whole[start : start + step] = part
    return joined


def _arrays(part: object) -> Iterator[NDArray[Any]]:
    if is_dataclass(part):
        for field in fields(part):
            yield from _arrays(getattr(part, field.name))
    else:
        yield np.asarray(part)


def _each(part: Any, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Any:  # noqa: ANN401 - any dataclass
    """The same with every array changed."""
    if is_dataclass(part) and not isinstance(part, type):
        return type(part)(**{one.name: _each(getattr(part, one.name), change) for one in fields(part)})
    return change(np.asarray(part))
