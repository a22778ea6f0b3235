"""Where an answer of the product differs from the recomputation."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import truth
from truth_values import RATES

_CLOSE = 1e-12
"""How far the ends of intervals may be off, relatively: their formula is not fixed to the last bit."""


@dataclass(frozen=True, slots=True)
class Found:
    """An answer of the product: its columns by name, in their order; instants in Unix ms."""

    columns: Mapping[str, Sequence[Any]]
    truncated: bool
    start: int
    end: int
    previous_start: int | None
    previous_end: int | None


def difference(expected: truth.Answer, found: Found, question: Mapping[str, Any]) -> str:
    """The first difference, with the question; empty where there is none."""
    first = next(_differences(expected, found, question), "")
    return first and f"{first}\n{json.dumps(question, ensure_ascii=True)}"


def field(name: str) -> str:
    """The field of an enum value, ``utmSource`` of ``UTM_SOURCE``."""
    head, *rest = name.lower().split("_")
    return head + "".join(part.capitalize() for part in rest)


def _differences(expected: truth.Answer, found: Found, question: Mapping[str, Any]) -> Iterator[str]:
    for what in ("start", "end", "previous_start", "previous_end", "truncated"):
        wanted, got = getattr(expected, what), getattr(found, what)
        if wanted != got:
            yield f"{what} is {got}, expected {wanted}"
    columns = dict(_columns(expected.rows, question))
    if list(columns) != list(found.columns):
        yield f"columns are {list(found.columns)}, expected {list(columns)}"
        return
    lengths = {len(values) for values in found.columns.values()}
    if lengths != {len(expected.rows)}:
        yield f"there are {sorted(lengths)} rows, expected {len(expected.rows)}"
    rows = zip(zip(*columns.values(), strict=True), zip(*found.columns.values(), strict=True), strict=False)
    for number, (wanted, got) in enumerate(rows):
        for name, one, other in zip(columns, wanted, got, strict=True):
            if not _same(name, one, other):
                yield (
                    f"row {number}, {name} is {other!r:.500}, expected {one!r:.500}\n"
                    f"  found    {got!r:.1000}\n  expected {wanted!r:.1000}"
                )


def _columns(
    rows: Sequence[truth.Row], question: Mapping[str, Any]
) -> Iterator[tuple[str, list[int | float | str | None]]]:
    if question.get("grain"):
        yield "bucket", [row["bucket"] for row in rows]
    if question.get("top") and question["top"].get("other", True):
        yield "other", [row["other"] for row in rows]
    for name in dict.fromkeys(question.get("dimensions", ())):
        yield field(name), [row["dimensions"][name] for row in rows]
    metrics = list(dict.fromkeys(question["metrics"]))
    rates = [name for name in metrics if name in RATES]
    compared = metrics if question.get("compare") else []
    for kind, names in (
        ("values", metrics),
        ("previous", compared),
        ("change", compared),
        ("lower", rates),
        ("upper", rates),
    ):
        for name in names:
            prefix = "" if kind == "values" else f"{kind}."
            yield prefix + field(name), [row[kind][name] for row in rows]


def _same(name: str, expected: Any, found: Any) -> bool:
    if isinstance(expected, bool) or isinstance(found, bool) or not isinstance(expected, int | float):
        return type(expected) is type(found) and bool(expected == found)
    if not isinstance(found, int | float):
        return False
    if name.startswith(("lower.", "upper.")):
        return math.isclose(expected, found, rel_tol=_CLOSE, abs_tol=1e-15)
    return expected == found
