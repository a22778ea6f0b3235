"""The type Frame: an answer, as GraphQL gives it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from strawberry.tools import create_type

from tidemark.api.fields import field, list_of
from tidemark.api.rows import Rows
from tidemark.api.types import Column, Cost, Freshness, Resolved
from tidemark.query.frame import Answer

FRAME, COLUMN = "Frame", "Column"


def frame_type(row: type) -> type:
    """The type Frame, with rows of the type ``row``; `RESOLVERS` read it from an `Answer`."""
    return create_type(
        FRAME,
        [
            field("columns", list[Column], "Columnar: the cheapest form for charts."),
            field(
                "rows",
                list_of(row),
                "A row for each combination of dimension values with an event that the metrics look at, and "
                "with a grain one of them for each bucket; without dimensions always one, or one a bucket.",
            ),
            field("rowCount", int),
            field("truncated", bool, "true when limit cut rows off."),
            field("resolved", Resolved),
            field("freshness", Freshness),
            field("cost", Cost),
        ],
    )


def _resolved(answer: Answer, _info: object) -> Resolved:
    return Resolved.of(answer.frame.resolved, answer.frame.source)


def _freshness(answer: Answer, _info: object) -> Freshness:
    return Freshness.of(answer.frame.freshness, answer.frame.resolved.end)


RESOLVERS: Final[Mapping[str, Callable[[Answer, Any], object]]] = {
    "columns": lambda answer, _info: answer.frame.columns,
    "rows": lambda answer, _info: Rows(answer.frame),
    "rowCount": lambda answer, _info: answer.frame.row_count,
    "truncated": lambda answer, _info: answer.frame.truncated,
    "resolved": _resolved,
    "freshness": _freshness,
    "cost": lambda answer, _info: answer.cost,
}
