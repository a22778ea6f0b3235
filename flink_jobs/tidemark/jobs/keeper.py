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
from typing import Protocol

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


class Renew(Protocol):
    """Asks for the rows of experiments anew."""

    def __call__(self, *, beginning: bool) -> str | None:
        """``beginning``: whether the job is about to begin without state. Returns why it did not work."""
        ...


class Keeper:
    """Sees to it that each job runs; ``watch`` never returns."""

    def __init__(
        self,
        jobs: Sequence[Job],
        flink: Flink,
        home: Path,
        submit: Callable[[Job, Path | None], str],
        renew: Renew,
    ) -> None:
        self._jobs, self._flink, self._home, self._submit, self._renew = jobs, flink, home, submit, renew
        self._tries: Counter[Path] = Counter()
        self._whole: dict[str, float] = {}
        self._asked: set[str] = set()  # jobs whose rows were asked for anew and that did not start yet
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
        if not self._renewed(job):
            return
        wanted = not stop_file(self._home, job.name).exists()
        match next_step(job, runs, wanted=wanted, task_managers=managers, tries=self._tries):
            case Wait(reason):
                self._say(job, reason)
                self._clear(job, runs)
            case Start(checkpoint):
                self._start(job, checkpoint)

    def _renewed(self, job: Job) -> bool:
        """Ask for the job's rows anew where a transaction may have been taken back; whether that went well.

        What was written between two checkpoints that lie too far apart was not committed in time.
        """
        newest = checkpoints.newest(job.checkpoints)
        if job.commits_within is None or newest is None:
            return True
        made = checkpoints.made_at(newest)
        before = self._whole.setdefault(job.name, made)
        if made - before > job.commits_within and not self._ask_anew(job, beginning=False):
            return False
        self._whole[job.name] = max(before, made)
        return True

    def _asked_before(self, job: Job, checkpoint: Path | None) -> bool:
        """Ask for the job's rows anew before it starts, where that is needed; whether that went well."""
        if job.commits_within is None or job.name in self._asked:
            return True
        away = 0.0 if checkpoint is None else time.time() - checkpoints.made_at(checkpoint)
        if checkpoint is not None and away <= job.commits_within:
            return True
        if not self._ask_anew(job, beginning=checkpoint is None):
            return False
        self._asked.add(job.name)
        return True

    def _ask_anew(self, job: Job, *, beginning: bool) -> bool:
        failure = self._renew(beginning=beginning)
        self._say(job, failure or "its rows are asked for anew")
        return failure is None

    def _start(self, job: Job, checkpoint: Path | None) -> None:
        if not self._asked_before(job, checkpoint):
            return
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
        if job.name in self._asked:
            self._asked.remove(job.name)
            self._whole[job.name] = time.time()
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
