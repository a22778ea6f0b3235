"""The type Frame: an answer, as GraphQL gives it."""

from collections.abc import Sequence
from typing import Any

from strawberry.tools import create_type

from tidemark.api.fields import field, list_of
from tidemark.api.rows import Rows
from tidemark.api.types import Column, Cost, Freshness, Resolved
from tidemark.query import frame
from tidemark.query.frame import Answer

FRAME, COLUMN = "Frame", "Column"


def frame_type(row: type) -> type:
    """The type Frame, read from an `Answer`, with rows of the type ``row``."""

    def columns(root: Any) -> Sequence[frame.Column]:  # noqa: ANN401 - an Answer
        return _frame(root).columns

    def rows(root: Any) -> Rows:  # noqa: ANN401
        return Rows(_frame(root))

    def row_count(root: Any) -> int:  # noqa: ANN401
        return _frame(root).row_count

    def truncated(root: Any) -> bool:  # noqa: ANN401
        return _frame(root).truncated

    def resolved(root: Any) -> Resolved:  # noqa: ANN401
        return Resolved.of(_frame(root).resolved, _frame(root).source)

    def fresh(root: Any) -> Freshness:  # noqa: ANN401
        return Freshness.of(_frame(root).freshness, _frame(root).resolved.end)

    return create_type(
        FRAME,
        [
            field("columns", list[Column], "Columnar: the cheapest form for charts.", resolver=columns),
            field(
                "rows",
                list_of(row),
                "A row for each combination of dimension values with an event that the metrics look at, and "
                "with a grain one of them for each bucket; without dimensions always one, or one a bucket.",
                resolver=rows,
            ),
            field("rowCount", int, resolver=row_count),
            field("truncated", bool, "true when limit cut rows off.", resolver=truncated),
            field("resolved", Resolved, resolver=resolved),
            field("freshness", Freshness, resolver=fresh),
            field("cost", Cost),
        ],
    )


def _frame(answer: Answer) -> frame.Frame:
    return answer.frame
