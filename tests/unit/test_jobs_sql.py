"""A job's text and its statements."""

import json
from pathlib import Path
from typing import Any

from tidemark.jobs.definition import jobs
from tidemark.jobs.plan import with_joins_row_by_row, with_ttl
from tidemark.jobs.sql import split
from tidemark.settings import Settings


def test_a_semicolon_within_a_line_belongs_to_a_value() -> None:
    text = "CREATE x WITH ('key.fields' = 'a;b'); -- one; two\nINSERT INTO ${table};\n"
    assert list(split(text, {"table": "t"})) == ["CREATE x WITH ('key.fields' = 'a;b')", "INSERT INTO t"]


def test_every_job_ends_with_its_insert_and_has_its_own_checkpoints(tmp_path: Path) -> None:
    found = jobs(Settings(home=tmp_path), tmp_path / "connector.jar")
    assert [job.name for job in found] == ["campaign", "experiment"]
    assert all(job.statements[-1].startswith("INSERT INTO") for job in found)
    assert len({job.checkpoints for job in found}) == len(found)
    assert all("${" not in statement for job in found for statement in job.statements)


def test_the_setting_of_today_says_how_long_state_is_kept_not_that_of_when_the_plan_was_made() -> None:
    states = [{"index": 0, "ttl": "2 h"}, {"index": 1, "ttl": "2 h"}]
    plan = {"nodes": [{"id": 1}, {"id": 2, "state": states}, {"id": 3, "state": None}], "edges": []}
    found = json.loads(with_ttl(json.dumps(plan), "5 s"))
    assert [state["ttl"] for state in found["nodes"][1]["state"]] == ["5 s", "5 s"]


def test_a_job_that_is_planned_otherwise_has_another_plan_and_one_on_other_ports_the_same(
    tmp_path: Path,
) -> None:
    def plans(**changed: Any) -> list[Path]:
        return [job.plan for job in jobs(Settings(home=tmp_path, **changed), tmp_path / "connector.jar")]

    assert plans() == plans(kafka_port=9999) == plans(state_ttl_seconds=60)
    assert plans()[0] != plans(state_horizon_seconds=60)[0]


def test_a_join_remembers_definitions_without_an_end_and_the_other_side_as_set() -> None:
    nodes = [
        {"id": 1, "scanTableSource": {"table": {"identifier": "`c`.`d`.`events`"}}},
        {"id": 2, "scanTableSource": {"table": {"identifier": "`c`.`d`.`metrics`"}}},
        {"id": 3},
        {"id": 4, "state": [{"index": 0, "ttl": "9 d"}, {"index": 1, "ttl": "9 d"}]},
    ]
    edges = [{"source": source, "target": target} for source, target in ((1, 4), (2, 3), (3, 4))]
    plan = json.dumps({"nodes": nodes, "edges": edges})
    found = json.loads(with_ttl(plan, "5 s", for_ever=("metrics",)))
    assert [state["ttl"] for state in found["nodes"][3]["state"]] == ["5 s", "0 ms"]


def test_what_was_read_of_definitions_is_remembered_without_an_end_by_what_takes_each_once() -> None:
    nodes = [
        {"id": 1, "scanTableSource": {"table": {"identifier": "`c`.`d`.`metrics`"}}},
        {"id": 2, "state": [{"index": 0, "ttl": "9 d"}]},
        {"id": 3, "scanTableSource": {"table": {"identifier": "`c`.`d`.`events`"}}},
        {"id": 4, "state": [{"index": 0, "ttl": "9 d"}]},
    ]
    plan = json.dumps({"nodes": nodes, "edges": [{"source": 1, "target": 2}, {"source": 3, "target": 4}]})
    found = json.loads(with_ttl(plan, "5 s", for_ever=("metrics",)))
    assert [found["nodes"][place]["state"][0]["ttl"] for place in (1, 3)] == ["0 ms", "5 s"]


def test_joins_take_row_by_row_what_all_others_take_in_batches() -> None:
    name = "table.exec.mini-batch.enabled"
    nodes = [
        {"id": 1, "type": "stream-exec-join_1"},
        {"id": 2, "type": "stream-exec-group-aggregate_1", "configuration": {name: "true"}},
    ]
    found = json.loads(with_joins_row_by_row(json.dumps({"nodes": nodes, "edges": []})))
    assert [node["configuration"][name] for node in found["nodes"]] == ["false", "true"]
