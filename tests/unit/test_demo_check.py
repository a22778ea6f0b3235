import datetime as dt
import json

import httpx
import pytest

from tidemark.ingest.demo.check import CheckError, Comparison, check, variables
from tidemark.ingest.demo.ledger import Run, Totals

NOON = 1_795_435_200_000
URL = "http://127.0.0.1:8600"
RUN = Run(
    seed=1,
    start_ms=NOON,
    rate=100.0,
    events=3,
    ended=True,
    saved_ms=NOON,
    last_answer_ms=NOON + 30_000,
    from_ms=NOON,
    to_ms=NOON + 60_000,
    totals={
        "b": Totals(7, 2, 1, 58_705_229_957, -4_000_001, 12),
        "a": Totals(),
    },
    last_minute={},
)
VALUES = {
    "impressions": 7.0,
    "clicks": 2.0,
    "conversions": 1.0,
    "spend": 58705.229957,
    "revenue": -4.000001,
    "events": 12.0,
}


def frame(complete_ms: int | None, values: dict[str, float] | None = None) -> dict[str, object]:
    through = None
    if complete_ms is not None:
        through = dt.datetime.fromtimestamp(complete_ms / 1000, dt.UTC).isoformat().replace("+00:00", "Z")
    rows = [{"campaign": "b", "values": values or VALUES}]
    return {"data": {"metrics": {"rows": rows, "freshness": {"completeThrough": through}}}}


class Asked:
    """One check against scripted replies, the last of which is repeated."""

    def __init__(self, *replies: httpx.Response | type[httpx.TransportError], run: Run = RUN) -> None:
        self.replies = list(replies)
        self.requests: list[httpx.Request] = []
        self.watched: list[str] = []
        self.now = 0.0
        self.run = run

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, httpx.Response):
            return httpx.Response(reply.status_code, content=reply.content)
        raise reply("gone", request=request)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def compare(self) -> Comparison:
        with httpx.Client(transport=httpx.MockTransport(self.handle)) as client:
            return check(
                self.run, client, URL, watch=self.watched.append, sleep=self.sleep, clock=lambda: self.now
            )


def reply(complete_ms: int | None, values: dict[str, float] | None = None) -> httpx.Response:
    return httpx.Response(200, json=frame(complete_ms, values))


DONE = reply(NOON + 31_000)


def test_equal_books_are_equal_to_the_micro() -> None:
    comparison = Asked(DONE).compare()
    assert comparison.is_equal
    assert len(comparison.numbers) == 12
    spend = next(n for n in comparison.numbers if (n.campaign, n.metric) == ("b", "spend"))
    assert spend.expected == spend.answered == 58_705_229_957


@pytest.mark.parametrize(
    "change", [{"clicks": 3.0}, {"spend": 58705.229958}, {"revenue": -4.0}, {"events": 11.0}]
)
def test_one_number_that_differs_is_found(change: dict[str, float]) -> None:
    comparison = Asked(reply(NOON + 31_000, VALUES | change)).compare()
    assert not comparison.is_equal
    assert [number.metric for number in comparison.numbers if not number.is_equal] == list(change)


def test_a_campaign_without_an_answer_has_nothing() -> None:
    answered = httpx.Response(
        200,
        json={
            "data": {"metrics": {"rows": [], "freshness": {"completeThrough": "2026-11-23T13:00:00Z"}}},
        },
    )
    differing = {(n.campaign, n.metric) for n in Asked(answered).compare().numbers if not n.is_equal}
    assert differing == {("b", metric) for metric in VALUES}


def test_the_question_is_about_every_campaign_over_whole_minutes() -> None:
    asked = Asked(DONE)
    asked.compare()
    assert str(asked.requests[0].url) == f"{URL}/graphql"
    body = json.loads(asked.requests[0].content)
    assert body["variables"] == variables(RUN)
    assert body["variables"]["query"] == {
        "metrics": ["IMPRESSIONS", "CLICKS", "CONVERSIONS", "SPEND", "REVENUE", "EVENTS"],
        "dimensions": ["CAMPAIGN"],
        "where": [{"dimension": "CAMPAIGN", "op": "IN", "values": ["a", "b"]}],
        "range": {"from": "2026-11-23T12:00:00Z", "to": "2026-11-23T12:01:00Z"},
    }


def test_an_answer_counts_only_when_it_is_complete_beyond_the_last_event() -> None:
    early = reply(NOON + 30_000, VALUES | {"clicks": 1.0})
    asked = Asked(httpx.ConnectError, httpx.Response(503), reply(None), early, DONE)
    comparison = asked.compare()
    assert comparison.is_equal
    assert comparison.waited == 2.0
    assert asked.watched == [
        "no answer",
        "it answered 503",
        "complete through nothing yet, wanted beyond 12:00:30 UTC",
        "complete through 12:00:30 UTC, wanted beyond 12:00:30 UTC",
    ]


def test_an_answer_that_is_never_complete_is_given_up_after_a_minute() -> None:
    asked = Asked(reply(NOON))
    with pytest.raises(CheckError, match=r"No complete answer .* in 60 s \(complete through 12:00:00 UTC"):
        asked.compare()
    assert asked.now == 60.0


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (
            httpx.Response(200, json={"data": None, "errors": [{"message": "range: too long"}]}),
            "range: too long",
        ),
        (httpx.Response(404, text="no"), "answered 404, but not as GraphQL"),
        (httpx.Response(200, json={}), "refused the question: no data"),
    ],
)
def test_a_service_that_refuses_ends_the_check_at_once(response: httpx.Response, message: str) -> None:
    asked = Asked(response)
    with pytest.raises(CheckError, match=message):
        asked.compare()
    assert len(asked.requests) == 1


def test_a_run_that_has_not_ended_has_no_totals_to_compare() -> None:
    unfinished = Run(**{name: getattr(RUN, name) for name in RUN.__struct_fields__} | {"ended": False})
    with pytest.raises(CheckError, match="has not ended, or was killed"):
        Asked(DONE, run=unfinished).compare()
