"""The schema over HTTP: GraphQL over HTTP (draft), persisted operations, server-sent events, WebSockets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from tidemark.api import negotiation
from tidemark.api.asker import caller_of, request_id_of
from tidemark.api.call import Call
from tidemark.api.context import Context, Desk
from tidemark.api.encode import encode
from tidemark.api.errors import INVALID, formatted
from tidemark.api.etag import etag, is_known
from tidemark.api.events import EventStream
from tidemark.api.negotiation import EVENTS, JSON, RESULT, Accept, accept_of
from tidemark.api.persisted import Operations
from tidemark.api.reply import Refusal, failure, json_response
from tidemark.api.schema import Schema
from tidemark.api.sockets import Sockets

_LATER: Final = 429
# whoever keeps an answer asks whether it is still true
_PRIVATE: Final = {"cache-control": "no-cache, private", "vary": "accept"}
_ALLOWED: Final = {
    "GET": frozenset({OperationType.QUERY}),
    "POST": frozenset({OperationType.QUERY, OperationType.MUTATION}),
}


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that is understood: what to execute, for whom, and how to answer."""

    request: Request
    accept: Accept
    request_id: str
    document: str
    call: Call
    context: Context


class View:
    """The ASGI application of ``/graphql``, HTTP and WebSocket.

    Queries come by POST, those that are persisted by GET too. ``desk`` answers them. ``explorer`` is the page
    that a browser gets by GET; None is 404. ``count_error`` is told the code of each error that is answered.
    """

    def __init__(
        self,
        schema: Schema,
        desk: Desk,
        operations: Operations,
        *,
        explorer: str | None,
        count_error: Callable[[str], None],
    ) -> None:
        self._schema = schema
        self._desk = desk
        self._operations = operations
        self._explorer = explorer
        self._count_error = count_error
        self._sockets = Sockets(schema, desk, operations, count_error)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one WebSocket until it closes."""
        request_id = request_id_of(HTTPConnection(scope))
        if scope["type"] == "websocket":
            await self._sockets.serve(WebSocket(scope, receive, send), request_id)
            return
        request = Request(scope, receive)
        accept = accept_of(request.headers.get("accept", ""))
        try:
            reply = await self._reply(request, accept, request_id)
        except Refusal as refusal:
            reply = self._refused(refusal, accept, request_id)
        await reply(scope, receive, send)

    async def _reply(self, request: Request, accept: Accept, request_id: str) -> ASGIApp:
        if request.method not in _ALLOWED:
            raise Refusal(
                405,
                "GraphQL is asked by POST, and by GET for persisted operations.",
                headers={"allow": "GET, POST"},
            )
        if request.method == "GET" and accept.page and not request.query_params:
            if self._explorer is None:
                raise Refusal(404, "There is no explorer here; send a query by POST.")
            return HTMLResponse(self._explorer)
        if accept.result is None and not accept.events:
            raise Refusal(406, f"An answer is {RESULT}, {JSON} or {EVENTS}; accept one of them.")
        call = await _call(request)
        document = self._operations.document(call, may_bring_text=request.method == "POST")
        context = Context(self._desk, caller_of(request), request_id)
        asked = _Asked(request, accept, request_id, document, call, context)
        if accept.result is None:
            return await self._events(asked)
        try:
            result = await self._execute(asked)
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.SUBSCRIPTION and accept.events:
                return await self._events(asked)
            raise _misplaced(error.operation_type, request.method) from error
        return self._result(asked, accept.result, result)

    async def _execute(self, asked: _Asked) -> ExecutionResult:
        try:
            return await self._schema.execute(
                asked.document,
                variable_values=asked.call.variables,
                context_value=asked.context,
                operation_name=asked.call.operation_name,
                allowed_operation_types=_ALLOWED[asked.request.method],
            )
        except CannotGetOperationTypeError as error:
            raise Refusal(400, error.as_http_error_reason(), INVALID, well_formed=True) from error

    async def _events(self, asked: _Asked) -> ASGIApp:
        results: Any = await self._schema.stream(
            asked.document,
            variable_values=asked.call.variables,
            context_value=asked.context,
            operation_name=asked.call.operation_name,
            allowed_operation_types=_ALLOWED[asked.request.method] | {OperationType.SUBSCRIPTION},
        )
        headers = {"x-request-id": asked.request_id}
        return EventStream(results, lambda result: encode(self._body(result)), headers)

    def _result(self, asked: _Asked, media_type: str, result: ExecutionResult) -> Response:
        body = self._body(result)
        status = negotiation.status_of(media_type, result, body.get("errors", []))
        headers = {"x-request-id": asked.request_id, **_PRIVATE}
        if status == _LATER:
            # nothing ran, and an answer that is no 2xx has no data (GraphQL over HTTP, 6.4.2)
            body.pop("data", None)
            headers["retry-after"] = negotiation.retry_after(body["errors"])
        if asked.request.method == "GET" and result.data is not None and not result.errors:
            tree = self._schema.documents.read(asked.document).tree
            headers["etag"] = etag(self._schema.core, tree, result.data)
            if is_known(headers["etag"], asked.request.headers.get("if-none-match", "")):
                return Response(status_code=304, headers=headers)
        return json_response(body, status, media_type, headers)

    def _body(self, result: ExecutionResult) -> dict[str, Any]:
        """The answer's body; every error has a code."""
        body: dict[str, Any] = {}
        if result.errors:
            body["errors"] = [formatted(error) for error in result.errors]
            for error in body["errors"]:
                self._count_error(error["extensions"]["code"])
        if negotiation.was_executed(result):
            body["data"] = result.data
        return body

    def _refused(self, refusal: Refusal, accept: Accept, request_id: str) -> Response:
        self._count_error(refusal.code)
        plain = refusal.well_formed and accept.result == JSON
        return json_response(
            failure(refusal.message, refusal.code, **refusal.details),
            200 if plain else refusal.status,
            accept.result or JSON,
            {"x-request-id": request_id, **_PRIVATE, **refusal.headers},
        )


async def _call(request: Request) -> Call:
    if request.method == "GET":
        return Call.of_query(request.query_params)
    media_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.partition("charset=")[2].strip(' "')
    if media_type.strip() != JSON or charset not in ("", "utf-8", "utf8"):
        raise Refusal(415, f"Send the query as {JSON}, in UTF-8.", headers={"accept": JSON})
    return Call.of_body(await request.body())


def _misplaced(operation: OperationType, method: str) -> Refusal:
    if method == "GET":
        return Refusal(
            405, f"GET is for queries; send this {operation.value} by POST.", headers={"allow": "POST"}
        )
    return Refusal(406, f"A {operation.value} is answered as {EVENTS} or over a WebSocket; accept that.")
