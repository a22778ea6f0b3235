"""A preview as people read it in a terminal, and as machines do."""

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tidemark.alerts.preview import Alert, Preview, Suggestion
from tidemark.alerts.rule import Rule
from tidemark.alerts.series import Labels
from tidemark.alerts.template import written
from tidemark.alerts.trial import series_text
from tidemark.declared.values import as_length
from tidemark.query.instant import MINUTE_MS, format_instant, from_ms, parse_instant, to_ms

_MOST_CELLS, _LEAST_CELLS = 48, 12
_BESIDE = 62
"""Columns of the terminal that stand beside a timeline."""
_SHADES = " ░▒▓█"
Written = Callable[[float | None], str]
_MOST_SERIES, _MOST_ALERTS = 20, 10


def render(found: Preview, rule: Rule, zone: ZoneInfo, currency: str, width: int) -> RenderableType:
    """How often, for whom with a small timeline, the newest ones, and what would tell less.

    Args:
        found: The preview.
        rule: Of which it is.
        zone: In which times are shown.
        currency: Of amounts, ``USD``.
        width: Of the terminal, in columns.
    """

    def number(value: float | None) -> str:
        return written(value, rule.units.get("value"), currency)

    parts: list[RenderableType] = [_headline(found, rule, zone)]
    if found.from_ms > found.asked_ms:
        parts.append(Text(f"Judged from {_shown(found.from_ms, zone)}, since data does not go back further."))
    if found.alerts:
        cells = max(_LEAST_CELLS, min(_MOST_CELLS, width - _BESIDE))
        parts += [Text(), _by_series(found, cells), Text(), _newest(found, zone, number)]
    return Group(*parts, *_notes(found, rule, number))


def as_json(found: Preview) -> Mapping[str, object]:
    """Times are RFC 3339, lengths whole seconds."""
    return {
        "rule": found.rule,
        "asked": _instant(found.asked_ms),
        "from": _instant(found.from_ms),
        "to": _instant(found.to_ms),
        "ticks": found.ticks,
        "series": found.series,
        "stoppedTicks": found.stopped,
        "most": found.most,
        "alerts": [
            {
                "labels": dict(one.labels),
                "firedAt": _instant(one.fired_ms),
                "endedAt": None if one.ended_ms is None else _instant(one.ended_ms),
                "seconds": found.lasted_ms(one) // 1000,
                "value": one.value,
            }
            for one in found.alerts
        ],
        "suggestions": [
            {
                "forSeconds": None if one.for_ms is None else one.for_ms // 1000,
                "threshold": one.threshold,
                "alerts": one.alerts,
            }
            for one in found.suggestions
        ],
    }


def of_json(body: Mapping[str, Any]) -> Preview:
    """The preview that ``as_json`` told."""
    return Preview(
        rule=body["rule"],
        asked_ms=_ms(body["asked"]),
        from_ms=_ms(body["from"]),
        to_ms=_ms(body["to"]),
        ticks=body["ticks"],
        series=body["series"],
        alerts=tuple(
            Alert(
                labels=tuple(sorted(one["labels"].items())),
                fired_ms=_ms(one["firedAt"]),
                ended_ms=None if one["endedAt"] is None else _ms(one["endedAt"]),
                value=one["value"],
            )
            for one in body["alerts"]
        ),
        stopped=body["stoppedTicks"],
        most=body["most"],
        suggestions=tuple(
            Suggestion(
                for_ms=None if one["forSeconds"] is None else one["forSeconds"] * 1000,
                threshold=one["threshold"],
                alerts=one["alerts"],
            )
            for one in body["suggestions"]
        ),
    )


def _headline(found: Preview, rule: Rule, zone: ZoneInfo) -> Text:
    # each tick stands for the time since the one before it
    length = _lasting(found.to_ms - found.from_ms + rule.every_ms)
    past = f"in the {length} up to {_shown(found.to_ms, zone)}, {zone.key}"
    judged = f" ({found.ticks:,} ticks, {found.series:,} series)"
    if not found.alerts:
        return Text.assemble((found.rule, "bold"), f" would not have fired {past}{judged}.")
    whom = len({one.labels for one in found.alerts})
    still = sum(one.ended_ms is None for one in found.alerts)
    times = _many(len(found.alerts), "time")
    rest = f", {still:,} of them firing still" if still else ""
    told = f" would have fired {times} {past}{judged}, for {whom:,} of the series{rest}."
    return Text.assemble((found.rule, "bold"), told)


def _by_series(found: Preview, cells: int) -> Table:
    """Those that fire longest first; a cell of the timeline is darker the more of it there was an alert."""
    by_labels = groupby(sorted(found.alerts, key=lambda one: one.labels), key=lambda one: one.labels)
    rows = [(labels, list(alerts)) for labels, alerts in by_labels]
    rows.sort(key=lambda row: -sum(map(found.lasted_ms, row[1])))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("series", overflow="fold")
    for heading in ("times", "in all", "longest"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("when", no_wrap=True)
    for labels, alerts in rows[:_MOST_SERIES]:
        lengths = [found.lasted_ms(one) for one in alerts]
        timeline = Text(f"▕{''.join(_timeline(found, alerts, cells))}▏", "red")
        table.add_row(
            _series(labels), f"{len(alerts):,}", _lasting(sum(lengths)), _lasting(max(lengths)), timeline
        )
    if len(rows) > _MOST_SERIES:
        table.add_row(f"and {len(rows) - _MOST_SERIES:,} more")
    return table


def _timeline(found: Preview, alerts: list[Alert], cells: int) -> Iterator[str]:
    whole = max(1, found.to_ms - found.from_ms)
    for cell in range(cells):
        start, end = (found.from_ms + whole * edge / cells for edge in (cell, cell + 1))
        told = any(start <= one.fired_ms < end for one in alerts)
        firing = sum(
            max(0.0, min(end, one.fired_ms + found.lasted_ms(one)) - max(start, one.fired_ms))
            for one in alerts
        )
        share = firing / (end - start)
        # the least shade also of what was short: what was told must be seen
        yield _SHADES[max(round(share * (len(_SHADES) - 1)), 1 if firing or told else 0)]


def _newest(found: Preview, zone: ZoneInfo, number: Written) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    newest = found.alerts[-_MOST_ALERTS:]
    has_values = any(one.value is not None for one in newest)  # a condition of several comparisons has none
    table.add_column("fired", no_wrap=True)
    table.add_column("series", overflow="fold")
    for heading in ("value", "for") if has_values else ("for",):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in reversed(newest):
        lasted = _lasting(found.lasted_ms(one))
        value = (number(one.value),) if has_values else ()
        how_long = lasted if one.ended_ms is not None else f"{lasted}, still"
        table.add_row(_shown(one.fired_ms, zone), _series(one.labels), *value, how_long)
    if len(found.alerts) > _MOST_ALERTS:
        table.add_row(f"and {len(found.alerts) - _MOST_ALERTS:,} before")
    return table


def _notes(found: Preview, rule: Rule, number: Written) -> Iterator[Text]:
    if found.stopped:
        told = (
            f"The rule was stopped at {_many(found.stopped, 'tick')}: its condition held for more series than"
        )
        yield Text(f"{told} {rule.max_instances:,}; narrow it, or raise max_instances.", "yellow")
    if len(found.alerts) <= found.most:
        return
    yield Text(f"That is too often; {_many(found.most, 'time')} would do for this while.", "yellow")
    for one in found.suggestions:
        yield Text(
            f"With {_change(one, rule, number)} it would have been {_many(one.alerts, 'time')}.", "green"
        )
    if not found.suggestions:
        told = "No longer `for` and no other number makes it that few and still tells something"
        yield Text(f"{told}; look at fewer series, or at a longer window.", "yellow")


def _change(one: Suggestion, rule: Rule, number: Written) -> str:
    if one.for_ms is not None:
        return f"`for: {as_length(one.for_ms)}`"
    return f"{number(one.threshold)} in place of {number(rule.threshold)}"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _series(labels: Labels) -> str:
    return series_text(labels) or "all"


def _lasting(length_ms: int) -> str:
    """``0m``, ``45m``, ``1h 5m``, ``2d 3h``: the two largest units."""
    minutes = length_ms // MINUTE_MS
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "m"))
    shown = [f"{number}{unit}" for number, unit in parts if number]
    return " ".join(shown[:2]) or "0m"


def _instant(at_ms: int) -> str:
    return format_instant(from_ms(at_ms))


def _ms(text: str) -> int:
    return to_ms(parse_instant(text))


def _shown(at_ms: int, zone: ZoneInfo) -> str:
    return f"{from_ms(at_ms).astimezone(zone):%a %d %b %H:%M}"
