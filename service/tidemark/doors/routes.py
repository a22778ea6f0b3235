"""The doors: ``GET /v1/metrics``, ``/v1/explain``, ``/v1/experiments`` and those that say what there is."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import request_response

from tidemark.api import context
from tidemark.api.asker import request_id_of
from tidemark.api.encode import encode
from tidemark.api.etag import is_known
from tidemark.api.negotiation import accept_of
from tidemark.body import LimitBody
from tidemark.doors import bodies, trials
from tidemark.doors.manual import openapi, page
from tidemark.doors.refusal import refusal, response
from tidemark.doors.sheet import sheet
from tidemark.hangup import CancelOnHangUp
from tidemark.query import request as asked
from tidemark.query.caller import Caller
from tidemark.query.catalogue import Catalogue
from tidemark.query.errors import Code, QueryError
from tidemark.query.explanation import Explanation
from tidemark.query.frame import Answer
from tidemark.query.words import read

_MAX_BODY_BYTES = 10_000  # nobody needs one by GET, and it would be kept in memory
_JSON, _CSV = "application/json", "text/csv; charset=utf-8; header=present"


class Desk(context.Desk, Protocol):
    """A desk that can say how it would answer, too."""

    async def explain(self, request: asked.Request, caller: Caller, *, analyze: bool = False) -> Explanation:
        """The plan, and with ``analyze`` what running it took; `QueryError` where it is refused."""
        ...


@dataclass(frozen=True, slots=True)
class Doors:
    """An endpoint a method.

    ``currency`` is the unit of amounts (ISO 4217), ``caller_of`` says who asks, ``count_error`` gets each
    refusal's code.
    """

    desk: Desk
    catalogue: Catalogue
    currency: str
    caller_of: Callable[[Request], Caller]
    count_error: Callable[[str], None]

    async def metrics(self, request: Request) -> Response:
        """A question's answer, as CSV if that is what the client accepts, else as JSON."""
        return await self._metrics(
            request, as_csv=accept_of(request.headers.get("accept", "")).names("text/csv")
        )

    async def metrics_csv(self, request: Request) -> Response:
        """The same as CSV."""
        return await self._metrics(request, as_csv=True)

    async def explain(self, request: Request) -> Response:
        """A question's plan; with ``analyze=true`` it is run."""

        async def explained() -> Response:
            words = request.query_params.multi_items()
            analyze = [value for name, value in words if name == "analyze"]
            if analyze not in ([], ["true"], ["false"]):
                raise QueryError(Code.BAD_PARAMETER, "analyze cannot be read; write true or false, once.")
            question, caller = self._question(request, [one for one in words if one[0] != "analyze"])
            told = await self.desk.explain(question, caller, analyze=analyze == ["true"])
            return _json(bodies.explanation_body(told))

        return await self._answered(request, explained())

    async def describe(self, _: Request) -> Response:
        """The catalogue."""
        return _json(bodies.catalogue_body(self.catalogue, self.currency))

    async def allowed(self, request: Request) -> Response:
        """What the caller may ask."""

        async def told() -> Response:
            allowance = self.desk.allowance(self.caller_of(request))
            return _json(bodies.limits_body(allowance.limits, allowance.not_older_than))

        return await self._answered(request, told())

    async def experiments(self, request: Request) -> Response:
        """All experiments, or those of a status."""

        async def told() -> Response:
            status = trials.status_in(request.query_params.multi_items())
            return _json({"experiments": [trials.summary(one) for one in self.desk.experiments(status)]})

        return await self._answered(request, told())

    async def experiment(self, request: Request) -> Response:
        """One experiment with its results."""

        async def told() -> Response:
            id_ = request.path_params["id"]
            words = trials.read(self.catalogue, request.query_params.multi_items())
            one = self.desk.experiment(id_)
            if one is None:
                known = [each.definition.id for each in self.desk.experiments(None)]
                raise trials.unknown(id_, known)
            body = await self.desk.read(
                lambda database: trials.body(one, database, words, self.currency), self.caller_of(request)
            )
            return _json(body)

        return await self._answered(request, told())

    async def openapi(self, _: Request) -> Response:
        """The description for machines."""
        return _json(openapi(self.catalogue))

    async def page(self, _: Request) -> Response:
        """The description for people."""
        return HTMLResponse(page(self.catalogue))

    async def _metrics(self, request: Request, *, as_csv: bool) -> Response:
        async def answered() -> Response:
            question, caller = self._question(request, request.query_params.multi_items())
            answer = await self.desk.ask(question, caller)
            # up to 250,000 cells are written, so not in the event loop
            return await to_thread.run_sync(_answer, answer, as_csv, request.headers.get("if-none-match", ""))

        return await self._answered(request, answered(), as_text=as_csv)

    def _question(self, request: Request, words: list[tuple[str, str]]) -> tuple[asked.Request, Caller]:
        caller = self.caller_of(request)
        return read(self.catalogue, words, self.desk.allowance(caller).limits), caller

    async def _answered(
        self, request: Request, work: Awaitable[Response], *, as_text: bool = False
    ) -> Response:
        request_id = request_id_of(request)
        try:
            found = await work
        except Exception as error:  # noqa: BLE001 - what nobody expected is logged there
            told = refusal(error, request_id)
            self.count_error(told.code)
            found = response(told, as_text=as_text)
        found.headers["X-Request-Id"] = request_id
        return found


def add_doors(
    app: Starlette,
    desk: Desk,
    catalogue: Catalogue,
    caller_of: Callable[[Request], Caller],
    *,
    currency: str,
    count_error: Callable[[str], None],
) -> None:
    """Open the doors of an application, and hang their description beside them."""
    doors = Doors(desk, catalogue, currency, caller_of, count_error)
    for path, endpoint in (
        ("/v1/metrics", doors.metrics),
        ("/v1/metrics.csv", doors.metrics_csv),
        ("/v1/explain", doors.explain),
        ("/v1/catalogue", doors.describe),
        ("/v1/limits", doors.allowed),
        ("/v1/experiments", doors.experiments),
        ("/v1/experiments/{id:path}", doors.experiment),
        ("/openapi.json", doors.openapi),
        ("/docs/api", doors.page),
    ):
        guarded = LimitBody(CancelOnHangUp(request_response(endpoint)), _MAX_BODY_BYTES)
        app.add_route(path, guarded, methods=["GET"])  # type: ignore[arg-type]


def _answer(answer: Answer, as_csv: bool, known_tags: str) -> Response:
    """The body and its headers; without a body if the client has it already."""
    frame = answer.frame
    data = sheet(frame).encode() if as_csv else encode(bodies.frame_body(frame))
    # weak: freshness and cost, which are new each time, are no part of it
    tag = f'W/"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = _headers(answer) | {"ETag": tag, "Cache-Control": "no-cache, private", "Vary": "Accept"}
    if is_known(tag, known_tags):
        return Response(status_code=304, headers=headers)
    if as_csv:
        return Response(data, headers=headers, media_type=_CSV)
    rest = encode(
        {
            "freshness": bodies.freshness_body(frame.freshness, frame.resolved.end),
            "cost": bodies.cost_body(answer.cost),
        }
    )
    return Response(data[:-1] + b"," + rest[1:], headers=headers, media_type=_JSON)


def _headers(answer: Answer) -> dict[str, str]:
    """The watermark and the cost, for those whose body has no room for them."""
    frame, cost = answer.frame, answer.cost
    found = {
        "Tidemark-Complete-Through": bodies.instant(frame.freshness.complete_through),
        "Tidemark-Audited-Through": bodies.instant(frame.freshness.audited_through),
        "Tidemark-Source": frame.source,
        "Tidemark-Truncated": str(frame.truncated).lower(),
        "Tidemark-Cost": f"charged={cost.charged:.4g}, remaining={cost.remaining:.6g}, "
        f"rows-read={cost.rows_read}, elapsed-ms={cost.elapsed_ms:.1f}, cache-hit=?{cost.cache_hit:d}",
    }
    return {name: value for name, value in found.items() if value is not None}


def _json(body: object) -> Response:
    return Response(encode(body), media_type=_JSON)
