"""``POST /v1/rules/preview``: what a rule would have told, before it is switched on.

The body is a file of rules, ``application/yaml`` (RFC 9512); ``alert`` names one of them, ``last`` is how far
back it is judged. The answer is lines of JSON: ``{"share": 0.25}`` as the work goes on, then
``{"preview": …}``, or a problem as other doors tell it. Who hangs up ends the work.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from tidemark.alerts.folder import MEDIA_TYPE
from tidemark.alerts.preview import Preview
from tidemark.alerts.previewdisplay import as_json
from tidemark.alerts.previews import Previews
from tidemark.api.asker import request_id_of
from tidemark.api.encode import encode
from tidemark.body import LimitBody
from tidemark.declared.entry import MAX_BYTES
from tidemark.doors.refusal import Refusal, problem, refusal, response
from tidemark.hangup import CancelOnHangUp
from tidemark.query.caller import Caller
from tidemark.query.database import Database
from tidemark.query.errors import Code, QueryError
from tidemark.query.words import Word, seconds_in

WORDS = (
    Word("alert", "The rule's name in the file.", "SpendWithoutConversions"),
    Word("last", "How far back, from where data is complete: 12h, 7d; at most 31d.", "7d"),
)
_LAST = "7d"
T = TypeVar("T")
News = AsyncGenerator[float | Preview, None]


class Desk(Protocol):
    """Where work waits for its turn."""

    async def read(self, work: Callable[[Database], T], caller: Caller) -> T:
        """What blocking ``work`` finds; `QueryError` where it is refused."""
        ...


@dataclass(frozen=True, slots=True)
class Door:
    """An ASGI application; ``caller_of`` says who asks, ``count_error`` gets each refusal's code."""

    previews: Previews
    desk: Desk
    caller_of: Callable[[Request], Caller]
    count_error: Callable[[str], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        request_id = request_id_of(request)
        try:
            news = await self._asked(request)
            async with aclosing(news):
                first = await anext(news)
                await self._tell(first, news, request_id, send)
        except Exception as error:  # noqa: BLE001 - what nobody expected is logged there
            answer = response(self._refused(error, request_id), as_text=False)
            answer.headers["X-Request-Id"] = request_id
            await answer(scope, receive, send)

    async def _asked(self, request: Request) -> News:
        words = _read(request.query_params.multi_items())
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
            raise QueryError(Code.BAD_PARAMETER, f"Send the file of rules as {MEDIA_TYPE}.")
        last_ms = seconds_in(words.get("last", _LAST)) * 1000
        content = await request.body()
        rule = await to_thread.run_sync(self.previews.rule, words.get("alert", ""), content)
        return self.previews.run(rule, last_ms, partial(self._in_turn, self.caller_of(request)))

    async def _in_turn(self, caller: Caller, work: Callable[[Database], T]) -> T:
        return await self.desk.read(work, caller)

    async def _tell(self, first: float | Preview, news: News, request_id: str, send: Send) -> None:
        """What was found so far, and the rest as it comes; a refusal is the last line then."""
        headers = {
            "content-type": "application/x-ndjson",
            "cache-control": "no-store",
            "x-accel-buffering": "no",
            "x-request-id": request_id,
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await _send(send, _line(first))
        try:
            async for one in news:
                await _send(send, _line(one))
        except Exception as error:  # noqa: BLE001 - as above
            await _send(send, problem(self._refused(error, request_id)))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _refused(self, error: Exception, request_id: str) -> Refusal:
        told = refusal(error, request_id)
        self.count_error(told.code)
        return told


def add_preview(
    app: Starlette,
    previews: Previews,
    desk: Desk,
    caller_of: Callable[[Request], Caller],
    *,
    count_error: Callable[[str], None],
) -> None:
    """Open the door of an application."""
    guarded = LimitBody(CancelOnHangUp(Door(previews, desk, caller_of, count_error)), MAX_BYTES)
    app.add_route("/v1/rules/preview", guarded, methods=["POST"])  # type: ignore[arg-type]


def _read(words: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name, value in words:
        if name not in {one.name for one in WORDS}:
            told = f"There is no word {name[:100]}; there are {', '.join(one.name for one in WORDS)}."
            raise QueryError(Code.BAD_PARAMETER, told)
        if name in found:
            raise QueryError(Code.BAD_PARAMETER, f"{name} stands there twice; give it once.")
        found[name] = value
    return found


def _line(news: float | Preview) -> Mapping[str, object]:
    return {"preview": as_json(news)} if isinstance(news, Preview) else {"share": round(news, 4)}


async def _send(send: Send, body: Mapping[str, object]) -> None:
    await send({"type": "http.response.body", "body": encode(body) + b"\n", "more_body": True})
