"""The real files; their truths stand in the README beside them. ``make test-real DATA=folder``."""

import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cluster import Cluster, now_ms

pytestmark = pytest.mark.real

_ROOT = Path(__file__).resolve().parents[2]
DAY = 24 * 60 * 60_000


def file(name: str) -> str:
    folder = os.environ.get("DATA")
    if not folder:
        pytest.fail("DATA is not set; say where the real files are: make test-real DATA=folder")
    path = Path(folder) / name
    if not path.exists():
        pytest.fail(f"{path} is missing; DATA must be the folder with the real files")
    return str(path)


def test_real_clicks_are_counted_to_the_event_however_often_they_are_replayed(cluster: Cluster) -> None:
    replay = (
        "replay",
        file("ad_clicks.csv.gz"),
        "--map",
        str(_ROOT / "examples/ad_clicks.yaml"),
        "--shift-to-now",
    )
    for _ in range(2):
        cluster.tidemark(*replay, "--speed", "max")
        took = cluster.await_through(now_ms(), field="auditedThrough", within=120)
        print(f"audited {took:.1f} s after the last event was accepted")
        values = cluster.metrics(["clicks", "conversions"], **bounds(), where=not_these("916", "936", "1178"))
        assert values["rows"][0]["values"] == {"clicks": 100_000, "conversions": 227}


def test_real_campaign_reports_are_counted_to_the_micro(cluster: Cluster) -> None:
    cluster.tidemark(
        "replay", file("ad_campaigns.csv.gz"), "--map", str(_ROOT / "examples/ad_campaigns.yaml"),
        "--shift-to-now", "--speed", "max",
    )  # fmt: skip
    cluster.await_through(now_ms(), field="auditedThrough", within=120)
    wanted = [{"dimension": "CAMPAIGN", "values": ["916", "936", "1178"]}]
    answer = cluster.metrics(
        ["impressions", "clicks", "conversions", "spend", "events"], **bounds(), where=wanted
    )
    assert answer["rows"][0]["values"] == {
        "impressions": 213_434_828,
        "clicks": 38_165,
        "conversions": 3_264,
        "spend": 58_705.229957,
        "events": 4_150,
    }


_LANDING_PAGE = """query { experiment(id: "landing-page") {
    variants { key users isControl } excludedUsers sampleRatio { ok }
    results(metrics: ["conversion"]) { verdict reasons
        control { users conversions } treatment { users conversions } lift { value lower upper } pValue }
    freshness { completeThrough } } }"""


def test_the_real_landing_page_test_is_undecided_whatever_is_killed_meanwhile(
    cluster: Cluster, tmp_path: Path
) -> None:
    declared = tmp_path / "experiments"
    declared.mkdir()
    shutil.copy(_ROOT / "examples/experiments/ab_data.yaml", declared)
    cluster.tidemark("experiments", "publish", "--folder", str(declared))
    with ThreadPoolExecutor(1) as pool:
        replay = pool.submit(
            cluster.tidemark, "replay", file("ab_data.csv.gz"),
            "--map", str(_ROOT / "examples/ab_data.yaml"), "--speed", "max",
        )  # fmt: skip
        cluster.until(lambda: users(cluster) > 0, within=60, what="the first users of the landing page")
        cluster.kill("taskmanager-1", signal.SIGKILL)
        cluster.kill("taskmanager-2", signal.SIGKILL)
        replay.result()
    everybody = 28_521 + 28_515
    took = cluster.until(lambda: users(cluster) == everybody, within=120, what=f"all {everybody:,} users")
    print(f"all users counted {took:.1f} s after the last event was accepted")
    cluster.until(
        lambda: result(cluster)["control"]["conversions"] == 3_472, within=60, what="all conversions"
    )
    found = result(cluster)
    assert found["control"] == {"users": 28_521, "conversions": 3_472}
    assert found["treatment"] == {"users": 28_515, "conversions": 3_387}
    assert found["verdict"] == "UNDECIDED"
    assert found["lift"]["lower"] < 0 < found["lift"]["upper"]
    assert landing_page(cluster)["sampleRatio"] == {"ok": True}
    assert landing_page(cluster)["excludedUsers"] == 0


def landing_page(cluster: Cluster) -> Any:
    return cluster.graphql(_LANDING_PAGE)["experiment"]


def users(cluster: Cluster) -> int:
    found = landing_page(cluster)
    return sum(variant["users"] for variant in found["variants"]) if found else 0


def result(cluster: Cluster) -> Any:
    return landing_page(cluster)["results"][0]


def bounds() -> dict[str, int]:
    return {"start_ms": now_ms() - 60 * DAY, "end_ms": now_ms() + DAY}


def not_these(*campaigns: str) -> list[dict[str, object]]:
    return [{"dimension": "CAMPAIGN", "op": "NOT_IN", "values": list(campaigns)}]
