"""Ending the work for a client that hung up."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class CancelOnHangUp:
    """Cancels a request's task when its client is gone, so that whatever it waits for can end its query.

    It reads the body before it hands the request on: put it inside `tidemark.body.LimitBody`. The application
    has to let ``CancelledError`` through.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request while the client is there."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        messages = await _body(receive)
        if messages[-1]["type"] == "http.disconnect":
            return
        request = _Request(receive, messages)
        answering = asyncio.current_task()
        if answering is None:
            raise RuntimeError("a request is answered in a task")
        watching = asyncio.create_task(request.watch(answering))
        try:
            await self._app(scope, request.receive, send)
        except asyncio.CancelledError:
            # what ends us for another reason, the server's end, is not ours to swallow
            if not request.hung_up or answering.uncancel() > 0:
                raise
        finally:
            request.answered = True
            watching.cancel()


class _Request:
    """A request's messages, and whether its client is still there."""

    def __init__(self, receive: Receive, messages: list[Message]) -> None:
        self._receive = receive
        self._messages = iter(messages)
        self._gone = asyncio.Event()
        self.hung_up = False
        self.answered = False

    async def receive(self) -> Message:
        message = next(self._messages, None)
        if message is None:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        return message

    async def watch(self, answering: "asyncio.Task[object]") -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()
        if not self.answered:
            self.hung_up = True
            answering.cancel()


async def _body(receive: Receive) -> list[Message]:
    messages = [await receive()]
    while messages[-1].get("more_body", False):
        messages.append(await receive())
    return messages
