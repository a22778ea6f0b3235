"""Arrays that ClickHouse packed into one text by ``formatRow('RowBinary', …)``, read back.

An object for each number, as drivers make them, would take longer than the statement. RowBinary writes an
array as its length (LEB128) and its elements: numbers as they are in memory, texts as length and UTF-8.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Packed:
    """What is left of a text, in the order in which it was packed."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def texts(self) -> list[str]:
        """The next array, one of texts."""
        return [str(self._take(self._length()), "utf-8") for _ in range(self._length())]

    def numbers(self, kind: np.dtype[Any]) -> NDArray[Any]:
        """The next array, one of numbers; not to be written to.

        ``kind``: of the numbers, little-endian.
        """
        return np.frombuffer(self._take(self._length() * kind.itemsize), kind)

    def _length(self) -> int:
        length = shift = 0
        while True:
            byte = self._content[self._at]
            self._at += 1
            length |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - LEB128: seven bits a byte, and whether there are more
                return length
            shift += 7

    def _take(self, size: int) -> bytes:
        self._at += size
        return self._content[self._at - size : self._at]
