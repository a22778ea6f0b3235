"""Why there is no answer, as HTTP tells it: a status, a sentence for people, a code for machines."""

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import PlainTextResponse, Response

from tidemark.api.encode import encode
from tidemark.api.errors import unexpected
from tidemark.api.negotiation import whole_seconds
from tidemark.query.errors import Code, QueryError
from tidemark.query.words import suggested

_LOG = logging.getLogger(__name__)
# Any other refusal is 400: the question itself is at fault.
_STATUS = {
    Code.UNKNOWN_EXPERIMENT: 404,
    Code.BUDGET_EXHAUSTED: 429,
    Code.TOO_MANY_QUERIES: 429,
    Code.QUERY_TIMEOUT: 504,
    Code.INTERNAL: 500,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as it is told; ``suggestion`` holds words with the values that would be accepted."""

    status: int
    code: Code
    message: str
    details: Mapping[str, object] = field(default_factory=dict)
    suggestion: Mapping[str, str] = field(default_factory=dict)


def refusal(error: Exception, request_id: str) -> Refusal:
    """The refusal that an error is.

    What nobody expected is logged, without the caller's values, and stays behind the request's id.
    """
    if isinstance(error, QueryError):
        details = dict(error.details)
        suggestion = details.pop("suggestion", None)
        words = suggested(suggestion) if isinstance(suggestion, Mapping) else {}
        return Refusal(_STATUS.get(error.code, 400), error.code, str(error), details, words)
    # the message of a database's error may quote what the caller asked for
    trace = "".join(traceback.format_tb(error.__traceback__))
    _LOG.error("question %s failed with %s at\n%s", request_id, type(error).__name__, trace)
    return Refusal(500, Code.INTERNAL, unexpected(request_id), {"request": request_id})


def response(told: Refusal, *, as_text: bool) -> Response:
    """The answer: a JSON problem (RFC 9457), or the sentence alone where the answer would have been CSV."""
    headers = {"Tidemark-Code": told.code.value, "Cache-Control": "no-store"}
    wait = told.details.get("retryAfterMs")
    if isinstance(wait, int | float):
        headers["Retry-After"] = whole_seconds(wait)
    if as_text:
        hint = " ".join(f"{word}={value}" for word, value in told.suggestion.items())
        text = f"{told.message} Accepted would be: {hint}\n" if hint else f"{told.message}\n"
        return PlainTextResponse(text, told.status, headers)
    return Response(encode(problem(told)), told.status, headers, "application/problem+json")


def problem(told: Refusal) -> Mapping[str, object]:
    """The JSON problem itself."""
    body = {"status": told.status, "code": told.code.value, "message": told.message, **told.details}
    return body | {"suggestion": told.suggestion} if told.suggestion else body
