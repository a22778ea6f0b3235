import os
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tidemark.jobs import checkpoints, sql
from tidemark.jobs.definition import Job, jobs
from tidemark.jobs.keeper import Keeper, Start, Wait, next_step, stop_file
from tidemark.jobs.rest import Flink, Run
from tidemark.jobs.submit import SubmitError
from tidemark.settings import Settings


@pytest.fixture
def job(tmp_path: Path) -> Job:
    folder = tmp_path / "campaign-1"
    return Job("campaign", ("INSERT",), configuration={}, checkpoints=folder, plan=tmp_path / "plan.json")


def checkpoint(job: Job, run: str, number: int, *, complete: bool = True) -> Path:
    folder = job.checkpoints / run / f"chk-{number}"
    folder.mkdir(parents=True)
    if complete:
        (folder / "_metadata").touch()
    return folder


def never_renewed(*, beginning: bool) -> str | None:
    raise AssertionError(beginning)


def running(state: str, name: str = "campaign") -> Run:
    return Run(id="1", name=name, state=state, started_ms=0)


def test_a_job_that_runs_is_left_alone(job: Job) -> None:
    step = next_step(job, [running("RUNNING")], wanted=True, task_managers=2, tries=Counter())
    assert step == Wait("runs")


@pytest.mark.parametrize("state", ["FAILED", "CANCELED", "FINISHED"])
def test_a_job_that_ended_is_started_again_from_its_newest_complete_checkpoint(job: Job, state: str) -> None:
    newest = checkpoint(job, "run", 7)
    checkpoint(job, "run", 8, complete=False)
    assert next_step(job, [running(state)], wanted=True, task_managers=1, tries=Counter()) == Start(newest)


def test_a_job_without_a_checkpoint_starts_without_state(job: Job) -> None:
    assert next_step(job, [], wanted=True, task_managers=1, tries=Counter()) == Start(None)


def test_a_job_that_was_stopped_stays_stopped(job: Job) -> None:
    assert isinstance(next_step(job, [], wanted=False, task_managers=1, tries=Counter()), Wait)


def test_nothing_is_submitted_before_a_task_manager_is_there(job: Job) -> None:
    assert isinstance(next_step(job, [], wanted=True, task_managers=0, tries=Counter()), Wait)


def test_a_checkpoint_from_which_the_job_failed_three_times_is_passed_over(job: Job) -> None:
    older = checkpoint(job, "run", 6)
    worn = checkpoint(job, "run", 7)
    assert checkpoints.newest(job.checkpoints) == worn
    step = next_step(job, [running("FAILED")], wanted=True, task_managers=1, tries=Counter({worn: 3}))
    assert step == Start(older)


def test_the_keeper_counts_how_often_it_tried_a_checkpoint(job: Job, tmp_path: Path) -> None:
    worn = checkpoint(job, "run", 1)
    submitted: list[Path | None] = []

    class Gone:
        def runs(self) -> list[Run]:
            return []

        def task_managers(self) -> int:
            return 1

    def submit(_: Job, start: Path | None) -> str:
        submitted.append(start)
        return "id"

    keeper = Keeper([job], Gone(), tmp_path, submit, never_renewed)  # type: ignore[arg-type]
    for _ in range(4):
        keeper.step(job)
    assert submitted == [worn, worn, worn, None]


def test_stopping_leaves_a_mark_that_outlives_the_keeper(job: Job, tmp_path: Path) -> None:
    marker = stop_file(tmp_path, job.name)
    marker.parent.mkdir(parents=True)
    marker.touch()
    keeper = Keeper([job], _never(), tmp_path, lambda *_: pytest.fail("submitted"), never_renewed)
    keeper.step(job)


def _never() -> Any:
    class Quiet:
        def runs(self) -> list[Run]:
            return []

        def task_managers(self) -> int:
            return 2

    return Quiet()


def test_another_sql_text_looks_for_its_state_in_another_folder(tmp_path: Path) -> None:
    one = jobs(Settings(home=tmp_path), tmp_path / "connector.jar")[0]
    other = jobs(Settings(home=tmp_path, state_horizon_seconds=60), tmp_path / "connector.jar")[0]
    moved = jobs(Settings(home=tmp_path, kafka_port=19092), tmp_path / "connector.jar")[0]
    assert one.checkpoints != other.checkpoints
    assert one.checkpoints == moved.checkpoints


def test_every_setting_of_the_campaign_job_is_filled_in() -> None:
    filled = list(sql.statements("campaign", {"bootstrap": "here:1", "horizon_ms": "5"}))
    assert filled[-1].startswith("INSERT INTO campaign_minute")
    assert not any("${" in statement or "--" in statement for statement in filled)


def test_a_setting_that_the_sql_names_and_nobody_gives_is_an_error() -> None:
    with pytest.raises(KeyError, match="horizon_ms"):
        list(sql.statements("campaign", {"bootstrap": "here:1"}))


def test_checkpoints_of_earlier_runs_are_removed_once_a_run_has_one_of_its_own(job: Job) -> None:
    old = checkpoint(job, "earlier", 7)
    other_sql = job.checkpoints.with_name("campaign-2")
    other_sql.mkdir()
    (job.checkpoints / "now").mkdir()
    assert checkpoints.clear(job.checkpoints, keep="now") == []
    assert old.exists()
    own = checkpoint(job, "now", 1)
    assert checkpoints.clear(job.checkpoints, keep="now") == [job.checkpoints / "earlier", other_sql]
    assert own.exists()
    assert not old.exists()
    assert not other_sql.exists()


def test_a_submission_that_flink_did_not_take_is_not_held_against_the_checkpoint(
    job: Job, tmp_path: Path
) -> None:
    checkpoint(job, "run", 1)
    tried: list[Path | None] = []

    class Gone:
        def runs(self) -> list[Run]:
            return []

        def task_managers(self) -> int:
            return 1

    def refuse(_: Job, start: Path | None) -> str:
        tried.append(start)
        raise SubmitError("no")

    keeper = Keeper([job], Gone(), tmp_path, refuse, never_renewed)  # type: ignore[arg-type]
    for _ in range(12):
        keeper.step(job)
    assert None not in tried


@dataclass
class Scene:
    """A keeper of a job whose rows are committed, in a world that is set up by hand."""

    job: Job
    home: Path
    runs: list[Run] = field(default_factory=list)
    refused: str | None = None
    failure: str | None = None
    did: list[str] = field(default_factory=list)

    def keeper(self) -> Keeper:
        flink = SimpleNamespace(runs=lambda: self.runs, task_managers=lambda: 1)
        return Keeper([self.job], cast("Flink", flink), self.home, self._submit, self._renew)

    def _submit(self, _: Job, start: Path | None) -> str:
        if self.refused:
            raise SubmitError(self.refused)
        self.did.append(f"submit {start.name if start else None}")
        return "id"

    def _renew(self, *, beginning: bool) -> str | None:
        if self.failure is None:
            self.did.append(f"renew {beginning}")
        return self.failure


@pytest.fixture
def scene(job: Job, tmp_path: Path) -> Scene:
    return Scene(replace(job, commits_within=3600.0), tmp_path)


def aged(job: Job, run: str, number: int, *, seconds: float) -> None:
    metadata = checkpoint(job, run, number) / "_metadata"
    made = time.time() - seconds
    os.utime(metadata, (made, made))


def test_rows_are_asked_for_anew_once_before_a_job_starts_without_state(scene: Scene) -> None:
    keeper = scene.keeper()
    scene.refused = "no"
    for _ in range(3):
        keeper.step(scene.job)
    scene.refused = None
    keeper.step(scene.job)
    assert scene.did == ["renew True", "submit None"]
    keeper.step(scene.job)
    assert scene.did[2:] == ["renew True", "submit None"], "that one ended, and begins without state again"


def test_a_job_does_not_start_without_state_before_its_rows_are_asked_for_anew(scene: Scene) -> None:
    scene.failure = "waits: no answer"
    keeper = scene.keeper()
    keeper.step(scene.job)
    assert scene.did == []
    scene.failure = None
    keeper.step(scene.job)
    assert scene.did == ["renew True", "submit None"]


def test_a_job_that_goes_on_from_a_young_checkpoint_keeps_its_rows(scene: Scene) -> None:
    aged(scene.job, "run", 7, seconds=3500)
    scene.keeper().step(scene.job)
    assert scene.did == ["submit chk-7"]


def test_rows_are_asked_for_anew_where_the_transaction_of_the_checkpoint_is_too_old(scene: Scene) -> None:
    aged(scene.job, "run", 7, seconds=3700)
    keeper = scene.keeper()
    keeper.step(scene.job)
    assert scene.did == ["renew False", "submit chk-7"]
    scene.runs = [running("RUNNING")]
    aged(scene.job, "run", 8, seconds=0)
    keeper.step(scene.job)
    assert len(scene.did) == 2, "once is enough"


def test_rows_are_asked_for_anew_where_two_checkpoints_of_a_run_lie_too_far_apart(scene: Scene) -> None:
    scene.runs = [running("RUNNING")]
    aged(scene.job, "1", 7, seconds=5000)
    keeper = scene.keeper()
    keeper.step(scene.job)
    aged(scene.job, "1", 8, seconds=4998)
    keeper.step(scene.job)
    assert scene.did == []
    aged(scene.job, "1", 9, seconds=1)
    scene.failure = "waits: no answer"
    keeper.step(scene.job)
    scene.failure = None
    keeper.step(scene.job)
    keeper.step(scene.job)
    assert scene.did == ["renew False"]
