"""The commands as a person types them, against a running cluster."""

import csv
import io
import json
import time
from pathlib import Path

from cluster import Cluster, now_ms

_ROOT = Path(__file__).resolve().parents[2]
_DATA = _ROOT / "tests" / "data"
MINUTE = 60_000
DAY = 1440 * MINUTE


def totals(cluster: Cluster, *metrics: str, campaigns: list[str]) -> dict[str, float]:
    rows = cluster.metrics(
        metrics,
        start_ms=now_ms() - 60 * DAY,
        end_ms=now_ms() + DAY,
        where=[{"dimension": "CAMPAIGN", "values": campaigns}],
    )["rows"]
    return dict(rows[0]["values"]) if rows else {}


def test_a_file_replayed_twice_is_the_same_events_and_with_a_run_new_ones(cluster: Cluster) -> None:
    truth = json.loads((_DATA / "truths.json").read_text())["ad_clicks_sample.csv"]
    campaigns = list(truth["clicks_by_campaign"])
    replay = (
        "replay", str(_DATA / "ad_clicks_sample.csv"), "--map", str(_ROOT / "examples" / "ad_clicks.yaml"),
        "--shift-to-now", "--speed", "max", "--json",
    )  # fmt: skip
    for _ in range(2):
        summary = json.loads(cluster.tidemark(*replay).stdout)
        assert summary["accepted"] == truth["clicks"] + truth["conversions"], summary
        time.sleep(1.1)  # the second replay is shifted to another instant, so its events have another time
    cluster.await_through(now_ms(), field="auditedThrough")
    once = {"clicks": truth["clicks"], "conversions": truth["conversions"]}
    assert totals(cluster, "clicks", "conversions", campaigns=campaigns) == once
    cluster.tidemark(*replay, "--run", f"again-{now_ms()}")
    cluster.await_through(now_ms(), field="auditedThrough")
    twice = {name: 2 * value for name, value in once.items()}
    assert totals(cluster, "clicks", "conversions", campaigns=campaigns) == twice


def test_a_month_of_campaign_reports_comes_in_through_the_audit(cluster: Cluster) -> None:
    truth = json.loads((_DATA / "truths.json").read_text())["ad_campaigns_sample.csv"]
    rows = csv.DictReader(io.StringIO((_DATA / "ad_campaigns_sample.csv").read_text()))
    campaigns = sorted({row["xyz_campaign_id"] for row in rows})
    cluster.tidemark(
        "replay", str(_DATA / "ad_campaigns_sample.csv"), "--map", str(_ROOT / "examples/ad_campaigns.yaml"),
        "--shift-to-now", "--speed", "max",
    )  # fmt: skip
    cluster.await_through(now_ms(), field="auditedThrough")
    answer = totals(cluster, "impressions", "clicks", "conversions", "spend", "events", campaigns=campaigns)
    assert answer == {
        "impressions": truth["impressions"],
        "clicks": truth["clicks"],
        "conversions": truth["conversions"],
        "spend": truth["spend_micros"] / 1_000_000,
        "events": truth["events"],
    }


def test_the_demo_knows_its_own_totals_and_finds_them_in_graphql(cluster: Cluster) -> None:
    done = cluster.tidemark("demo", "--seed", "7", "--rate", "300", "--duration", "8", "--check")
    assert "differ" not in done.stdout


def test_query_answers_as_a_table_as_csv_and_as_json(cluster: Cluster) -> None:
    run = f"query-{now_ms()}"
    cluster.send(
        [
            {"event_id": f"{run}-{number}", "event": name, "event_time": now_ms(), "campaign_id": run}
            for number, name in enumerate(["impression", "impression", "impression", "impression", "click"])
        ]
    )
    cluster.await_through(now_ms())
    ask = (
        "query",
        "--metrics",
        "clicks,ctr",
        "--by",
        "campaign",
        "--last",
        "1h",
        "--where",
        f"campaign={run}",
    )
    table = cluster.tidemark(*ask, "--grain", "minute").stdout
    assert run in table
    assert "complete through" in table
    [row] = csv.DictReader(io.StringIO(cluster.tidemark(*ask, "--csv").stdout))
    assert {name.lower(): value for name, value in row.items()}["campaign"] == run
    assert json.loads(cluster.tidemark(*ask, "--json").stdout)


def test_status_says_of_each_part_that_it_lives_and_works(cluster: Cluster) -> None:
    seen = json.loads(cluster.tidemark("status", "--json").stdout)
    text = json.dumps(seen)
    for part in ("kafka-1", "registry", "jobmanager", "taskmanager-1", "jobs", "collector", "service"):
        assert part in text


def test_the_jobs_write_checkpoints_that_complete(cluster: Cluster) -> None:
    """A job without them starts again from the first offset, in silence (DESIGN section 3)."""

    def checkpoints() -> dict[str, int]:
        rows = json.loads(cluster.tidemark("jobs", "status", "--json").stdout)
        return {row["name"]: row["checkpoints"] for row in rows}

    before = checkpoints()
    assert before.keys() == {"campaign", "experiment"}
    cluster.until(
        lambda: all(count > before[name] for name, count in checkpoints().items()),
        within=40,
        what="another checkpoint of each job",
    )


def test_starting_again_is_harmless(cluster: Cluster) -> None:
    before = cluster.pid("service")
    done = cluster.tidemark("up")
    assert cluster.pid("service") == before
    assert "curl" in done.stdout


def test_the_event_schema_is_registered_and_may_only_grow_optional_fields(cluster: Cluster) -> None:
    import httpx  # noqa: PLC0415

    from tidemark.ingest.registry import SUBJECT, event_schema  # noqa: PLC0415

    url = f"{cluster.settings.registry_url}/subjects/{SUBJECT}/versions"
    grown = json.loads(event_schema())
    grown["properties"]["colour"] = {"type": "string"}
    compatible = httpx.post(url, json={"schemaType": "JSON", "schema": json.dumps(grown)}, timeout=30)
    assert compatible.status_code == 200, compatible.text
    del grown["properties"]["event_id"]
    broken = httpx.post(url, json={"schemaType": "JSON", "schema": json.dumps(grown)}, timeout=30)
    assert broken.status_code == 409, broken.text
