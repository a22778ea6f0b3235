"""`tidemark query`: words to a question, a frame to a table, and one sentence where there is no answer."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from asgi import client_of
from tidemark.app import create_app
from tidemark.freshness import Freshness
from tidemark.query.asking import Asked, AskingError, asked
from tidemark.query.catalogue import load
from tidemark.query.commands import query
from tidemark.query.terminal import human, name_text, render, sparkline, watermark
from tidemark.settings import Settings

NOW = datetime(2026, 11, 23, 12, 0, 17, tzinfo=UTC)


def ask(**options: Any) -> Asked:
    given: dict[str, Any] = {
        "metrics": "clicks",
        "by": "",
        "where": (),
        "last": None,
        "start": None,
        "end": None,
    }
    return asked(**given | {"grain": None, "limit": 10} | options)


def test_words_become_the_variables_of_a_question() -> None:
    found = ask(
        metrics="clicks, ctr",
        by="campaign,ad",
        last="15m",
        grain="five-minutes",
        where=['campaign="a,b",c', "ad!=x=y"],
    )
    assert found.variables == {
        "metrics": ("CLICKS", "CTR"),
        "dimensions": ("CAMPAIGN", "AD"),
        "where": (
            {"dimension": "CAMPAIGN", "op": "IN", "values": ["a,b", "c"]},
            {"dimension": "AD", "op": "NOT_IN", "values": ["x=y"]},
        ),
        "range": {"lastSeconds": 900},
        "grain": "FIVE_MINUTES",
        "limit": 10,
    }
    assert ask(where=["ad="]).where[0]["values"] == [""]
    assert ask().range == {"lastSeconds": 3600}


def test_times_without_an_offset_are_utc() -> None:
    found = ask(start="2026-11-23", end="2026-11-23T13:30:00+01:00")
    assert found.range == {"from": "2026-11-23T00:00:00Z", "to": "2026-11-23T12:30:00Z"}
    assert ask(start="2026-11-23T12:00", end="2026-11-23 12:00:01.5").range == {
        "from": "2026-11-23T12:00:00Z",
        "to": "2026-11-23T12:00:01.500Z",
    }


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"last": "5y"}, "--last '5y' cannot be read; write 90s, 15m, 1h, 7d or 2w"),
        ({"last": "0s"}, "--last '0s' cannot be read"),
        ({"last": "99999w"}, "--last '99999w' cannot be read"),
        ({"last": "1h", "start": "2026-11-23"}, "--last stands beside --from or --to"),
        ({"start": "2026-11-23"}, "--to is missing; give --from and --to, or --last"),
        ({"end": "2026-11-23"}, "--from is missing"),
        ({"start": "yesterday", "end": "2026-11-23"}, "--from 'yesterday' cannot be read; write 2026-11-23"),
        ({"start": "2026-11-31", "end": "2026-11-23"}, "--from '2026-11-31T00:00:00Z' cannot be read"),
        ({"start": "2026-11-30T25:00", "end": "2026-11-23"}, "--from '2026-11-30T25:00' is no time"),
        ({"where": ["campaign=a\rb"]}, "--where 'campaign=a\\rb' cannot be read: new-line character"),
        ({"where": ["campaign"]}, "--where 'campaign' cannot be read; write campaign=a,b or campaign!=a,b"),
    ],
)
def test_a_word_that_cannot_be_read_is_told_with_an_example(options: dict[str, Any], says: str) -> None:
    with pytest.raises(AskingError) as error:
        ask(**options)
    assert says in str(error.value)


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


def test_names_cannot_steer_the_terminal() -> None:
    assert name_text("a\x1b[31m\nb").plain == "a·[31m·b"
    assert name_text("[red]x").plain == "[red]x"
    assert name_text("").plain == "(none)"


def test_the_watermark_says_how_long_ago() -> None:
    known = {"now": "2026-11-23T12:00:17Z", "completeThrough": "2026-11-23T12:00:15.200Z"}
    assert watermark({**known, "auditedThrough": "2026-11-22T11:00:17Z"}).plain == (
        "complete through 12:00:15 UTC, 1.8 s ago; audited through 2026-11-22 11:00:17 UTC, 1.0 d ago"
    )
    assert watermark({**known, "completeThrough": None, "auditedThrough": None}).plain == (
        "complete through: not known yet; audited through: not known yet"
    )


@dataclass
class Result:
    columns: list[list[Any]]
    row_count: int


@dataclass
class FakeDatabase:
    """Two campaigns; with a grain, the first has clicks in two minutes of three."""

    read: list[Mapping[str, object]] = field(default_factory=list)
    many: bool = False

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> Result:
        self.read.append(parameters or {})
        if "AS bucket" not in sql:
            return Result([["summer", "winter"], [1500, 3], [10_000, 0]], 2)
        noon = 1_795_435_200
        if self.many and "where_0" not in (parameters or {}):
            return Result([[noon] * 10_001, ["other"] * 10_001, [1] * 10_001, [1] * 10_001], 10_001)
        return Result(
            [[noon - 60, noon, noon], ["summer", "summer", "winter"], [500, 1000, 3], [10_000, 0, 0]], 3
        )


Run = Callable[..., Any]


@pytest.fixture
def database() -> FakeDatabase:
    return FakeDatabase()


@pytest.fixture
def run(database: FakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command against the real application, in this process."""
    settings = Settings(home=tmp_path)
    freshness = Freshness(NOW, NOW - timedelta(seconds=1.8), None)
    app = create_app(database, lambda: freshness, load(settings.catalogue), settings, list)
    command = typer.Typer()
    command.command()(query)
    with client_of(app) as client:
        monkeypatch.setattr(httpx, "Client", lambda: client)
        yield lambda *words: CliRunner().invoke(command, words, env={"COLUMNS": "100", "NO_COLOR": "1"})


def test_a_line_a_series_with_totals_sparklines_and_the_watermark(run: Run) -> None:
    result = run("--metrics", "clicks,ctr", "--by", "campaign", "--last", "1m", "--grain", "minute")
    assert result.exit_code == 0
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "campaign  clicks          ctr",
        "summer     1,500  ▅█  15.00 %  █",
        "winter         3   █        –",  # noqa: RUF001
        "",
        "2026-11-23 11:59 to 2026-11-23 12:01 UTC by minute",
        "complete through 12:00:15 UTC, 1.8 s ago; audited through: not known yet",
    ]


def test_totals_come_with_the_series_in_one_request_and_are_not_summed(
    run: Run, database: FakeDatabase
) -> None:
    run("-m", "clicks,ctr", "-b", "campaign", "-g", "hour", "--limit", "7")
    assert [one["rows"] for one in database.read] == [10_001, 8]


def test_buckets_that_do_not_fit_are_asked_for_again_for_the_lines_shown(
    run: Run, database: FakeDatabase
) -> None:
    database.many = True
    result = run("-m", "clicks,ctr", "-b", "campaign", "-g", "minute", "--last", "1m")
    assert database.read[-1]["where_0"] == ["summer", "winter"]
    assert "▅█" in result.stdout


def test_json_is_the_frame(run: Run) -> None:
    frame = json.loads(run("-m", "clicks,ctr", "-b", "campaign", "--json").stdout)
    assert frame["columns"][2] == {
        "name": "ctr",
        "kind": "METRIC",
        "unit": "fraction",
        "values": [0.15, None],
    }
    assert frame["resolved"]["source"] == "campaign_minute"
    assert frame["freshness"]["lagMs"] == 1800


def test_csv_has_a_header_and_empty_cells_for_null(run: Run) -> None:
    rows = list(csv.reader(io.StringIO(run("-m", "clicks,ctr", "-b", "campaign", "--csv").stdout)))
    assert rows == [["campaign", "clicks", "ctr"], ["summer", "1500", "0.15"], ["winter", "3", ""]]


@pytest.mark.parametrize("form", ["--json", "--csv", "--watch"])
def test_watching_asks_again_until_it_is_interrupted(
    run: Run, database: FakeDatabase, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    waits = iter([None, None])

    def wait(_: float) -> None:
        try:
            next(waits)
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr("time.sleep", wait)
    result = run("-m", "clicks,ctr", "-b", "campaign", "--watch", form)
    assert result.exit_code == 0
    assert len(database.read) == 3
    assert result.stdout.count("summer") == (1 if form == "--watch" else 3)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("-m", "clix"), "There is nothing called clix for --metrics; there are impressions, clicks,"),
        (
            ("-m", "clicks", "-b", "age"),
            "There is nothing called age for --by or --where; there are campaign, ad,",
        ),
        (("-m", "clicks", "-w", "age=1"), "There is nothing called age for --by or --where"),
        (("-m", "clicks", "-g", "year"), "There is nothing called year for --grain; there are minute,"),
        (("-m", "clicks", "--limit", "0"), "limit is 0; it must be from 1 to 10,000"),
        (("-m", "clicks", "--last", "x"), "--last 'x' cannot be read"),
        (("-m", ""), "Nothing is asked for; name at least one metric or dimension."),
        (("-m", "clicks", "--json", "--csv"), "--json and --csv stand together; give one of them"),
    ],
)
def test_a_wrong_question_is_one_sentence_and_exit_1(run: Run, words: tuple[str, ...], says: str) -> None:
    result = run(*words)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def failing(status: int = 200, content: bytes = b"", error: Exception | None = None) -> httpx.Client:
    def answer(_: httpx.Request) -> httpx.Response:
        if error:
            raise error
        return httpx.Response(status, content=content)

    return httpx.Client(transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("client", "says"),
    [
        (
            failing(error=httpx.ConnectError("no")),
            "does not answer at http://127.0.0.1:8600; start it with `make up`",
        ),
        (failing(error=httpx.ReadTimeout("slow")), "did not answer within 30 s; see `tidemark status`"),
        (failing(404, b"<html>"), "answered 404 without JSON; is it Tidemark's service? See --url."),
        (failing(200, b'{"detail": 1}'), "answers, but not GraphQL; is it Tidemark's service? See --url."),
    ],
)
def test_a_service_that_does_not_answer_is_one_sentence_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, client: httpx.Client, says: str
) -> None:
    monkeypatch.setattr(httpx, "Client", lambda: client)
    command = typer.Typer()
    command.command()(query)
    result = CliRunner().invoke(command, ["-m", "clicks", "--url", "127.0.0.1:8600/"])
    assert result.exit_code == 1
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_frame_that_was_cut_off_says_so() -> None:
    frame = {
        "columns": [{"name": "clicks", "kind": "METRIC", "unit": None, "values": [1]}],
        "rowCount": 1,
        "truncated": True,
        "resolved": {"from": "2026-11-23T12:00:00Z", "to": "2026-11-23T12:00:07Z", "grain": None},
        "freshness": {"now": "2026-11-23T12:00:17Z", "completeThrough": None, "auditedThrough": None},
    }
    console = Console(width=100, file=io.StringIO())
    with console.capture() as captured:
        console.print(render(frame, None, 100))
    assert "1 lines, and there are more; see --limit" in captured.get()
    assert "2026-11-23 12:00 to 2026-11-23 12:00:07 UTC" in captured.get()
