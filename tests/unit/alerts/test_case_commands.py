"""``tidemark rules test``: what it prints and how it ends."""

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from tidemark.alerts.case_commands import run_tests

APP = typer.Typer()
APP.command()(run_tests)
RULES = """\
groups:
  - name: Spend
    rules:
      - alert: HighSpend
        query: {metrics: [SPEND], window: 1h}
        when: SPEND > 500
        annotations: {summary: much}
"""
TESTS = """\
tests:
  - name: told at once
    every: 1m
    input: [{SPEND: "0 600"}]
    alerts:
      - {at: 0m, alert: HighSpend, expected: []}
      - {at: 1m, alert: HighSpend, expected: [{}]}
"""


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(APP, words, env={"COLUMNS": "200", "TERM": "dumb"})
    return done.exit_code, done.stdout, done.stderr


def folder(tmp_path: Path, **files: str) -> str:
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return str(tmp_path)


def test_the_shipped_rules_pass_their_tests() -> None:
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out.endswith(", of files: 4.\n")


def test_tests_that_pass_are_counted(tmp_path: Path) -> None:
    where = folder(tmp_path, spend=RULES, spend_test=TESTS)
    assert run("--folder", where) == (0, "Tests passed: 1, of files: 1.\n", "")


def test_a_test_that_fails_is_one_line_and_ends_with_1(tmp_path: Path) -> None:
    where = folder(tmp_path, spend=RULES, spend_test=TESTS.replace("600", "300"))
    sentence = "told at once: HighSpend at 1m: expected firing, got no alert"
    assert run("--folder", where) == (1, "", f"spend_test.yaml, line 7: {sentence}\n")
    code, out, _ = run("--folder", where, "--json")
    assert code == 1
    assert json.loads(out) == {
        "tests": ["told at once"],
        "problems": [{"file": "spend_test.yaml", "line": 7, "sentence": sentence}],
    }


def test_chosen_files_are_run_alone(tmp_path: Path) -> None:
    where = folder(tmp_path, spend=RULES, good_test=TESTS, bad_test=TESTS.replace("600", "300"))
    assert run(str(tmp_path / "good_test.yaml"), "--folder", where)[0] == 0


def test_rules_that_are_wrong_are_said_instead(tmp_path: Path) -> None:
    where = folder(tmp_path, spend=RULES.replace("500", "much"), spend_test=TESTS)
    code, out, err = run("--folder", where)
    assert (code, out) == (1, "")
    assert err.startswith("spend.yaml, line 6: when is wrong")


def test_a_folder_without_tests_passes_none(tmp_path: Path) -> None:
    code, out, err = run("--folder", folder(tmp_path, spend=RULES))
    assert (code, out) == (1, "")
    assert err.startswith("There is no test in ")
