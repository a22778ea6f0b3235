"""Days on which clocks change, asked of the product; the answers were written by hand."""

import json
import subprocess
import sys
from pathlib import Path

from calendar_cases import CASES, told
from cluster import Cluster, now_ms

_SCRIPT = Path(__file__).resolve().parents[1] / "support" / "calendar_planner.py"
_EXPECTED = {case.name: case.expected for case in CASES}


def test_the_planner_answers_as_written_by_hand(tmp_path: Path) -> None:
    """In a process of its own, since one process owns one engine."""
    done = subprocess.run(
        [sys.executable, str(_SCRIPT), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == _EXPECTED


def test_a_whole_cluster_answers_as_written_by_hand(cluster: Cluster) -> None:
    """The events are old, so that folded rows have them when the audit has seen them."""
    run = f"zones-{now_ms()}"
    cluster.send([event for case in CASES for event in case.events(run)])
    cluster.await_through(now_ms(), field="auditedThrough", within=120)
    assert {case.name: told(cluster.frame(case.question(run))) for case in CASES} == _EXPECTED
