"""A ``metrics`` operation that asks for a frame both ways, columns and rows, and what it answered."""

from collections.abc import Mapping, Sequence
from typing import Any

import truth
from difference import Found, field

_FRAME = """query($query: MetricsQuery!) { metrics(query: $query) {
    columns { name values } rows { ROW } rowCount truncated
    resolved { from to previousFrom previousTo source } } }"""
_NUMBERS = ("values", "previous", "change", "lower", "upper")


def operation(question: Mapping[str, Any]) -> str:
    """The document; its variable is the question."""
    metrics = " ".join(field(name) for name in dict.fromkeys(question["metrics"]))
    numbers = [f"{kind} {{ {metrics} }}" for kind in _NUMBERS if metrics]
    row = ["bucket", "other", *map(field, dict.fromkeys(question.get("dimensions", ()))), *numbers]
    return _FRAME.replace("ROW", " ".join(row))


def found(frame: Mapping[str, Any]) -> Found:
    """The answer, whose rows must say the same as its columns."""
    columns = {column["name"]: column["values"] for column in frame["columns"]}
    for name, values in columns.items():
        assert _of_rows(frame["rows"], name) == values, f"the rows' {name} is not that of the columns"
    assert frame["rowCount"] == len(frame["rows"])
    if "bucket" in columns:
        columns["bucket"] = [truth.to_ms(text) for text in columns["bucket"]]
    resolved = frame["resolved"]
    bounds = (resolved[name] for name in ("from", "to", "previousFrom", "previousTo"))
    start, end, previous_start, previous_end = (None if at is None else truth.to_ms(at) for at in bounds)
    assert start is not None
    assert end is not None
    return Found(columns, frame["truncated"], start, end, previous_start, previous_end)


def _of_rows(rows: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    kind, _, metric = name.rpartition(".")
    if kind:
        return [row[kind][metric] for row in rows]
    return [row[name] if name in row else row["values"][name] for row in rows]
