"""Keeping the jobs running: a job that is gone is submitted again from its newest complete checkpoint.

There is no high availability of the JobManager on one machine: when it dies it forgets its jobs. What must be
done is decided by ``next_step``, a pure function of what is seen; ``Keeper`` sees and does.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tidemark.jobs import checkpoints
from tidemark.jobs.definition import Job
from tidemark.jobs.rest import Flink, FlinkUnreachableError, Run
from tidemark.jobs.submit import RestoreError, SubmitError

log = logging.getLogger("tidemark.jobs")

_TRIES = 3  # a checkpoint from which the job failed so often is passed over


@dataclass(frozen=True, slots=True)
class Start:
    """Submit the job, from ``checkpoint`` or without state."""

    checkpoint: Path | None


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do, for this reason."""

    reason: str


def next_step(
    job: Job, runs: Sequence[Run], *, wanted: bool, task_managers: int, tries: Counter[Path]
) -> Start | Wait:
    """What the keeper does about ``job`` now."""
    if not wanted:
        return Wait("stopped by `tidemark jobs stop`")
    if any(run.name == job.name and run.alive for run in runs):
        return Wait("runs")
    if task_managers == 0:
        return Wait("no TaskManager is registered yet")
    worn = {path for path, count in tries.items() if count >= _TRIES}
    return Start(checkpoints.newest(job.checkpoints, leave_out=worn))


def stop_file(home: Path, name: str) -> Path:
    """The file whose presence says that the job is not wanted."""
    return home / "flink" / f"{name}.stopped"


class Keeper:
    """Sees to it that each job runs; ``watch`` never returns."""

    def __init__(
        self, jobs: Sequence[Job], flink: Flink, home: Path, submit: Callable[[Job, Path | None], str]
    ) -> None:
        self._jobs, self._flink, self._home, self._submit = jobs, flink, home, submit
        self._tries: Counter[Path] = Counter()
        self._said: dict[str, str] = {}

    def watch(self, *, pause: Callable[[float], None] = time.sleep) -> None:
        """Look at every job once a second, for ever."""
        while True:
            for job in self._jobs:
                self.step(job)
            pause(1.0)

    def step(self, job: Job) -> None:
        """See what ``job`` needs, and do it."""
        try:
            runs, managers = self._flink.runs(), self._flink.task_managers()
        except FlinkUnreachableError as error:
            self._say(job, f"waits: {error}")
            return
        wanted = not stop_file(self._home, job.name).exists()
        match next_step(job, runs, wanted=wanted, task_managers=managers, tries=self._tries):
            case Wait(reason):
                self._say(job, reason)
                self._clear(job, runs)
            case Start(checkpoint):
                self._start(job, checkpoint)

    def _start(self, job: Job, checkpoint: Path | None) -> None:
        try:
            run = self._submit(job, checkpoint)
        except RestoreError as error:
            if checkpoint is not None:
                self._tries[checkpoint] += 1
            self._say(job, f"does not fit its checkpoint, tried again in a second: {error}")
            return
        except SubmitError as error:
            self._say(job, f"was not taken by Flink, tried again in a second: {error}")
            return
        if checkpoint is not None:
            self._tries[checkpoint] += 1  # Flink took it: if it fails now, the checkpoint is to blame
        origin = (
            f"from checkpoint {checkpoint.name}" if checkpoint else "without state, from the first offset"
        )
        self._say(job, f"submitted {origin} as {run}")

    def _clear(self, job: Job, runs: Sequence[Run]) -> None:
        """Remove the checkpoints of earlier runs once this one has its own."""
        for run in runs:
            if run.name == job.name and run.alive:
                for folder in checkpoints.clear(job.checkpoints, keep=run.id):
                    log.info("%s: removed the checkpoints of an earlier run, %s", job.name, folder.name)

    def _say(self, job: Job, what: str) -> None:
        """Log what changed, once."""
        if self._said.get(job.name) != what:
            self._said[job.name] = what
            log.info("%s: %s", job.name, what)
