"""A job's text and its statements."""

from pathlib import Path

from tidemark.jobs.definition import jobs
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
