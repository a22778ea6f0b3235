"""The contract's own scalars."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from tidemark.query.instant import format_instant, parse_instant

Values = NewType("Values", object)


def _instant_text(value: datetime | str) -> str:
    # a frame's buckets are text already, once for each bucket instead of once for each row
    return value if isinstance(value, str) else format_instant(value)


def _instant(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no instant; write text like 2026-11-23T12:00:00Z (RFC 3339)")  # noqa: TRY004
    return parse_instant(value)


def _no_input(_: object) -> object:
    raise ValueError("Values is for answers only")


SCALARS: Mapping[Any, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="RFC 3339 instant, always with an offset; answers use UTC.",
        serialize=_instant_text,
        parse_value=_instant,
    ),
    Values: strawberry.scalar(
        name="Values",
        description="A JSON array of one column's values; numbers stay numbers, missing is null.",
        serialize=lambda values: values,
        parse_value=_no_input,
    ),
}
