"""``tidemark rules preview``: exact, on a real service, for every rule that is shipped."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from rules import KNOWN, ROOT
from tidemark.alerts.commands import app
from tidemark.alerts.folder import load
from tidemark.alerts.rule import ExperimentQuery
from tidemark.query.instant import parse_instant, to_ms
from whole import Whole, until, whole

SUPPORT = Path(__file__).resolve().parents[1] / "support"
SHIPPED = load(ROOT / "catalogue" / "alerts", KNOWN).rules
USUAL, POOR = "usual", "poor"
DAYS = 8
MINUTES = """
INSERT INTO tidemark.campaign_minute (minute, event, campaign_id, ad_id, channel, source, platform, country,
    events, quantity, value_micros, cost_micros, last_at, version)
SELECT
    toDateTime({start:Int64} + intDiv(number, 40) * 60, 'UTC'),
    ['impression', 'click', 'spend', 'conversion'][1 + number % 4] AS event,
    concat('campaign-', toString(intDiv(number, 4) % 10)), '', '', 'web', '', 'DE',
    1, if(event = 'impression', 100, 1 + number % 3), 0,
    if(event = 'spend', 2000000 + cityHash64(number) % 2000000, 0), now64(3), 1
FROM numbers({rows:UInt64})
WHERE event != 'conversion' OR intDiv(number, 40) % 1440 < 1200
"""
MINE = """\
groups:
  - name: Mine
    every: 1m
    rules:
      - alert: SpendsForNothing
        query: {metrics: [SPEND, CONVERSIONS], dimensions: [CAMPAIGN],
          where: "campaign=campaign-1,campaign-2", window: 1h}
        when: SPEND > 100 and CONVERSIONS < 3
        annotations: {summary: "{{ campaign }} spent {{ SPEND }}"}
      - alert: Reach
        query: {metrics: [REACH], dimensions: [CAMPAIGN], window: 1h}
        when: REACH > 5
        annotations: {summary: "{{ campaign }}"}
      - alert: Late
        query: {health: data_lag_seconds, window: 1h}
        when: data_lag_seconds > 5
        annotations: {summary: late}
"""


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    settings: dict[str, dict[str, Any]] = {
        USUAL: {"limits": {}},
        POOR: {"limits": {"budget_per_minute": 0.3}},
    }
    with whole(tmp_path_factory.mktemp("preview"), settings) as running:
        start = int(time.time()) // 60 * 60 - DAYS * 86_400
        running.sql(MINUTES, start=start, rows=DAYS * 1440 * 40)
        yield running


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "mine.yaml").write_text(MINE, encoding="utf-8")
    return folder


def command(services: Whole, *words: str, width: int = 100) -> tuple[int, str, str]:
    given = ["preview", *words, "--url", services.url(USUAL, "")]
    done = CliRunner().invoke(app, given, env={"COLUMNS": str(width), "TERM": "dumb"})
    return done.exit_code, done.stdout, done.stderr


def ask(services: Whole, alert: str, last: str, *, service: str = USUAL, **more: Any) -> httpx.Response:
    options = {"content": MINE.encode(), "headers": {"content-type": "application/yaml"}, **more}
    url = services.url(service, "/v1/rules/preview")
    return services.http.post(url, params={"alert": alert, "last": last}, **options)


@pytest.mark.parametrize("seed", [1])
def test_a_preview_sees_what_each_ticks_own_question_sees(tmp_path: Path, seed: int) -> None:
    done = subprocess.run(
        [sys.executable, str(SUPPORT / "preview_truth.py"), str(tmp_path), str(seed)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {name: one["differ"] for name, one in told.items() if one["differ"]} == {}
    assert all(one["series"][0] == one["series"][1] for one in told.values())
    assert {name for name, one in told.items() if not one["rolled"]} == {"Users", "Largest"}
    assert sum(one["kept"] for one in told.values()) > 200


@pytest.mark.parametrize("name", [rule.name for rule in SHIPPED])
def test_every_shipped_rule_is_previewed(services: Whole, name: str) -> None:
    code, out, err = command(services, name, "--last", "1d")
    if any(rule.name == name and isinstance(rule.query, ExperimentQuery) for rule in SHIPPED):
        assert (code, out) == (1, "")
        assert err == "No experiment that the rule looks at is running, so there is no past to judge.\n"
    else:
        assert (code, err) == (0, "")
        assert out.startswith(name)


def test_a_rule_that_nobody_has_switched_on_is_judged_over_a_week_and_shown(
    services: Whole, mine: Path
) -> None:
    began = time.monotonic()
    code, out, err = command(services, "SpendsForNothing", "--folder", str(mine), width=80)
    print(f"7 days at 1m took {time.monotonic() - began:.1f} s\n{out}")
    assert (code, err) == (0, "")
    assert "in the 7d up to" in out
    assert "campaign=campaign-1  " in out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80
    code, out, _ = command(services, "SpendsForNothing", "--folder", str(mine), "--json")
    told = json.loads(out)
    assert (code, told["ticks"], told["series"]) == (0, 10_080, 2)
    # one a day and campaign, in the four hours without conversions; the first tick may cut one off
    assert len([one for one in told["alerts"] if one["seconds"] > 10_000]) == 14
    assert len([one for one in told["alerts"] if one["endedAt"] is None]) == 2


def test_progress_comes_line_by_line(services: Whole) -> None:
    *lines, last = [json.loads(line) for line in ask(services, "SpendsForNothing", "1d").text.splitlines()]
    shares = [line["share"] for line in lines]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert last["preview"]["ticks"] == 1440


def test_one_is_made_at_a_time_and_who_hangs_up_ends_it(services: Whole) -> None:
    url, params = services.url(USUAL, "/v1/rules/preview"), {"alert": "Reach", "last": "1d"}
    headers = {"content-type": "application/yaml"}
    with services.http.stream("POST", url, params=params, content=MINE, headers=headers) as slow:
        next(slow.iter_lines())
        refused = ask(services, "SpendsForNothing", "1d")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
        assert "there is one at a time" in refused.json()["message"]
        answered: list[float] = []
        question = {"metrics": ["CLICKS"], "range": {"lastSeconds": 3600}}
        for _ in range(5):
            began = time.monotonic()
            services.ask(USUAL, question, key="other")
            answered.append(time.monotonic() - began)
        print(f"beside a preview a question took {max(answered):.2f} s at most")
        assert max(answered) < 5
    until(lambda: services.running() == 0, within=10)
    until(lambda: ask(services, "SpendsForNothing", "1h").status_code == 200, within=10)


def test_a_past_that_begins_with_the_data_says_so(services: Whole, mine: Path) -> None:
    code, out, _ = command(services, "SpendsForNothing", "--folder", str(mine), "--last", "31d")
    assert code == 0
    assert "since data does not go back further." in out
    told = json.loads(
        command(services, "SpendsForNothing", "--folder", str(mine), "--last", "31d", "--json")[1]
    )
    assert to_ms(parse_instant(told["to"])) - to_ms(parse_instant(told["from"])) < DAYS * 86_400_000
    assert to_ms(parse_instant(told["from"])) - to_ms(parse_instant(told["asked"])) > 20 * 86_400_000


def test_what_cannot_be_previewed_is_one_sentence(services: Whole, mine: Path) -> None:
    for words, sentence in (
        (["Late"], "data_lag_seconds has no past"),
        (["Lat"], "There is no rule Lat in"),
        (["SpendsForNothing", "--last", "32d"], "last must be from 1m, which is the rule's every, to 31d"),
        (["SpendsForNothing", "--last", "never"], "cannot be read"),
        (["SpendsForNothing", "--tz", "Mars"], "Mars"),
    ):
        code, out, err = command(services, *words, "--folder", str(mine))
        assert (code, out) == (1, "")
        assert sentence in err
        assert err.count("\n") == 1


def test_the_door_refuses_what_is_no_file_of_rules(services: Whole) -> None:
    for more, code, sentence in (
        ({"headers": {"content-type": "text/plain"}}, 400, "application/yaml"),
        ({"content": b"groups: nonsense"}, 400, "the file, line 1"),
        ({"content": b"#" * 70_000}, 413, "65,536"),
    ):
        refused = ask(services, "Late", "7d", **more)
        assert refused.status_code == code
        assert sentence in refused.text
    assert ask(services, "Nobody", "7d").json()["code"] == "UNKNOWN_NAME"
    assert services.http.get(services.url(USUAL, "/v1/rules/preview")).status_code == 405


def test_a_budget_that_is_used_up_ends_a_preview_with_its_sentence(services: Whole) -> None:
    lines = [json.loads(line) for line in ask(services, "Reach", "1d", service=POOR).text.splitlines()]
    assert lines[-1]["code"] == "BUDGET_EXHAUSTED"
