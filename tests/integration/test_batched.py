"""Rules that are asked together see what each would have seen alone."""

import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).resolve().parents[1] / "support" / "batched.py"
_SETS = 6


@pytest.mark.timeout(120)
def test_random_rules_asked_all_together_see_what_each_sees_alone(tmp_path: Path) -> None:
    """In a process of its own, since one process owns one engine; 40 rules each, some windows are filling."""
    done = subprocess.run(
        [sys.executable, str(_SCRIPT), str(tmp_path), "5", str(_SETS)],
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
