"""WebSockets: the protocol graphql-transport-ws, by Strawberry's handler, made fit for strangers."""

from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import timedelta
from json import JSONDecodeError
from typing import Any, Final, cast

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.http.exceptions import (
    NonJsonMessageReceived,
    NonTextMessageReceived,
    WebSocketDisconnected,
)
from strawberry.schema import BaseSchema
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.types.unset import UNSET

from tidemark.api.asker import caller_of
from tidemark.api.call import Call
from tidemark.api.context import Context, Desk
from tidemark.api.encode import encode
from tidemark.api.errors import INVALID
from tidemark.api.persisted import Operations
from tidemark.api.reply import Refusal, decoded, failure
from tidemark.query.errors import Code

INIT_SECONDS: Final = 5
MAX_OPERATIONS: Final = 50  # of one socket at once
_NO_PROTOCOL: Final = 4406
_MAX_REASON_BYTES: Final = 123  # RFC 6455, section 5.5


class Sockets:
    """Serves WebSockets: any operation, persisted or not, several at a time.

    Browsers let any page open one, so what stands before this decides whose may.
    """

    def __init__(
        self,
        schema: BaseSchema,
        desk: Desk,
        operations: Operations,
        count_error: Callable[[str], None],
    ) -> None:
        self._schema = schema
        self._desk = desk
        self._operations = operations
        self._count_error = count_error

    async def serve(self, socket: WebSocket, request_id: str) -> None:
        """Serve one socket until it closes; what it subscribed to ends with it."""
        if GRAPHQL_TRANSPORT_WS_PROTOCOL not in socket.scope["subprotocols"]:
            await socket.accept()
            await socket.close(
                _NO_PROTOCOL, f"Subprotocol not acceptable; use {GRAPHQL_TRANSPORT_WS_PROTOCOL}"
            )
            return
        await socket.accept(
            GRAPHQL_TRANSPORT_WS_PROTOCOL, headers=[(b"x-request-id", request_id.encode("ascii"))]
        )
        await _Handler(
            socket,
            self._schema,
            lambda parameters: Context(self._desk, caller_of(socket, parameters), request_id),
            self._operations,
            self._count_error,
        ).handle()


class _Handler(BaseGraphQLTransportWSHandler[Any, None]):
    """Strawberry's, which takes messages as they come: here their shape is checked, and errors have codes."""

    def __init__(
        self,
        socket: WebSocket,
        schema: BaseSchema,
        context_of: Callable[[Mapping[str, object]], Context],
        operations: Operations,
        count_error: Callable[[str], None],
    ) -> None:
        super().__init__(
            view=cast("Any", _Hooks()),  # all of a view that it uses
            websocket=cast("Any", _Adapter(socket)),
            context=None,
            root_value=None,
            schema=schema,
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
        )
        self._context_of = context_of
        self._operations = operations
        self._count_error = count_error

    async def handle_message(self, message: Any) -> None:  # noqa: ANN401 - JSON
        """Handle a message whose shape is the protocol's."""
        if not _is_message(message):
            await self.handle_invalid_message("Failed to parse message")
            return
        await super().handle_message(message)

    async def handle_connection_init(self, message: Any) -> None:  # noqa: ANN401 - JSON
        """Learn who asks."""
        parameters = message.get("payload")
        if parameters is None:
            message = {"type": "connection_init"}
            parameters = {}
        if isinstance(parameters, dict):
            self.context = self._context_of(parameters)
        await super().handle_connection_init(message)

    async def handle_subscribe(self, message: Any) -> None:  # noqa: ANN401 - JSON
        """Begin an operation, by its text or by what it is known by."""
        if not self.connection_acknowledged or message["id"] in self.operations:
            await super().handle_subscribe(message)  # closes the socket
            return
        try:
            self._check_room()
            call = Call.of(message["payload"])
            document = self._operations.document(call, may_bring_text=True)
        except Refusal as refusal:
            errors = failure(refusal.message, refusal.code, **refusal.details)["errors"]
            await self.send_message({"id": message["id"], "type": "error", "payload": errors})
            return
        message["payload"] = {
            "query": document,
            "variables": call.variables,
            "operationName": call.operation_name,
        }
        await super().handle_subscribe(message)

    def _check_room(self) -> None:
        if len(self.operations) >= MAX_OPERATIONS:
            raise Refusal(
                429,
                f"This socket has {MAX_OPERATIONS} operations under way; complete one, or open another.",
                Code.TOO_MANY_QUERIES.value,
                limit=MAX_OPERATIONS,
            )

    async def send_message(self, message: Any) -> None:  # noqa: ANN401 - one of the protocol's messages
        """Send it; every error has a code."""
        payload = message.get("payload")
        errors = payload if message["type"] == "error" else (payload or {}).get("errors", ())
        for error in errors:
            code = error.setdefault("extensions", {}).setdefault("code", INVALID)
            self._count_error(code)
        await super().send_message(message)

    async def handle_task_exception(self, error: Exception) -> None:
        """Log what nobody expected; that a client is gone is no news."""
        if not isinstance(error, WebSocketDisconnected):
            await super().handle_task_exception(error)


class _Hooks:
    async def on_ws_connect(self, _context: object) -> object:
        return UNSET


class _Adapter:
    """Text frames in both directions. A send waits while the client's buffer is full."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def iter_json(self) -> AsyncGenerator[object, None]:
        while self._socket.application_state is not WebSocketState.DISCONNECTED:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                raise NonTextMessageReceived
            try:
                value = decoded(text)
            except JSONDecodeError as error:
                raise NonJsonMessageReceived from error
            yield value

    async def send_json(self, message: Mapping[str, object]) -> None:
        if self._socket.application_state is WebSocketState.DISCONNECTED:
            raise WebSocketDisconnected
        try:
            await self._socket.send_text(encode(message).decode())
        except WebSocketDisconnect as error:
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        if self._socket.application_state is WebSocketState.DISCONNECTED:
            return
        short = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
        try:
            await self._socket.close(code, short)
        except WebSocketDisconnect as error:
            raise WebSocketDisconnected from error


def _is_message(message: object) -> bool:
    if not isinstance(message, dict):
        return False
    if message.get("type") in ("subscribe", "complete"):
        return isinstance(message.get("id"), str) and message["id"] != ""
    return isinstance(message.get("type"), str)
