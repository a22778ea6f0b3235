"""The schema over HTTP."""

from collections.abc import Callable, Mapping
from json import JSONDecodeError
from typing import Any

import msgspec
from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse
from strawberry.types import ExecutionResult

from tidemark.api.errors import BAD_REQUEST, formatted
from tidemark.api.schema import Context, Schema

_ENCODER = msgspec.json.Encoder()


def failure(message: str, code: str, **details: object) -> Mapping[str, Any]:
    """The body of an answer to a request that is none of GraphQL."""
    return {"errors": [{"message": message, "extensions": {"code": code, **details}}]}


def json_response(body: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(_ENCODER.encode(body), status_code=status, media_type="application/json")


class View(GraphQL[Context, None]):
    """Strawberry's ASGI application with our context, our errors and a quicker encoder.

    Queries come by POST. ``explorer`` is the page that a browser gets by GET; None is 404. ``count_error`` is
    told the code of each error that is answered.
    """

    def __init__(
        self, schema: Schema, context: Context, *, explorer: str | None, count_error: Callable[[str], None]
    ) -> None:
        super().__init__(
            schema,
            graphql_ide="graphiql" if explorer else None,
            allow_queries_via_get=False,
            subscription_protocols=(),
        )
        self._context = context
        self._explorer = explorer
        self._count_error = count_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what is none of GraphQL gets its reason in GraphQL's form too."""
        try:
            response = await self.run(Request(scope=scope, receive=receive))
        except HTTPException as error:
            self._count_error(BAD_REQUEST)
            response = json_response(failure(error.reason, BAD_REQUEST), error.status_code)
        await response(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:  # noqa: ARG002
        """The same for every request."""
        return self._context

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:  # noqa: ARG002
        """The answer's body; every error has a code."""
        if not result.errors:
            return {"data": result.data}
        errors = [formatted(error) for error in result.errors]
        for error in errors:
            self._count_error(error["extensions"]["code"])
        return {"data": result.data, "errors": errors}  # type: ignore[typeddict-item]

    async def render_graphql_ide(self, request: Request) -> Response:  # noqa: ARG002
        """The explorer's page."""
        return HTMLResponse(self._explorer)

    def parse_json(self, data: str | bytes) -> Any:  # noqa: ANN401 - JSON
        """The object in a body; other JSON is refused before anybody looks for a query in it."""
        value = super().parse_json(data)
        if not isinstance(value, dict | list):
            raise HTTPException(400, "The body must be a JSON object with a query")
        return value

    def decode_json(self, data: str | bytes) -> object:
        """JSON, strictly."""
        try:
            return msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise JSONDecodeError(str(error), "", 0) from error

    def encode_json(self, data: object) -> bytes:
        """Whole numbers of any size, and no NaN."""
        return _ENCODER.encode(data)
