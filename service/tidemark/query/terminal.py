"""A frame as people want to read it in a terminal."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tidemark.query.client import Frame
from tidemark.query.grain import Grain, bucket_start, next_bucket
from tidemark.query.instant import format_instant, parse_instant

_BARS = "▁▂▃▄▅▆▇█"
_NARROWEST, _WIDEST = 8, 60
_WIDEST_NAME = 40
Number = int | float | None


def render(total: Frame, series: Frame | None, width: int) -> RenderableType:
    """A line for each combination of dimensions, with its totals and sparklines; the watermark below."""
    dimensions, metrics = _columns(total, "DIMENSION"), _columns(total, "METRIC")
    lines = _series(series) if series else {}
    buckets = _buckets(series) if series else []
    room = _room(dimensions, metrics, width)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in dimensions:
        table.add_column(column["name"], overflow="fold", max_width=_WIDEST_NAME)
    for column in metrics:
        table.add_column(column["name"], justify="right", no_wrap=True)
        if series:
            table.add_column("", no_wrap=True)
    for row in range(total["rowCount"]):
        key = tuple(column["values"][row] for column in dimensions)
        cells: list[Text] = [name_text(value) for value in key]
        for number, column in enumerate(metrics):
            cells.append(Text(human(column["values"][row], column["unit"])))
            if series:
                found = lines.get(key, {})
                points = [found[at][number] if at in found else None for at in buckets]
                cells.append(Text(sparkline(points, room), style="cyan"))
        table.add_row(*cells)
    notes = [_range_line(total, series), watermark(total["freshness"])]
    if total["truncated"]:
        notes.insert(0, Text(f"{total['rowCount']:,} lines, and there are more; see --limit", style="yellow"))
    if series and series["truncated"]:
        notes.insert(0, Text("more buckets than can be asked for: sparklines end early", style="yellow"))
    return Group(table, Text(), *notes)


def _room(dimensions: list[dict[str, Any]], metrics: list[dict[str, Any]], width: int) -> int:
    """How wide a sparkline may be, so that the table fits."""
    names = sum(min(_WIDEST_NAME, max(len(cell) for cell in [c["name"], *c["values"]])) for c in dimensions)
    numbers = sum(
        max(len(cell) for cell in [c["name"], *(human(value, c["unit"]) for value in c["values"])])
        for c in metrics
    )
    gaps = 2 * (len(dimensions) + 2 * len(metrics))
    return min(max((width - names - numbers - gaps) // max(1, len(metrics)), _NARROWEST), _WIDEST)


def human(value: Number, unit: str | None) -> str:
    """A number for people: ``1,234``, ``1.23 %``, ``58,705.23 USD``; an en dash where there is none."""
    if value is None:
        return "–"  # noqa: RUF001 - an en dash is meant
    if unit == "fraction":
        return f"{value * 100:,.2f} %"
    if unit is not None:
        return f"{value:,.2f} {unit}"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"


def sparkline(values: Sequence[Number], width: int) -> str:
    """Bars from 0 (or the least value below it) to the greatest; a blank where there is no value.

    More values than ``width`` are drawn as the means of neighbours.
    """
    if len(values) > width:
        edges = [len(values) * n // width for n in range(width + 1)]
        values = [_mean(values[a:b]) for a, b in pairwise(edges)]
    known = [value for value in values if value is not None]
    low, high = min([0, *known]), max([0, *known])
    step = (high - low) / (len(_BARS) - 1) or 1
    return "".join(" " if value is None else _BARS[round((value - low) / step)] for value in values)


def watermark(freshness: dict[str, Any]) -> Text:
    """``complete through 12:03:04 UTC, 1.8 s ago; audited through …``."""
    now = parse_instant(freshness["now"])
    parts = []
    for word, known in (("complete", freshness["completeThrough"]), ("audited", freshness["auditedThrough"])):
        if known is None:
            parts.append(f"{word} through: not known yet")
            continue
        at = parse_instant(known)
        day = "" if at.date() == now.date() else f"{at:%Y-%m-%d} "
        parts.append(f"{word} through {day}{at:%H:%M:%S} UTC, {_ago((now - at).total_seconds())} ago")
    return Text("; ".join(parts), style="dim" if freshness["completeThrough"] else "yellow")


def name_text(value: str) -> Text:
    """A dimension's value; what would steer the terminal is shown as a dot."""
    if not value:
        return Text("(none)", style="dim")
    return Text("".join(letter if letter.isprintable() else "·" for letter in value))


def _columns(frame: Frame, kind: str) -> list[dict[str, Any]]:
    return [column for column in frame["columns"] if column["kind"] == kind]


def _series(frame: Frame) -> dict[tuple[str, ...], dict[str, tuple[Number, ...]]]:
    """Dimensions → bucket → metrics."""
    keys = [column["values"] for column in _columns(frame, "DIMENSION")]
    values = [column["values"] for column in _columns(frame, "METRIC")]
    found: dict[tuple[str, ...], dict[str, tuple[Number, ...]]] = {}
    for row, bucket in enumerate(_columns(frame, "BUCKET")[0]["values"]):
        key = tuple(column[row] for column in keys)
        found.setdefault(key, {})[bucket] = tuple(column[row] for column in values)
    return found


def _buckets(frame: Frame) -> list[str]:
    """Every bucket of the range, those without a row too."""
    resolved = frame["resolved"]
    grain, end = Grain[resolved["grain"]], parse_instant(resolved["to"])
    at = bucket_start(parse_instant(resolved["from"]), grain)
    found = []
    while at < end:
        found.append(format_instant(at))
        at = next_bucket(at, grain)
    return found


def _range_line(total: Frame, series: Frame | None) -> Text:
    resolved = total["resolved"]
    start, end = parse_instant(resolved["from"]), parse_instant(resolved["to"])
    grain = f" by {series['resolved']['grain'].lower().replace('_', ' ')}" if series else ""
    return Text(f"{_moment(start)} to {_moment(end)} UTC{grain}", style="dim")


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at.second or at.microsecond else f"{at:%Y-%m-%d %H:%M}"


def _ago(seconds: float) -> str:
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    for size, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {word}"
    raise AssertionError


def _mean(values: Sequence[Number]) -> Number:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
