"""Reads the rows of a CSV or NDJSON file, gzipped or not, one after the other."""

import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from tidemark.ingest.replay.cells import UnreadableError
from tidemark.ingest.replay.spec import FileFormat, ReplayMap

STDIN = "-"
_GZIP_MAGIC = b"\x1f\x8b"
_FORMAT_OF_SUFFIX: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
}

Record = Sequence[str] | UnreadableError


class FileError(ValueError):
    """A file that cannot be replayed; the message is a sentence."""


class _Numeral(str):
    """A JSON number as the text that it is in the file, so that an amount stays exact."""

    __slots__ = ()


@dataclass(slots=True)
class Rows:
    """An open file's rows.

    Attributes:
        columns: of the header (CSV), or those that the map asks for (NDJSON).
        size: of the file in bytes, compressed as it is; None for a pipe.
    """

    columns: tuple[str, ...]
    size: int | None
    _raw: IO[bytes]
    _records: Iterator[Record]
    _name: str

    def __iter__(self) -> Iterator[tuple[int, Record]]:
        """Each row's number, from 1, with its cells, or the reason why it has none.

        Raises:
            FileError: the file is not of its encoding, or its gzip stream is damaged.
        """
        number = 0
        try:
            for number, record in enumerate(self._records, start=1):
                yield number, record
        except (UnicodeDecodeError, EOFError, OSError, zlib.error) as error:
            raise _damage(self._name, number, error) from error

    def position(self) -> int:
        """How many bytes of the file have been read; 0 for a pipe."""
        return self._raw.tell() if self.size is not None else 0


@contextmanager
def open_rows(name: str, replay_map: ReplayMap) -> Iterator[Rows]:
    """Open a file, or standard input for ``-``, whatever its compression.

    Raises:
        FileError: it is not there, is empty, or its format cannot be told.
    """
    raw = _open(name)
    try:
        size = Path(name).stat().st_size if name != STDIN else None
        zipped = raw.peek(2)[:2] == _GZIP_MAGIC
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if zipped else raw
        kind = replay_map.format or _format_of(name)
        text = io.TextIOWrapper(stream, encoding=replay_map.encoding, newline="")
        if kind == "ndjson":
            columns = replay_map.columns
            records: Iterator[Record] = _objects(text, columns)
        else:
            columns, records = _csv(text, name, replay_map.delimiter)
        yield Rows(columns, size, raw, records, name)
    finally:
        if name != STDIN:
            raw.close()


def _open(name: str) -> io.BufferedReader:
    if name == STDIN:
        return io.BufferedReader(cast("io.RawIOBase", sys.stdin.buffer))
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise FileError(f"The file {name} cannot be read: {error.strerror}.") from error


def _format_of(name: str) -> FileFormat:
    suffixes = [suffix.lower() for suffix in Path(name).suffixes if suffix.lower() != ".gz"]
    if not suffixes or suffixes[-1] not in _FORMAT_OF_SUFFIX:
        raise FileError(
            f"The name {name} does not tell CSV from NDJSON: say format: csv or format: ndjson in the map."
        )
    return _FORMAT_OF_SUFFIX[suffixes[-1]]


def _csv(
    text: io.TextIOWrapper, name: str, delimiter: str | None
) -> tuple[tuple[str, ...], Iterator[Record]]:
    tabs = ".tsv" in Path(name).suffixes
    reader = csv.reader(text, delimiter=delimiter or ("\t" if tabs else ","))
    try:
        header = next(reader, None)
    except (UnicodeDecodeError, EOFError, OSError, zlib.error) as error:
        raise _damage(name, 0, error) from error
    except csv.Error as error:
        raise FileError(f"The file {name} has no header that can be read: {error}.") from error
    if not header:
        raise FileError(f"The file {name} is empty: its first line must name the columns.")
    columns = tuple(cell.strip() for cell in header)
    repeated = sorted({column for column in columns if columns.count(column) > 1})
    if repeated:
        raise FileError(f"The file {name} names the column {repeated[0]!r} twice in its first line.")
    return columns, _csv_records(reader)


def _csv_records(reader: "Iterator[list[str]]") -> Iterator[Record]:
    while True:
        try:
            # An empty line is no row; one cell that is empty is.
            yield from filter(None, reader)
        except csv.Error as error:
            yield UnreadableError("row", f"is no CSV: {error}")
        else:
            return


def _objects(text: io.TextIOWrapper, columns: Sequence[str]) -> Iterator[Record]:
    paths = [(column, column.split(".")) for column in columns]
    decoder = json.JSONDecoder(parse_float=_Numeral, parse_int=_Numeral, parse_constant=_Numeral)
    for line in text:
        if not line.strip():
            continue
        try:
            value = decoder.decode(line)
        except (ValueError, RecursionError):
            yield UnreadableError("row", "is no JSON", line.strip()[:80])
            continue
        if not isinstance(value, dict):
            yield UnreadableError("row", "is no JSON object", line.strip()[:80])
            continue
        yield [_text_at(value, column, path) for column, path in paths]


def _text_at(value: dict[str, object], column: str, path: Sequence[str]) -> str:
    found: object = value.get(column)
    if found is None and len(path) > 1:
        found = value
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
    if found is None:
        return ""
    if isinstance(found, bool):
        return "true" if found else "false"
    return found if isinstance(found, str) else json.dumps(_plain(found), ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return json.loads(value) if isinstance(value, _Numeral) else value


def _damage(name: str, row: int, error: Exception) -> FileError:
    if isinstance(error, UnicodeDecodeError):
        return FileError(
            f"The file {name} is not {error.encoding} (after row {row}): say its encoding in the map, "
            "e.g. encoding: cp1252."
        )
    return FileError(f"The file {name} is damaged after row {row}: {error}.")
