"""Media types: which one an answer has, and which status goes with it.

GraphQL over HTTP (draft), sections 6.1 and 6.4; RFC 9110, section 12.5.1.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from strawberry.types import ExecutionResult

from tidemark.query.errors import Code

RESULT: Final = "application/graphql-response+json"
JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
HTML: Final = "text/html"
# the whole request is refused, and waiting helps
_LATER: Final = frozenset({Code.BUDGET_EXHAUSTED.value, Code.TOO_MANY_QUERIES.value})


@dataclass(frozen=True, slots=True)
class Accept:
    """What a client takes.

    Attributes:
        qualities: Media range → quality, 0 to 1.
    """

    qualities: Mapping[str, float]

    @property
    def result(self) -> str | None:
        """The media type of a single result; None where the client takes neither.

        The graphql-response one goes to those who name it: who takes anything gets what all clients read.
        """
        best, plain = self._quality(RESULT), self._quality(JSON)
        if RESULT in self.qualities and best > 0 and best >= plain:
            return RESULT
        if plain > 0:
            return JSON
        return RESULT if best > 0 else None

    @property
    def events(self) -> bool:
        """Whether the client names server-sent events."""
        return self.names(EVENTS)

    @property
    def page(self) -> bool:
        """Whether the client is a browser that shows a page."""
        return self.names(HTML)

    def names(self, media_type: str) -> bool:
        """Whether the client asks for this very media type; who takes anything does not."""
        return self.qualities.get(media_type, 0) > 0

    def _quality(self, media_type: str) -> float:
        for name in (media_type, media_type.partition("/")[0] + "/*", "*/*"):
            if name in self.qualities:
                return self.qualities[name]
        return 0.0


@lru_cache(maxsize=256)
def accept_of(header: str) -> Accept:
    """The header read; one that is not there is empty, and takes anything."""
    found: dict[str, float] = {}
    for part in header.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if name:
            found[name] = _quality(parameters)
    return Accept(found or {"*/*": 1.0})


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                return 0.0
            return quality if 0 <= quality <= 1 else 0.0
    return 1.0


def was_executed(result: ExecutionResult) -> bool:
    """Whether the operation ran; if not, its answer has no ``data`` (a *request error*)."""
    return result.data is not None or any(error.path for error in result.errors or ())


def status_of(media_type: str, result: ExecutionResult, errors: list[dict[str, Any]]) -> int:
    """The status of a well-formed request's answer.

    application/json: always 200. application/graphql-response+json: 400 where the operation did not run, 429
    where all of it was refused for now, else 200.
    """
    if media_type == JSON:
        return 200
    if not was_executed(result):
        return 400
    later = result.data is None and all(error["extensions"]["code"] in _LATER for error in errors)
    return 429 if later else 200


def retry_after(errors: list[dict[str, Any]]) -> str:
    """The header where all of these errors wait for something."""
    return whole_seconds(max((error["extensions"].get("retryAfterMs", 0) for error in errors), default=0))


def whole_seconds(milliseconds: float) -> str:
    """What ``Retry-After`` says for so long a wait: whole seconds, at least 1."""
    return str(max(1, math.ceil(milliseconds / 1000)))
