"""What an HTTP answer looks like when it is none of GraphQL's, and JSON as this API reads it."""

import asyncio
from collections.abc import Mapping
from json import JSONDecodeError
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tidemark.api.encode import encode
from tidemark.api.errors import BAD_REQUEST


class Refusal(Exception):  # noqa: N818 - it is an answer, not a failure
    """A request that is refused before GraphQL sees it.

    Attributes:
        status: The HTTP status.
        message: One sentence: what is wrong, and what to do.
        code: For machines.
        headers: More of the answer's headers.
        well_formed: Whether the request is as GraphQL over HTTP wants it, and only its operation is not to
            be had; application/json answers 200 to those.
        details: More for machines.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str = BAD_REQUEST,
        *,
        headers: Mapping[str, str] | None = None,
        well_formed: bool = False,
        **details: object,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = dict(headers or {})
        self.well_formed = well_formed
        self.details = details


def decoded(text: str | bytes) -> Any:  # noqa: ANN401 - JSON
    """What JSON says, strictly.

    Raises:
        JSONDecodeError: it is none, or nested too deeply.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise JSONDecodeError(str(error), "", 0) from error


def failure(message: str, code: str, **details: object) -> Mapping[str, Any]:
    """The body of an answer to a request that is none of GraphQL."""
    return {"errors": [{"message": message, "extensions": {"code": code, **details}}]}


def json_response(
    body: object,
    status: int = 200,
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A JSON answer."""
    return Response(encode(body), status_code=status, media_type=media_type, headers=headers)


def refuse(body: object, status: int) -> ASGIApp:
    """A JSON answer to a request, or to a WebSocket before it is accepted.

    To the latter where the server can (ASGI's extension ``websocket.http.response``); else it is closed,
    which servers answer with 403 and no body.
    """
    response = json_response(body, status)

    async def reply(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()  # websocket.connect
            if "websocket.http.response" not in scope.get("extensions", {}):
                await send({"type": "websocket.close", "code": 1008})
                return
        await response(scope, receive, send)
        # Uvicorn 0.54 logs an error if its connection is not yet closed when this returns (its PR 3138)
        await asyncio.sleep(0)

    return reply
