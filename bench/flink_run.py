"""A bounded run of a Flink job on the running cluster, and what CPU it took."""

import time

import psutil

from tidemark.jobs.definition import Job
from tidemark.jobs.rest import Flink
from tidemark.jobs.submit import submit
from tidemark.local.processes import cluster_processes
from tidemark.settings import Settings


def cpu_seconds(own: Settings, job: Job) -> float:
    """CPU seconds of all TaskManagers while the job runs to its end."""
    flink = Flink(own.flink_url)
    before = _spent(own)
    run_id = submit(job, checkpoint=None)
    while (run := next(run for run in flink.runs() if run.id == run_id)).alive:
        time.sleep(0.2)
    if run.state != "FINISHED":
        raise SystemExit(f"{job.name} ended as {run.state}; see Flink at {own.flink_url}")
    after = _spent(own)
    if after.keys() != before.keys():
        raise SystemExit("a TaskManager was restarted meanwhile, so there is no figure; see its log")
    return sum(after.values()) - sum(before.values())


def task_managers(own: Settings) -> list[psutil.Process]:
    """The processes that run the jobs."""
    return [
        process for process in cluster_processes(own) if "TaskManagerRunner" in " ".join(process.cmdline())
    ]


def _spent(own: Settings) -> dict[int, float]:
    """CPU seconds so far, by process."""
    return {one.pid: one.cpu_times().user + one.cpu_times().system for one in task_managers(own)}
