"""Which pages may open WebSockets, and what those are told that may not read answers.

A browser asks before it lets a page of another origin send JSON (a preflight, Fetch standard section 4.8),
but never before it opens a WebSocket, nor may a page read why it was refused: the sentence is for those who
look at the network with the browser's tools or ask by curl.
"""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from strawberry.http.websocket_origin import is_same_origin, normalize_origin

from tidemark.api.reply import failure, refuse

_SHOWN = 200  # characters of an origin: a name has at most 253


class KnownOrigins:
    """Answers 403 to preflights and WebSockets of pages that come from elsewhere than ``allowed``.

    A page of this service's own host and port may, as may programs, which send no origin. ``*`` in
    ``allowed`` is any origin; the others are as browsers send them.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, unless a browser asks whether a foreign page may."""
        if scope["type"] == "websocket" or (scope["type"] == "http" and scope["method"] == "OPTIONS"):
            headers = Headers(scope=scope)
            origin = headers.get("origin")
            if origin is not None and not self._allows(origin, headers.get("host")):
                message = (
                    f"Pages of {origin[:_SHOWN]} may not ask this service; add that origin to "
                    "TIDEMARK_ALLOWED_ORIGINS, or serve page and answers from one origin."
                )
                await refuse(failure(message, "UNKNOWN_ORIGIN"), 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _allows(self, origin: str, host: str | None) -> bool:
        if "*" in self._allowed or is_same_origin(origin, host):
            return True
        return normalize_origin(origin) in self._allowed
