"""However often the service is killed: all is told, and what is told twice has the same id."""

import subprocess
import sys
from pathlib import Path

import alert_killed
from loopback import Request, answer, serving


def run(folder: Path, url: str, where: str) -> int:
    program = [sys.executable, alert_killed.__file__, str(folder), url, where]
    return subprocess.run(program, check=False, timeout=60).returncode


def told(requests: list[Request]) -> dict[str, bytes]:
    """By id what was said, in the order in which it came first; the same each time it came."""
    found: dict[str, bytes] = {}
    for one in requests:
        assert found.setdefault(one.headers["webhook-id"], one.body) == one.body
    return found


def test_a_service_that_is_killed_tells_what_one_that_lives_tells(tmp_path: Path) -> None:
    lists = []
    for name, deaths in (
        ("lives", ()),
        ("killed", ("commit:1", "send:1", "commit:2", "commit:3", "send:2", "commit:4", "send:1", "send:1")),
    ):
        (tmp_path / name).mkdir()
        with serving(answer(200)) as server:
            for where in deaths:
                assert run(tmp_path / name, f"{server.url}/x", where) == -9
            assert run(tmp_path / name, f"{server.url}/x", "never:0") == 0
            lists.append((told(server.requests), len(server.requests)))
    (lives, once), (killed, often) = lists
    assert list(killed.items()) == list(lives.items())
    assert len(lives) == once == 5
    assert often > once, "nothing was told twice, so nothing was tried"
