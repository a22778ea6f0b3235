"""Reading the parts' logs: the last lines, and following them across rotation."""

import os
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path
from typing import Self

_BLOCK = 65_536


def last_lines(log: Path, count: int) -> list[str]:
    """The last ``count`` lines of a log, without reading all of it; none if there is no log."""
    try:
        with log.open("rb") as file:
            position = file.seek(0, os.SEEK_END)
            text = b""
            while position > 0 and text.count(b"\n") <= count:
                step = min(_BLOCK, position)
                position -= step
                file.seek(position)
                text = file.read(step) + text
    except FileNotFoundError:
        return []
    return text.decode(errors="replace").splitlines()[-count:] if count else []


def without_frames(lines: Sequence[str]) -> list[str]:
    """The lines without the frames of Java's stack traces, which bury the cause."""
    return [line for line in lines if line.strip() and not line.lstrip().startswith(("at ", "... "))]


class Tails:
    """The ends of several logs, from the moment at which this is made. A context manager."""

    def __init__(self, logs: Sequence[tuple[str, Path]]) -> None:
        self._tails = [(name, _Tail(path)) for name, path in logs]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for _name, tail in self._tails:
            tail.close()

    def new_lines(self) -> list[tuple[str, str]]:
        """The complete lines since the last call, as (name, line)."""
        return [(name, line) for name, tail in self._tails for line in tail.new_lines()]


class _Tail:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._open()
        self._rest = b""
        if self._file is not None:
            self._file.seek(0, os.SEEK_END)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def new_lines(self) -> list[str]:
        if self._file is None:
            self._file = self._open()
            if self._file is None:
                return []
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        if not lines and self._rotated(self._file):
            self._file.close()
            self._file = self._open()
        return [line.decode(errors="replace") for line in lines]

    def _open(self) -> BufferedReader | None:
        try:
            return self._path.open("rb")
        except FileNotFoundError:
            return None

    def _rotated(self, file: BufferedReader) -> bool:
        try:
            return not os.path.samestat(os.fstat(file.fileno()), self._path.stat())
        except FileNotFoundError:
            return True
