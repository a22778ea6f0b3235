"""``tidemark experiments``: what it prints and how it ends."""

import json
from pathlib import Path

from typer.testing import CliRunner

from declared import TEXT, with_line
from tidemark.cli import app


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["experiments", *words], env={"COLUMNS": "200", "TERM": "dumb"})
    return done.exit_code, done.stdout, done.stderr


def folder(tmp_path: Path, **files: str) -> str:
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return str(tmp_path)


def test_the_shipped_catalogue_is_right() -> None:
    code, out, err = run("check")
    assert (code, err) == (0, "")
    assert "checkout-button-1" in out
    assert "control* 50 %" in out
    assert "treatment 50 %" in out


def test_a_mistake_is_one_line_and_ends_with_1(tmp_path: Path) -> None:
    where = folder(tmp_path, a=with_line("alpha: 0.05", "alpha: 0.5"), b=TEXT)
    code, out, err = run("check", "--folder", where)
    assert (code, out) == (1, "")
    assert err == "a.yaml, line 10: alpha is 0.5; it must be above 0 and at most 0.2\n"


def test_markup_in_a_file_is_shown_as_it_is(tmp_path: Path) -> None:
    where = folder(tmp_path, a=with_line("status: running", "status: '[red]'"))
    assert "status is [red], which is no status" in run("check", "--folder", where)[2]


def test_machines_get_the_same_as_json(tmp_path: Path) -> None:
    where = folder(
        tmp_path, a=with_line("id: button", "id: blue", with_line("alpha: 0.05", "alpha: 0")), b=TEXT
    )
    code, out, err = run("check", "--json", "--folder", where)
    assert (code, err) == (1, "")
    assert json.loads(out) == {
        "experiments": ["button"],
        "problems": [
            {"file": "a.yaml", "line": 10, "sentence": "alpha is 0; it must be above 0 and at most 0.2"}
        ],
    }


def test_the_list_shows_the_newest_weights_and_what_is_missing(tmp_path: Path) -> None:
    where = folder(tmp_path, a=TEXT, b=TEXT)
    code, out, err = run("list", "--folder", where)
    assert code == 1
    assert [[word.strip() for word in line.split("  ") if word.strip()] for line in out.splitlines()[1:]] == [
        ["button", "running", "2026-11-01", "2026-12-01", "control* 75 %", "20,000", "purchase"],
        ["green 25 %", "revenue"],
        ["click_rate"],
    ]
    assert err.startswith("b.yaml, line 1: the id button is that of a.yaml")


def test_the_list_for_machines_has_whole_definitions(tmp_path: Path) -> None:
    code, out, _ = run("list", "--json", "--folder", folder(tmp_path, a=TEXT))
    assert code == 0
    [found] = json.loads(out)
    assert (found["id"], found["planned_users"], len(found["goals"])) == ("button", 20_000, 3)


def test_an_empty_folder_is_said_to_be_one(tmp_path: Path) -> None:
    assert run("list", "--folder", str(tmp_path)) == (
        *(0, "No experiment is declared; docs/experiments.md says how.\n", ""),
    )


def test_a_folder_that_there_is_not_is_told(tmp_path: Path) -> None:
    code, _, err = run("check", "--folder", str(tmp_path / "none"))
    assert code == 2
    assert "does not exist" in err
