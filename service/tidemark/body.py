"""A limit on what a request may send, before anything reads it."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidemark.api.reply import failure, json_response


class LimitBody:
    """Answers 413 to bodies of more than ``limit`` bytes, whether they announce their length or not."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body as far as it may go, then hand the request on with it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        messages: list[Message] = []
        size, more = 0, True
        while more:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            more = message["type"] == "http.request" and message.get("more_body", False)
            if size > self._limit:
                body = failure(
                    f"The body has more than {self._limit:,} bytes; send a shorter document or fewer values.",
                    "BODY_TOO_LARGE",
                    limit=self._limit,
                )
                await json_response(body, 413)(scope, receive, send)
                return
        replay = iter(messages)

        async def again() -> Message:
            return next(replay, None) or await receive()

        await self._app(scope, again, send)
