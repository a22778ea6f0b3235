"""Operations on the whole schema with a fake desk: run or followed, and the codes of their errors."""

from collections.abc import Mapping
from typing import Any

from strawberry.types import ExecutionResult

from fake_desk import CALLER, CATALOGUE, FakeDesk, column, context_of, frame_of
from tidemark.api.errors import formatted
from tidemark.api.schema import build_schema
from tidemark.query.frame import Frame

SCHEMA = build_schema(CATALOGUE, currency="EUR")
ASK = "metrics(query: {metrics: [CLICKS], range: {lastSeconds: 60}})"
WATCH = f"subscription {{ {ASK} {{ rowCount columns {{ values }} }} }}"


def clicks(*values: int) -> Frame:
    return frame_of(column("clicks", list(values)))


def desk_of(*frames: Frame | Exception, failure: Exception | None = None) -> FakeDesk:
    return FakeDesk(frames=frames or (clicks(3),), failure=failure)


async def followed(
    document: str | None, desk: FakeDesk, variables: Mapping[str, Any] | None = None, **more: Any
) -> list[ExecutionResult]:
    results = [one async for one in await SCHEMA.stream(document, variables, context_of(desk), **more)]
    assert {*desk.callers, *desk.allowed} <= {CALLER}
    return results


def codes(result: ExecutionResult) -> list[str]:
    return [formatted(error)["extensions"]["code"] for error in result.errors or ()]
