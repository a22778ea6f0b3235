"""From the words of the command line to the variables of a GraphQL operation, without looking anything up."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tidemark.query.instant import format_instant, parse_instant

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LAST = re.compile(r"(\d{1,9})([smhdw])")
_CONDITION = re.compile(r"([A-Za-z][A-Za-z0-9_]*)(!?=)(.*)", re.DOTALL)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NO_OFFSET = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?")


class AskingError(ValueError):
    """A word of the command line is wrong; the message says which and how to write it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A MetricsQuery, as its variables are written."""

    metrics: tuple[str, ...]
    dimensions: tuple[str, ...]
    where: tuple[dict[str, Any], ...]
    range: dict[str, Any]
    grain: str | None
    limit: int

    @property
    def variables(self) -> dict[str, Any]:
        """The input object."""
        return {
            "metrics": self.metrics,
            "dimensions": self.dimensions,
            "where": self.where,
            "range": self.range,
            "grain": self.grain,
            "limit": self.limit,
        }

    def total(self) -> "Asked":
        """The same over the whole range: ratios do not add up, so they are asked for, not summed."""
        return replace(self, grain=None)

    def with_limit(self, limit: int) -> "Asked":
        """The same with another limit."""
        return replace(self, limit=limit)

    def only(self, values: Sequence[str]) -> "Asked":
        """The same for these values of its first dimension."""
        condition = {"dimension": self.dimensions[0], "op": "IN", "values": values}
        return replace(self, where=(*self.where, condition))


def asked(
    *,
    metrics: str,
    by: str,
    where: Sequence[str],
    last: str | None,
    start: str | None,
    end: str | None,
    grain: str | None,
    limit: int,
) -> Asked:
    """The question that these options ask; names are left to the service to know.

    Raises:
        AskingError: an option cannot be read.
    """
    return Asked(
        metrics=_names(metrics),
        dimensions=_names(by),
        where=tuple(_condition(text) for text in where),
        range=_range(last, start, end),
        grain=grain.strip().upper().replace("-", "_") if grain else None,
        limit=limit,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip().upper().replace("-", "_") for name in text.split(",") if name.strip())


def _condition(text: str) -> dict[str, Any]:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise AskingError(f"--where {text!r} cannot be read; write campaign=a,b or campaign!=a,b")
    name, operator, values = found.groups()
    # commas within a value stand in quotes: campaign="a,b",c
    try:
        given = next(csv.reader([values]), []) or [""]
    except csv.Error as error:
        raise AskingError(f"--where {text!r} cannot be read: {error}") from error
    return {"dimension": name.upper(), "op": "IN" if operator == "=" else "NOT_IN", "values": given}


def _range(last: str | None, start: str | None, end: str | None) -> dict[str, Any]:
    if start is None and end is None:
        return {"lastSeconds": _last(last or "1h")}
    if last is not None:
        raise AskingError("--last stands beside --from or --to; give --last alone, or --from and --to")
    if start is None or end is None:
        raise AskingError(f"--{'to' if start else 'from'} is missing; give --from and --to, or --last")
    return {"from": _instant("--from", start), "to": _instant("--to", end)}


def _last(text: str) -> int:
    found = _LAST.fullmatch(text.strip().lower())
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds < 2**31:
        raise AskingError(f"--last {text!r} cannot be read; write 90s, 15m, 1h, 7d or 2w, up to 3,500w")
    return seconds


def _instant(option: str, text: str) -> str:
    if _DAY.fullmatch(text):
        text = f"{text}T00:00:00Z"
    elif _NO_OFFSET.fullmatch(text):  # a person at a terminal means the zone that answers are in
        try:
            return format_instant(datetime.fromisoformat(text.upper()).replace(tzinfo=UTC))
        except ValueError as error:
            raise AskingError(f"{option} {text!r} is no time: {error}") from error
    try:
        return format_instant(parse_instant(text))
    except ValueError:
        raise AskingError(
            f"{option} {text!r} cannot be read; write 2026-11-23, 2026-11-23T12:00 (UTC) or "
            "2026-11-23T12:00:00+01:00"
        ) from None
