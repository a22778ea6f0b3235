"""An answer as CSV (RFC 4180), safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from tidemark.query.frame import Column, ColumnKind, Frame
from tidemark.query.instant import parse_instant

# A cell that begins with one of these is a formula to a spreadsheet, also in quotes (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def sheet(frame: Frame) -> str:
    """A header and a line a row; no value is an empty cell.

    Buckets are RFC 3339 with the offset of the question's time zone, so that the first ten characters are
    the local day. A text that a spreadsheet would run gets an apostrophe before it.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(column.name for column in frame.columns)
    zone = ZoneInfo(frame.resolved.timezone)
    writer.writerows(zip(*(_cells(column, zone) for column in frame.columns), strict=True))
    return out.getvalue()


def _cells(column: Column, zone: ZoneInfo) -> Sequence[Any]:
    if column.kind is ColumnKind.DIMENSION:
        return [f"'{text}" if text and text.startswith(_FORMULA) else text for text in column.values]
    if column.kind is ColumnKind.OTHER:
        return ["true" if other else "false" for other in column.values]
    if column.kind is ColumnKind.BUCKET:
        # a bucket comes once for each of its rows
        texts = {at: _local(at, zone) for at in set(column.values)}
        return [texts[at] for at in column.values]
    return column.values


def _local(at: str, zone: ZoneInfo) -> str:
    text = parse_instant(at).astimezone(zone).isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text
