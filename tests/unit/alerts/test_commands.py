"""``tidemark rules``: what it prints and how it ends."""

import json
from pathlib import Path

from typer.testing import CliRunner

from declared import with_line
from rules import TEXT
from tidemark.cli import app


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["rules", *words], env={"COLUMNS": "200", "TERM": "dumb"})
    return done.exit_code, done.stdout, done.stderr


def folder(tmp_path: Path, text: str) -> str:
    (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
    return str(tmp_path)


def test_the_shipped_rules_are_listed() -> None:
    code, out, err = run("check")
    assert (code, err) == (0, "")
    lines = {line.split()[0]: line.strip().split(maxsplit=2)[1:] for line in out.splitlines()}
    assert lines["BudgetSpent"] == ["critical", "every 1m, and at once  SPEND > budget"]
    assert lines["SpendPace"][1].endswith("SPEND > 130% * budget * elapsed for 15m")


def test_mistakes_are_a_line_each_and_end_with_1(tmp_path: Path) -> None:
    wrong = with_line("SPEND > 1_000", "SPENT > [red]", with_line("for: 10m", "for: 10", TEXT))
    code, out, err = run("check", "--folder", folder(tmp_path, wrong))
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "rules.yaml, line 13: when is wrong: column 1: SPENT is no metric here; did you mean SPEND?",
        "rules.yaml, line 15: for is 10; it must be a length such as 90m, 12h, 7d or 2w, at most 31d",
    ]


def test_machines_get_the_same_as_json(tmp_path: Path) -> None:
    code, out, err = run("check", "--json", "--folder", folder(tmp_path, TEXT))
    assert (code, err) == (0, "")
    assert json.loads(out) == {"rules": ["HighSpend", "Worse", "Refused"], "problems": []}
    code, out, _ = run(
        "check", "--json", "--folder", folder(tmp_path, with_line("compare: week", "top: 5", TEXT))
    )
    [problem] = json.loads(out)["problems"]
    assert (code, problem["file"], problem["line"]) == (1, "rules.yaml", 12)


def test_an_empty_folder_is_said_to_be_one(tmp_path: Path) -> None:
    assert run("check", "--folder", str(tmp_path)) == (
        *(0, "No rule is declared; write one in catalogue/alerts.\n", ""),
    )
