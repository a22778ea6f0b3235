"""``tidemark alerts``: what it prints, what it changes, and how it ends."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from alert_scene import MINUTE, START, Scene, served
from alert_story import store
from asgi import client_of
from fake_desk import FakeDesk
from front_server import app_of
from tidemark.alerts.alert_commands import app
from tidemark.alerts.store.outbox import DEAD, PENDING, Outbox
from tidemark.settings import Settings

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def database(tmp_path: Path) -> Engine:
    return store(tmp_path)


@pytest.fixture
def run(database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a command against a service in this process, of which summer fires."""
    scene = Scene()
    judging, serving = served(scene, database)
    for minute in range(5):
        scene.complete_ms = START + minute * MINUTE
        judging.step()
    front = app_of(FakeDesk(serving=serving), Settings(home=tmp_path, operations=tmp_path))

    def ran(*words: str, columns: int = 250) -> tuple[int, str]:
        done = CliRunner().invoke(app, words, env={"COLUMNS": str(columns), "NO_COLOR": "1"})
        return done.exit_code, done.output

    with client_of(front) as client:
        monkeypatch.setattr(httpx, "Client", lambda: nullcontext(client))
        yield ran


def test_what_fires_is_listed_and_acknowledged_by_its_id(run: Run) -> None:
    _, told = run("list", "--state", "firing", "--json")
    (alert,) = json.loads(told)
    assert run("ack", alert["id"], "--by", "ann") == (0, "ann looks after SpendsTooMuch.\n")
    code, told = run("list")
    assert code == 0
    (line,) = (line for line in told.splitlines() if "firing" in line)
    assert "summer spends 700.00 USD" in line
    assert "ann" in line
    assert alert["id"] in run("list", columns=80)[1], "it can be copied from a narrow terminal, too"
    code, told = run("ack", "nobody", "--by", "ann")
    assert (code, told.strip()) == (1, "There is no alert 'nobody'; list them to see their ids.")


def test_a_silence_is_made_listed_and_ended(run: Run) -> None:
    assert run("silences") == (0, "Nothing is silenced.\n")
    code, told = run("silence", "campaign=[summer]", "--for", "2h", "--reason", "known", "--by", "ann")
    first, second = told.splitlines()
    assert code == 0
    assert re.fullmatch(r"Silent until [-0-9]+ [:0-9]+ UTC: campaign=\[summer\]\.", first)
    named = second.split("`")[1].split()[-1]
    _, told = run("silences")
    assert all(text in told for text in ("campaign=[summer]", "known", "ann", named))
    assert run("unsilence", named) == (0, "Told again: campaign=[summer].\n")
    code, told = run("unsilence", named)
    assert (code, told.strip()) == (1, f"No silence '{named}' is in force; list them to see their ids.")


@pytest.mark.parametrize(
    ("lasts", "says"),
    [
        ("soon", "--for soon cannot be read; write 30m, 2h or 7d."),
        ("3500w", "A silence ends after it begins, and within a year; choose another end."),
    ],
)
def test_a_silence_without_a_possible_end_says_what_to_write(run: Run, lasts: str, says: str) -> None:
    code, told = run("silence", "campaign=summer", "--for", lasts, "--reason", "known", "--by", "ann")
    assert (code, told.strip()) == (1, says)


def test_what_is_dead_is_listed_and_sent_again(run: Run, database: Engine) -> None:
    assert run("dead") == (0, "No notification is dead.\n")
    outbox = Outbox(database)
    for one in outbox.listed(PENDING):
        outbox.failed(one.notification.id, "the answer was 400: [gone]", None, START)
    _, told = run("dead")
    assert "summer spends 700.00 USD" in told
    assert "the answer was 400: [gone]" in told
    count = len(outbox.listed(DEAD))
    newest = outbox.listed(DEAD)[0].notification.id
    assert newest in told
    assert run("replay", newest) == (0, "1 notifications are sent again.\n")
    assert run("replay") == (0, f"{count - 1} notifications are sent again.\n")
    assert outbox.listed(DEAD) == []
