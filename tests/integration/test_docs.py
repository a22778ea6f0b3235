"""Every command in the documentation is run, as it stands but for the ports, against a running cluster."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import Cluster

_ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def _commands() -> list[tuple[str, str]]:
    """(file, command) of every block.

    Those that start, stop or test the whole are what this test stands on.
    """
    found = []
    for file in [_ROOT / "README.md", *sorted((_ROOT / "docs").glob("*.md"))]:
        for block in _BLOCK.findall(file.read_text()):
            joined = re.sub(r"\\\n", " ", block)
            pieces = [joined] if joined.startswith("curl") else joined.splitlines()
            found += [
                (file.name, piece.strip())
                for piece in pieces
                if piece.strip() and not piece.startswith("make ")
            ]
    return found


@pytest.mark.parametrize(("file", "command"), _commands(), ids=lambda value: value[:60])
def test_a_command_of_the_documentation_works(cluster: Cluster, file: str, command: str) -> None:
    own = cluster.settings
    for default, port in ((8600, own.service_port), (8601, own.collector_port)):
        command = command.replace(f":{default}", f":{port}")
    environment = os.environ | cluster.environment
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        capture_output=True, text=True, timeout=120, cwd=_ROOT, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{file}: {command}\n{done.stdout}{done.stderr}"
    assert '"errors"' not in done.stdout, f"{file}: {done.stdout}"


def test_every_target_that_the_readme_names_is_in_the_makefile() -> None:
    made = set(re.findall(r"^([a-z-]+):", (_ROOT / "Makefile").read_text(), re.MULTILINE))
    texts = [file.read_text() for file in [_ROOT / "README.md", *(_ROOT / "docs").glob("*.md")]]
    named = {name for text in texts for name in re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)}
    assert named <= made, named - made
