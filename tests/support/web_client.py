"""Running the scripts of tests/web: real GraphQL clients, each in a process of its own."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "web"
SCRIPTS = [
    "apollo.mjs",
    "event_source.mjs",
    "gql_python.py",
    "graphql_sse.mjs",
    "graphql_ws.mjs",
    "urql.mjs",
]
_SECONDS = 60


def run(script: str, *arguments: str, then: Callable[[], object] = lambda: None) -> list[dict[str, Any]]:
    """What a script told, a dict a line; ``then`` is called once it has told that it is ``subscribed``.

    Raises:
        AssertionError: it failed, or took more than a minute.
    """
    program = sys.executable if script.endswith(".py") else "node"
    with subprocess.Popen(
        [program, str(FOLDER / script), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=FOLDER,
    ) as process:
        ending = threading.Timer(_SECONDS, process.kill)
        ending.start()
        told = []
        for line in process.stdout or ():
            told.append(json.loads(line))
            if "subscribed" in told[-1]:
                then()
        complaint = process.stderr.read() if process.stderr else ""
        ending.cancel()
    assert process.returncode == 0, f"{script}: {told} {complaint}"
    return told
