"""The real client libraries, unchanged, pointed at the collector.

What each sent comes out of GraphQL, once.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import Cluster, now_ms

pytestmark = pytest.mark.clients

_FOLDER = Path(__file__).parent
MINUTE = 60_000

_CLIENTS = [
    "segment_python.py",
    "rudder_python.py",
    "posthog_python.py",
    "segment_node.mjs",
    "segment_next.mjs",
    "rudder_node.mjs",
]


@pytest.mark.parametrize("script", _CLIENTS)
def test_what_a_real_client_sends_twice_is_counted_once(cluster: Cluster, script: str) -> None:
    campaign = f"{Path(script).stem}-{now_ms()}"
    program = sys.executable if script.endswith(".py") else "node"
    started = now_ms()
    done = subprocess.run(
        [program, str(_FOLDER / script), cluster.settings.collector_url, campaign, f"message-{campaign}"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=_FOLDER,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sent = json.loads(done.stdout.strip().splitlines()[-1])
    assert sent["campaign_id"] == campaign
    assert sent["sent"] == 2
    cluster.await_through(now_ms())
    bounds = {"start_ms": started - 10 * MINUTE, "end_ms": now_ms() + MINUTE}
    assert cluster.campaign(campaign, "clicks", "events", **bounds) == {"clicks": 1, "events": 1}
