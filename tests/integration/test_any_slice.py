"""Random questions with every option and hostile values, against plain Python over the events."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import truth
from cluster import Cluster, now_ms
from difference import difference
from questions import DAY, MINUTE, ZONES, Events, Questions

_SCRIPT = Path(__file__).resolve().parents[1] / "support" / "any_slice.py"
_QUESTIONS = int(os.environ.get("QUESTIONS", "400"))
"""Of the embedded engine; `make test QUESTIONS=2000` asks as many as the planner was accepted with."""
_OVER_GRAPHQL = 200


@pytest.mark.timeout(900)
def test_random_questions_are_answered_as_plain_python_answers_them(tmp_path: Path) -> None:
    """In a process of its own, since one process owns one engine; three years of events."""
    done = subprocess.run(
        [sys.executable, str(_SCRIPT), str(tmp_path), "5", str(_QUESTIONS)],
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


def test_two_hundred_more_over_graphql_about_events_that_were_sent_to_the_collector(cluster: Cluster) -> None:
    """Forty days to now: folded rows, those that the audit wrote, and raw events at the edges."""
    run, now = f"slice-{now_ms()}", now_ms()
    dice = random.Random(7)
    moments = [(now - ago, zone) for ago in (5 * MINUTE, DAY, 7 * DAY, 30 * DAY) for zone in ZONES]
    events = Events(dice, now - 40 * DAY, now - 1000, moments, prefix=f"{run}/").make(2000)
    cluster.send(events, batch=50)  # some values have 10 kB
    cluster.await_through(now_ms(), field="auditedThrough", within=180)
    kept = truth.distinct(events)
    own = [{"dimension": "CAMPAIGN", "op": "PREFIX", "values": [f"{run}/"]}]
    questions = Questions(dice, kept, moments, now, always=own, whole_minutes=True)
    for number in range(_OVER_GRAPHQL):
        question = questions.make()
        found = cluster.frame(question)
        # the clock that lastSeconds counted from is the service's; its minute is the last of the range
        told = difference(truth.answer_distinct(kept, question, found.end - 1), found, question)
        assert not told, f"question {number}: {told}"
