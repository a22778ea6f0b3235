"""A frame as people want to read it in a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tidemark.query.client import Body
from tidemark.query.instant import parse_instant

_BARS = "▁▂▃▄▅▆▇█"
_NARROWEST, _WIDEST = 8, 60
_WIDEST_NAME = 40
_NONE = "–"  # noqa: RUF001 - an en dash is meant
Number = int | float | None
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the table: its cells, or the points that sparklines are drawn of."""

    header: str
    cells: list[Text] = field(default_factory=list)
    justify: Literal["left", "right"] = "right"
    points: Sequence[Sequence[Number]] | None = None

    @property
    def width(self) -> int:
        """As wide as its widest cell; a sparkline may be wider, a name narrower."""
        if self.points is not None:
            return _NARROWEST
        widest = max(cell_len(text) for text in [self.header, *(cell.plain for cell in self.cells)])
        return min(widest, _WIDEST_NAME) if self.justify == "left" else widest


def render(total: Body, series: Body | None, width: int, *, intervals: bool = False) -> RenderableType:
    """A line for each combination of dimensions, with its totals and sparklines; the watermark below.

    What does not fit beside each other stands below each other, some metrics a table.
    """
    names, groups = _names(total), list(_groups(total, series, intervals=intervals))
    tables = [_table([*names, *block], total["rowCount"], width) for block in _blocks(names, groups, width)]
    return Group(*(part for table in tables for part in (table, Text())), *_notes(total, series))


def _names(total: Body) -> list[_Column]:
    """The dimensions."""
    rows = total["rows"]
    names = [column["name"] for column in total["columns"] if column["kind"] == "DIMENSION"]
    found = [_Column(name, [name_text(row[name]) for row in rows], "left") for name in names]
    if found:
        rest = [Text("(other)", "italic") if row.get("other") else name_text(row[names[0]]) for row in rows]
        found[0] = _Column(names[0], rest, "left")
    return found


def _groups(total: Body, series: Body | None, *, intervals: bool) -> Iterator[list[_Column]]:
    """What there is to see of each metric: value, interval, sparkline, the value before and the change."""
    rows, known = total["rows"], {column["name"] for column in total["columns"]}
    dimensions = [column["name"] for column in total["columns"] if column["kind"] == "DIMENSION"]
    points = _points(series, dimensions) if series else {}
    for column in total["columns"]:
        if column["kind"] != "METRIC":
            continue
        name, unit = column["name"], column["unit"]
        group = [_Column(name, [Text(human(row[name], unit)) for row in rows])]
        lower, upper = f"lower.{name}", f"upper.{name}"
        if intervals and any(row.get(lower) is not None for row in rows):
            group.append(_Column("95 %", [_interval(row[lower], row[upper], unit) for row in rows]))
        if series:
            keys = (_key(row, dimensions) for row in rows)
            drawn = [[point[name] for point in points.get(key, ())] for key in keys]
            group.append(_Column("", justify="left", points=drawn))
        if f"previous.{name}" in known:
            before = [Text(human(row[f"previous.{name}"], unit), "dim") for row in rows]
            changes = [change_text(row[f"change.{name}"]) for row in rows]
            group += [_Column("before", before), _Column("change", changes)]
        yield group


def _blocks(names: list[_Column], groups: list[list[_Column]], width: int) -> list[list[_Column]]:
    """The metrics of each table: as many as fit, at least one; none where no metric is asked for."""
    blocks: list[list[_Column]] = []
    for group in groups:
        if blocks and _taken([*names, *blocks[-1], *group]) <= width:
            blocks[-1].extend(group)
        else:
            blocks.append(list(group))
    return blocks or [[]]


def _table(columns: list[_Column], count: int, width: int) -> Table:
    """Sparklines get the room that is left, or are left out where there is none."""
    sparklines = sum(column.points is not None for column in columns)
    room = _NARROWEST + (width - _taken(columns)) // max(1, sparklines)
    shown = [column for column in columns if column.points is None or room >= _NARROWEST]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in shown:
        if column.justify == "left" and column.points is None:
            table.add_column(column.header, overflow="fold", max_width=_WIDEST_NAME)
        else:
            table.add_column(column.header, justify=column.justify, no_wrap=True)
    for number in range(count):
        table.add_row(
            *(
                column.cells[number]
                if column.points is None
                else Text(sparkline(column.points[number], min(room, _WIDEST)), style="cyan")
                for column in shown
            )
        )
    return table


def _taken(columns: Sequence[_Column]) -> int:
    """How wide a table of these columns is, its sparklines as narrow as they may be."""
    return sum(column.width for column in columns) + 2 * (len(columns) - 1)


def human(value: Number, unit: str | None) -> str:
    """A number for people: ``1,234``, ``1.23 %``, ``58,705.23 USD``; an en dash where there is none."""
    if value is None:
        return _NONE
    if unit == "fraction":
        return f"{value * 100:,.2f} %"
    if unit is not None:
        return f"{value:,.2f} {unit}"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"


def change_text(change: Number) -> Text:
    """``▲ 12.3 %`` or ``▼ 4.0 %``; the colours tell the direction, not whether it is a good one."""
    if change is None:
        return Text(_NONE, "dim")
    if change == 0:
        return Text("= 0.0 %", "dim")
    arrow, style = ("▲", "blue") if change > 0 else ("▼", "magenta")
    return Text(f"{arrow} {abs(change) * 100:,.1f} %", style)


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


def watermark(freshness: Row, zone: str = "UTC") -> Text:
    """``complete through 12:03:04 UTC, 1.8 s ago; audited through …``."""
    now = _local(freshness["now"], zone)
    parts = []
    for word, known in (("complete", freshness["completeThrough"]), ("audited", freshness["auditedThrough"])):
        if known is None:
            parts.append(f"{word} through: not known yet")
            continue
        at = _local(known, zone)
        day = "" if at.date() == now.date() else f"{at:%Y-%m-%d} "
        parts.append(f"{word} through {day}{at:%H:%M:%S} {zone}, {_ago((now - at).total_seconds())} ago")
    return Text("; ".join(parts), style="dim" if freshness["completeThrough"] else "yellow")


def name_text(value: str | None) -> Text:
    """A dimension's value; what would steer the terminal is shown as a dot."""
    if not value:
        return Text("(none)", style="dim")
    return Text("".join(letter if letter.isprintable() else "·" for letter in value))


def range_text(resolved: Row) -> str:
    """``2026-11-23 11:59 to 2026-11-23 12:01 UTC``."""
    zone = resolved["timezone"]
    return f"{_moment(resolved['from'], zone)} to {_moment(resolved['to'], zone)} {zone}"


def before_text(resolved: Row) -> str | None:
    """The range that it is compared with, likewise; None without one."""
    if resolved["previousFrom"] is None:
        return None
    return range_text({**resolved, "from": resolved["previousFrom"], "to": resolved["previousTo"]})


def _notes(total: Body, series: Body | None) -> Iterator[Text]:
    if series and series["truncated"]:
        yield Text("more buckets than can be asked for: sparklines end early; see --top", style="yellow")
    if total["truncated"]:
        yield Text(f"{total['rowCount']:,} lines, and there are more; see --limit", style="yellow")
    grain = f" by {series['resolved']['grain'].lower().replace('_', ' ')}" if series else ""
    yield Text(f"{range_text(total['resolved'])}{grain}", style="dim")
    if before := before_text(total["resolved"]):
        yield Text(f"before: {before}", style="dim")
    yield watermark(total["freshness"], total["resolved"]["timezone"])


def _key(row: Row, dimensions: Sequence[str]) -> tuple[Any, ...]:
    return bool(row.get("other")), *(row[name] for name in dimensions)


def _points(series: Body, dimensions: Sequence[str]) -> dict[tuple[Any, ...], list[Row]]:
    """The rows of each line, in the order of their buckets, none of which is left out."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in series["rows"]:
        found.setdefault(_key(row, dimensions), []).append(row)
    return found


def _interval(lower: Number, upper: Number, unit: str | None) -> Text:
    if lower is None or upper is None:
        return Text(_NONE, "dim")
    return Text(f"{human(lower, unit).removesuffix(' %')} to {human(upper, unit)}", "dim")


def _local(text: str, zone: str) -> datetime:
    return parse_instant(text).astimezone(ZoneInfo(zone))


def _moment(text: str, zone: str) -> str:
    at = _local(text, zone)
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
