import asyncio
import gzip
import json
import random
import time
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import pytest

from tidemark.ingest.replay.display import money
from tidemark.ingest.replay.event import Event
from tidemark.ingest.replay.replay import SpeedError, parse_speed
from tidemark.ingest.replay.report import Reasons
from tidemark.ingest.replay.session import ALL_IN, FAILED, INTERRUPTED, SOME_REFUSED, Options, run_session

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
TRUTHS = json.loads((DATA / "truths.json").read_text(encoding="utf-8"))
CLICKS = Options(
    file=str(DATA / "ad_clicks_sample.csv"),
    map_file=ROOT / "examples" / "ad_clicks.yaml",
    shift_to_now=False,
    run="",
    speed="max",
    url="http://127.0.0.1:8601",
    as_json=True,
)
Identity = tuple[str, str, str, int]


class Collector(httpx.AsyncBaseTransport):
    """Takes events as the collector does, and remembers them by their identity, the first of each."""

    def __init__(self, refuse: str = "") -> None:
        self.events: dict[Identity, Event] = {}
        self.refuse = refuse

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        rejected = []
        body = await request.aread()
        events = [msgspec.json.decode(line, type=Event) for line in body.split(b"\n")]
        for index, event in enumerate(events):
            if event.campaign_id == self.refuse:
                rejected.append({"index": index, "field": "campaign_id", "reason": "is not wanted"})
                continue
            identity = (event.event_id, event.event, event.campaign_id, event.original_time)
            self.events.setdefault(identity, event)
        return httpx.Response(200, json={"accepted": len(events) - len(rejected), "rejected": rejected})


def summary(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    answer = json.loads(capsys.readouterr().out)
    assert isinstance(answer, dict)
    return answer


def test_a_file_is_sent_whole_and_the_summary_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    collector, truth = Collector(), TRUTHS["ad_clicks_sample.csv"]
    assert run_session(CLICKS, collector) == ALL_IN
    said = summary(capsys)
    assert (said["rows"], said["sent"], said["accepted"]) == (200, 214, 214)
    assert said["rejected"] == said["unreadable"] == {"count": 0, "reasons": []}
    assert said["by_event"] == {
        name: {"events": count, "quantity": count, "value_micros": 0, "cost_micros": 0}
        for name, count in (("click", truth["clicks"]), ("conversion", truth["conversions"]))
    }
    assert len(collector.events) == 214


def test_a_file_replayed_again_shifted_or_not_is_the_same_events(capsys: pytest.CaptureFixture[str]) -> None:
    collector = Collector()
    run_session(CLICKS, collector)
    first = set(collector.events)
    run_session(replace(CLICKS, shift_to_now=True), collector)
    assert set(collector.events) == first
    run_session(replace(CLICKS, shift_to_now=True, run="again"), collector)
    assert len(collector.events) == 2 * len(first)
    capsys.readouterr()


def test_a_shift_moves_the_newest_event_of_all_to_now(capsys: pytest.CaptureFixture[str]) -> None:
    collector = Collector()
    before = int(time.time() * 1000)
    run_session(replace(CLICKS, shift_to_now=True), collector)
    newest = max(collector.events.values(), key=lambda event: event.event_time)
    assert newest.event == "conversion"
    assert before <= newest.event_time <= int(time.time() * 1000)
    shift = summary(capsys)["shift_ms"]
    assert {event.event_time - event.original_time for event in collector.events.values()} == {shift}


def test_a_gzipped_file_is_the_same_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zipped = tmp_path / "clicks.csv.gz"
    zipped.write_bytes(gzip.compress(Path(CLICKS.file).read_bytes()))
    plain, packed = Collector(), Collector()
    run_session(CLICKS, plain)
    run_session(replace(CLICKS, file=str(zipped)), packed)
    assert plain.events == packed.events
    capsys.readouterr()


def test_refused_events_are_counted_by_reason_with_the_first_row(capsys: pytest.CaptureFixture[str]) -> None:
    refused = TRUTHS["ad_clicks_sample.csv"]["clicks_by_campaign"]["12"]
    assert run_session(CLICKS, Collector(refuse="12")) == SOME_REFUSED
    said = summary(capsys)["rejected"]
    assert isinstance(said, dict)
    (reason,) = said["reasons"]
    assert reason["reason"] == "campaign_id: is not wanted"
    assert said["count"] == reason["count"] >= refused
    rows = Path(CLICKS.file).read_text(encoding="utf-8").splitlines()[1:]
    assert reason["first_row"] == next(n for n, row in enumerate(rows, 1) if row.split(",")[1] == "12")


def test_rows_that_cannot_be_read_are_shown_with_their_reason(capsys: pytest.CaptureFixture[str]) -> None:
    options = replace(CLICKS, file=str(DATA / "ad_clicks_bad_rows.csv"), as_json=False)
    assert run_session(options, Collector()) == SOME_REFUSED
    said = " ".join(capsys.readouterr().out.split())
    assert "8 rows · 4 events sent · 4 accepted · 0 rejected · 5 unreadable" in said
    assert "2 times events[0].event_time: is no time of the format" in said
    assert "(first in row 4: 'yesterday')" in said


def test_spend_is_shown_to_the_last_micro(capsys: pytest.CaptureFixture[str]) -> None:
    options = replace(
        CLICKS,
        file=str(DATA / "ad_campaigns_sample.csv"),
        map_file=ROOT / "examples" / "ad_campaigns.yaml",
        as_json=False,
    )
    assert run_session(options, Collector()) == ALL_IN
    micros = TRUTHS["ad_campaigns_sample.csv"]["spend_micros"]
    assert f"{micros // 1_000_000:,}.{micros % 1_000_000:06}" in capsys.readouterr().out


def test_an_interrupted_replay_says_that_it_can_be_started_again(capsys: pytest.CaptureFixture[str]) -> None:
    class Impatient(Collector):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            del request
            raise KeyboardInterrupt

    assert run_session(CLICKS, Impatient()) == INTERRUPTED
    captured = capsys.readouterr()
    assert json.loads(captured.out)["interrupted"] is True
    assert "it sends the same events" in captured.err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"file": "none.csv"}, "The file none.csv cannot be read: No such file or directory."),
        ({"speed": "fast"}, "--speed fast is no speed: it is max, or a factor such as 1x or 60x."),
        ({"url": "foo"}, "'foo' is no address of a server"),
        ({"map_file": Path("none.yaml")}, "The map none.yaml does not fit: cannot be read"),
        ({"file": "-", "shift_to_now": True}, "--shift-to-now reads the file twice"),
        (
            {"file": str(DATA / "ad_campaigns_sample.csv")},
            "events[0].event_time: column 'click_time' is not in the file; it has: Date, ad_id",
        ),
    ],
)
def test_what_cannot_be_replayed_fails_with_one_sentence(
    change: dict[str, object], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_session(replace(CLICKS, **change), Collector()) == FAILED  # type: ignore[arg-type]
    captured = capsys.readouterr()
    assert message in " ".join(captured.err.split())
    assert not captured.out


def test_a_file_of_which_nothing_is_an_event_says_why_before_anything_is_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = Path(CLICKS.file).read_text(encoding="utf-8").splitlines()[0]
    bad = tmp_path / "bad.csv"
    bad.write_text(f"{header}\n1,2,3,4,5,never,,0\n", encoding="utf-8")
    assert run_session(replace(CLICKS, file=str(bad), shift_to_now=True), Collector()) == FAILED
    said = " ".join(capsys.readouterr().err.split())
    assert "becomes an event by this map: events[0].event_time: is no time of the format" in said


@pytest.mark.parametrize(("text", "factor"), [("max", None), ("1x", 1.0), ("60x", 60.0), ("0.5x", 0.5)])
def test_a_speed_is_max_or_a_factor(text: str, factor: float | None) -> None:
    assert parse_speed(text) == factor


@pytest.mark.parametrize("text", ["", "x", "1", "-1x", "0x", "1 x"])
def test_what_is_no_speed_is_refused(text: str) -> None:
    with pytest.raises(SpeedError):
        parse_speed(text)


@pytest.mark.parametrize(
    ("micros", "text"),
    [(0, "0.00"), (58_705_229_957, "58,705.229957"), (1_500_000, "1.50"), (-1, "-0.000001")],
)
def test_money_is_shown_with_every_digit_it_has(micros: int, text: str) -> None:
    assert money(micros) == text


def test_reasons_without_end_are_counted_together() -> None:
    reasons = Reasons()
    for row in range(1000):
        reasons.add(f"reason {row}", row)
    assert reasons.count == 1000
    assert len(reasons.by_text) == 51
    assert reasons.by_text["other reasons"].count == 950


def test_answers_that_come_in_any_order_give_the_same_summary(capsys: pytest.CaptureFixture[str]) -> None:
    class Unsteady(Collector):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            for _ in range(random.Random(request.headers["content-length"]).randrange(5)):
                await asyncio.sleep(0)
            return await super().handle_async_request(request)

    steady, unsteady = Collector(), Unsteady()
    options = replace(
        CLICKS,
        file=str(DATA / "ad_campaigns_sample.csv"),
        map_file=ROOT / "examples" / "ad_campaigns.yaml",
    )
    run_session(options, steady)
    one = summary(capsys)["by_event"]
    run_session(options, unsteady)
    assert summary(capsys)["by_event"] == one
    assert steady.events == unsteady.events
