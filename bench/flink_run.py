"""A bounded run of a Flink job on the running cluster, and what CPU it took."""

import time

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
    return _spent(own) - before


def _spent(own: Settings) -> float:
    managers = [
        process for process in cluster_processes(own) if "TaskManagerRunner" in " ".join(process.cmdline())
    ]
    return sum(times.user + times.system for times in (process.cpu_times() for process in managers))
