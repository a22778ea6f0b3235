"""`tidemark query` and `tidemark explain`: a question, a table, and one sentence where there is no answer."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import httpx
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from starlette.applications import Starlette
from typer.testing import CliRunner

from asgi import client_of
from fake_desk import FakeDesk, campaigns, column
from tidemark.doors.routes import add_doors
from tidemark.query.caller import Caller
from tidemark.query.catalogue import load
from tidemark.query.commands import explain, query
from tidemark.query.errors import Code, QueryError
from tidemark.query.frame import Column, ColumnKind
from tidemark.query.options import words_of
from tidemark.query.request import Request
from tidemark.query.terminal import change_text, human, name_text, render, sparkline, watermark
from tidemark.query.words import WORDS, read
from tidemark.settings import Settings

CATALOGUE = load(Settings().catalogue)

Run = Callable[..., Any]


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def run(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a command against the doors, in this process."""
    app = Starlette()
    add_doors(app, desk, CATALOGUE, lambda _: Caller("test"), currency="EUR", count_error=lambda _: None)
    command = typer.Typer()
    command.command()(query)
    command.command()(explain)
    with client_of(app) as client:
        monkeypatch.setattr(httpx, "Client", lambda: nullcontext(client))
        yield lambda *words: CliRunner().invoke(command, words, env={"COLUMNS": "100", "NO_COLOR": "1"})


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def test_every_word_has_an_option_and_says_the_same() -> None:
    given = words_of(
        metrics="clicks", by="campaign", last="1h", start="a", end="b", zone="UTC", grain="day",
        where=["ad=a"], compare="day", top=5, top_by="spend", other=False, having=["clicks>=1"],
        order="-clicks", limit=7,
    )  # fmt: skip
    assert {name for name, _ in given} == {word.name for word in WORDS}
    request = read(CATALOGUE, [(name, value) for name, value in given if name not in ("from", "to")])
    assert request.top is not None
    assert (request.top.n, request.top.other, request.limit) == (5, False, 7)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1234567, None, "1,234,567"),
        (2.5, None, "2.500"),
        (0.01234, "fraction", "1.23 %"),
        (58705.229957, "EUR", "58,705.23 EUR"),
        (None, "EUR", "–"),  # noqa: RUF001
    ],
)
def test_numbers_are_written_for_people(value: float | None, unit: str | None, text: str) -> None:
    assert human(value, unit) == text


def test_a_sparkline_rises_from_zero_and_leaves_gaps() -> None:
    assert sparkline([0, 1, None, 7], 10) == "▁▂ █"
    assert sparkline([-7, 0, 7], 10) == "▁▅█"
    assert sparkline([0, 0], 10) == "▁▁"
    assert sparkline([2, 4, 6, 8, None, None], 3) == "▄█ "


@given(st.lists(st.none() | st.integers(-(10**30), 10**30) | st.floats(-1e30, 1e30)), st.integers(1, 60))
def test_a_sparkline_fits_whatever_it_draws(values: list[float | None], width: int) -> None:
    assert len(sparkline(values, width)) == min(len(values), width)


@pytest.mark.parametrize(
    ("change", "text"),
    [(0.1234, "▲ 12.3 %"), (-0.04, "▼ 4.0 %"), (0, "= 0.0 %"), (None, "–")],  # noqa: RUF001
)
def test_a_change_has_an_arrow(change: float | None, text: str) -> None:
    assert change_text(change).plain == text


def test_names_cannot_steer_the_terminal() -> None:
    assert name_text("a\x1b[31m\nb").plain == "a·[31m·b"
    assert name_text("[red]x").plain == "[red]x"
    assert name_text("").plain == "(none)"


def test_the_watermark_says_how_long_ago() -> None:
    known = {"now": "2026-11-23T12:00:17Z", "completeThrough": "2026-11-23T12:00:15.200Z"}
    assert watermark({**known, "auditedThrough": "2026-11-22T11:00:17Z"}).plain == (
        "complete through 12:00:15 UTC, 1.8 s ago; audited through 2026-11-22 11:00:17 UTC, 1.0 d ago"
    )
    assert watermark({**known, "auditedThrough": None}, "Europe/Berlin").plain.startswith(
        "complete through 13:00:15 Europe/Berlin, 1.8 s ago"
    )
    assert watermark({**known, "completeThrough": None, "auditedThrough": None}).plain == (
        "complete through: not known yet; audited through: not known yet"
    )


def test_a_line_a_series_with_totals_sparklines_and_the_watermark(run: Run) -> None:
    result = run("query", "--metrics", "clicks,ctr", "--by", "campaign", "--last", "1m", "--grain", "minute")
    assert result.exit_code == 0
    assert lines(result.stdout) == [
        "campaign  clicks          ctr",
        "summer     1,500  ▅█  15.00 %  █",
        "winter         3  ▁█        –",  # noqa: RUF001
        "",
        "2026-11-23 11:59 to 2026-11-23 12:01 UTC by minute",
        "complete through 12:00:15 UTC, 1.8 s ago; audited through: not known yet",
    ]


def compared(request: Request) -> list[Column]:
    """Three lines, the last of them the rest, beside an earlier range and with intervals."""
    found = [
        column("other", [False, False, True], ColumnKind.OTHER),
        column("campaign", ["summer", "", None], ColumnKind.DIMENSION),
        column("clicks", [1500, 3, 40]),
        column("ctr", [0.15, None, 0.5], unit="fraction"),
        column("previous.clicks", [1000, 3, 0], ColumnKind.PREVIOUS),
        column("previous.ctr", [0.2, None, 0.5], ColumnKind.PREVIOUS, "fraction"),
        column("change.clicks", [0.5, 0.0, None], ColumnKind.CHANGE, "fraction"),
        column("change.ctr", [-0.25, None, 0.0], ColumnKind.CHANGE, "fraction"),
        column("lower.ctr", [0.143, None, 0.42], ColumnKind.LOWER, "fraction"),
        column("upper.ctr", [0.157, None, 0.58], ColumnKind.UPPER, "fraction"),
    ]
    return found if request.grain is None else list(campaigns(request))


def test_what_was_before_the_change_the_interval_and_the_rest_stand_beside_each_value(
    run: Run, desk: FakeDesk
) -> None:
    desk.columns = compared
    result = run(
        "query", "-m", "clicks,ctr", "-b", "campaign", "--compare", "period", "--top", "2", "--intervals"
    )
    assert lines(result.stdout) == [
        "campaign  clicks  before    change      ctr              95 %   before    change",
        "summer     1,500   1,000  ▲ 50.0 %  15.00 %  14.30 to 15.70 %  20.00 %  ▼ 25.0 %",
        "(none)         3       3   = 0.0 %        –                 –        –         –",  # noqa: RUF001
        "(other)       40       0         –  50.00 %  42.00 to 58.00 %  50.00 %   = 0.0 %",  # noqa: RUF001
        "",
        "2026-11-23 11:00 to 2026-11-23 12:01 UTC",
        "before: 2026-11-23 09:59 to 2026-11-23 11:00 UTC",
        "complete through 12:00:15 UTC, 1.8 s ago; audited through: not known yet",
    ]
    without = run("query", "-m", "clicks,ctr", "-b", "campaign", "--compare", "period", "--top", "2").stdout
    assert "95 %" not in without


def test_metrics_that_do_not_fit_beside_each_other_stand_below_each_other(run: Run, desk: FakeDesk) -> None:
    names = ["impressions", "conversions", "spend", "revenue", "events", "clicks"]

    def many(request: Request) -> list[Column]:
        keys = list(campaigns(request))[: 2 if request.grain else 1]
        return [*keys, *(column(name, [10**9 + 1] * len(keys[0].values)) for name in names)]

    desk.columns = many
    shown = lines(run("query", "-m", ",".join(names), "-b", "campaign", "-g", "minute").stdout)
    assert max(map(len, shown)) <= 100
    assert [line.split()[1:] for line in shown if line.startswith("campaign")] == [names[:3], names[3:]]


def test_the_buckets_asked_for_are_those_of_the_totals_range(run: Run, desk: FakeDesk) -> None:
    run(
        "query", "-m", "clicks,ctr", "-b", "campaign", "-g", "hour", "--limit", "7", "--having", "clicks>=1",
        "--order", "-bucket,-clicks", "--compare", "day",
    )  # fmt: skip
    total, series = desk.asked
    assert (total.grain, total.limit, len(total.having), len(total.order_by)) == (None, 7, 1, 1)
    assert total.range.last_seconds == 3600
    assert (series.grain, series.limit, series.having, series.order_by) == ("HOUR", 10_000, (), ())
    assert (series.range.last_seconds, series.compare) == (None, None)


def test_buckets_that_do_not_fit_are_asked_for_again_for_the_lines_shown(run: Run, desk: FakeDesk) -> None:
    desk.truncated = lambda request: request.grain is not None and not request.where
    result = run("query", "-m", "clicks,ctr", "-b", "campaign", "-g", "minute", "--last", "1m")
    assert desk.asked[-1].where[0].values == ("summer", "winter")
    assert "▅█" in result.stdout
    assert "end early" not in result.stdout
    desk.truncated = lambda request: request.grain is not None
    assert (
        "sparklines end early; see --top" in run("query", "-m", "clicks", "-b", "ad", "-g", "minute").stdout
    )


def test_json_is_the_answer_of_the_service(run: Run) -> None:
    answer = json.loads(run("query", "-m", "clicks,ctr", "-b", "campaign", "--json").stdout)
    assert answer["rows"][1] == {"campaign": "winter", "clicks": 3, "ctr": None}
    assert answer["resolved"]["source"] == "campaign_minute"
    assert answer["freshness"]["lagMs"] == 1800


def test_csv_has_a_header_and_empty_cells_for_null(run: Run) -> None:
    text = run("query", "-m", "clicks,ctr", "-b", "campaign", "--csv").stdout
    rows = list(csv.reader(io.StringIO(text)))
    assert rows == [["campaign", "clicks", "ctr"], ["summer", "1500", "0.15"], ["winter", "3", ""]]
    assert "\r" not in text


@pytest.mark.parametrize("form", ["--json", "--csv", "--watch"])
def test_watching_asks_again_until_it_is_interrupted(
    run: Run, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    waits = iter([None, None])

    def wait(_: float) -> None:
        try:
            next(waits)
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr("time.sleep", wait)
    result = run("query", "-m", "clicks,ctr", "-b", "campaign", "--watch", form)
    assert result.exit_code == 0
    assert len(desk.asked) == 3
    assert result.stdout.count("summer") == (1 if form == "--watch" else 3)
    assert result.stdout.count("campaign,clicks,ctr") == (form == "--csv")


def test_explain_shows_tables_price_and_sql_and_runs_it_only_when_asked(run: Run) -> None:
    shown = lines(run("explain", "-m", "clicks", "-w", "campaign=summer", "--compare", "period").stdout)
    assert shown == [
        "range   2026-11-23 11:00 to 2026-11-23 12:01 UTC",
        "before  2026-11-23 09:59 to 2026-11-23 11:00 UTC",
        "source  campaign_minute: 2026-11-23 11:00 to 2026-11-23 12:01 UTC",
        "price   2.01 units: about 2,000,000 rows to read",
        "limits  10 s, 2,000 MB of memory",
        "",
        "SELECT campaign_id FROM tidemark.campaign_minute WHERE campaign_id IN {where_0:Array(String)}",
        "",
        "where_0  Array(String)  ['summer']",
    ]
    ran = run("explain", "-m", "clicks", "--run").stdout
    assert "run     12.5 ms, 1,900,000 rows, 30.0 MB read" in ran
    assert json.loads(run("explain", "-m", "clicks", "--json").stdout)["run"] is None


@pytest.mark.parametrize("command", ["query", "explain"])
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("-m", "clix"), "There is no metric clix: did you mean clicks? There are impressions, clicks,"),
        (("-m", "clicks", "-b", "age"), "There is no dimension age; there are campaign, ad,"),
        (("-m", "clicks", "-w", "age=1"), "There is no dimension age; there are campaign, ad,"),
        (("-m", "clicks", "-g", "year"), "There is no grain year; there are minute,"),
        (("-m", "clicks", "--limit", "0"), "limit is 0; it must be from 1 to 10,000. Try --limit 1."),
        (("-m", "clicks", "--last", "x"), "last 'x' cannot be read"),
        (("-m", ""), "Nothing is asked for; name at least one metric or dimension."),
    ],
)
def test_a_wrong_question_is_one_sentence_and_exit_1(
    run: Run, command: str, words: tuple[str, ...], says: str
) -> None:
    result = run(command, *words)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("form", [(), ("--csv",), ("--json",)])
def test_a_refusal_names_what_would_be_accepted(run: Run, desk: FakeDesk, form: tuple[str, ...]) -> None:
    desk.failure = QueryError(
        Code.RANGE_TOO_LONG, "Too many minutes; use grain HOUR.", suggestion={"grain": "HOUR"}
    )
    result = run("query", "-m", "clicks", "-g", "minute", *form)
    assert result.exit_code == 1
    assert result.stderr.strip() in (
        "Too many minutes; use grain HOUR. Try --grain hour.",
        "Too many minutes; use grain HOUR. Accepted would be: grain=hour",
    )


def test_two_forms_at_once_are_refused(run: Run) -> None:
    result = run("query", "-m", "clicks", "--json", "--csv")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "--json and --csv stand together; give one of them\n"


def failing(status: int = 200, content: bytes = b"", error: Exception | None = None) -> httpx.Client:
    def answer(_: httpx.Request) -> httpx.Response:
        if error:
            raise error
        return httpx.Response(status, content=content)

    return httpx.Client(transport=httpx.MockTransport(answer))


STRANGE = "but not as Tidemark's service does; is it that? See --url."


@pytest.mark.parametrize("form", [(), ("--csv",)])
@pytest.mark.parametrize(
    ("client", "says"),
    [
        (
            lambda: failing(error=httpx.ConnectError("no")),
            "does not answer at http://127.0.0.1:8600; start it with `make up`",
        ),
        (
            lambda: failing(error=httpx.ReadTimeout("slow")),
            "did not answer within 30 s; see `tidemark status`",
        ),
        (lambda: failing(404, b"<html>"), f"answered 404, {STRANGE}"),
        (lambda: failing(200, b'{"detail": 1}'), f"answered 200, {STRANGE}"),
        (lambda: failing(200, b"[]"), f"answered 200, {STRANGE}"),
    ],
)
def test_a_service_that_does_not_answer_is_one_sentence_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, client: Callable[[], httpx.Client], says: str, form: tuple[str, ...]
) -> None:
    found = client()
    monkeypatch.setattr(httpx, "Client", lambda: found)
    command = typer.Typer()
    command.command()(query)
    result = CliRunner().invoke(command, ["-m", "clicks", "--url", "127.0.0.1:8600/", *form])
    assert result.exit_code == 1
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_frame_that_was_cut_off_says_so() -> None:
    frame = {
        "columns": [{"name": "clicks", "kind": "METRIC", "unit": None}],
        "rows": [{"clicks": 1}],
        "rowCount": 1,
        "truncated": True,
        "resolved": {
            "from": "2026-11-23T12:00:00Z",
            "to": "2026-11-23T12:00:07Z",
            "grain": None,
            "timezone": "UTC",
            "previousFrom": None,
        },
        "freshness": {"now": "2026-11-23T12:00:17Z", "completeThrough": None, "auditedThrough": None},
    }
    console = Console(width=100, file=io.StringIO())
    with console.capture() as captured:
        console.print(render(frame, None, 100))
    assert "1 lines, and there are more; see --limit" in captured.get()
    assert "2026-11-23 12:00 to 2026-11-23 12:00:07 UTC" in captured.get()


def test_colours_are_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def printed(*, terminal: bool) -> str:
        console = Console(width=40, file=io.StringIO(), force_terminal=terminal)
        with console.capture() as captured:
            console.print(change_text(0.5))
        return captured.get()

    assert printed(terminal=False) == "▲ 50.0 %\n"
    assert "\x1b[34m" in printed(terminal=True)
