"""What each job is: its SQL, its Flink settings and where its checkpoints lie. Pure."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from tidemark.jobs import sql
from tidemark.settings import Settings

_TTL = "table.exec.state.ttl"
_PLAN = "plan 1"
"""Raised when operators' ids are made another way: state of before has no place then."""


@dataclass(frozen=True, slots=True)
class Job:
    """One Flink job.

    Attributes:
        name: as Flink and the command line show it.
        statements: its SQL, the INSERT last.
        configuration: Flink's settings for this job, but for the checkpoint to start from.
        checkpoints: the folder under which Flink writes one folder a run, ``<job id>/chk-<n>``.
        plan: the file of its compiled plan, made at the first submission.
        commits_within: seconds after which the brokers take back what the job wrote and did not commit, as
            one that is away cannot; its rows are then asked for anew, as where it starts without state.
            None: its rows are right without that.
    """

    name: str
    statements: tuple[str, ...]
    configuration: dict[str, str]
    checkpoints: Path
    plan: Path
    commits_within: float | None = None


_TRANSACTION_SECONDS = 3600.0


def jobs(settings: Settings, connector: Path) -> tuple[Job, ...]:
    """Every job of this deployment; ``connector`` is the Kafka connector's jar."""
    return (_campaign(settings, connector), _experiment(settings, connector))


def _campaign(settings: Settings, connector: Path) -> Job:
    statements = tuple(
        sql.statements(
            "campaign",
            {
                "bootstrap": settings.bootstrap,
                "horizon_ms": str(round(settings.state_horizon_seconds * 1000)),
            },
        )
    )
    configuration = {
        _TTL: f"{round(settings.state_ttl_seconds * 1000)} ms",
        # one flush emits a minute's value once, however many events it folded
        "table.exec.mini-batch.enabled": "true",
        "table.exec.mini-batch.allow-latency": "500 ms",
        # never reached: a flush by size between two markers would part a heartbeat from the events before it
        "table.exec.mini-batch.size": "1000000",
        "table.optimizer.agg-phase-strategy": "ONE_PHASE",
    }
    return _job("campaign", statements, configuration, settings, connector)


def _experiment(settings: Settings, connector: Path) -> Job:
    transaction_ms = f"{_TRANSACTION_SECONDS * 1000:.0f}"
    values = {"bootstrap": settings.bootstrap, "transaction_ms": transaction_ms}
    statements = tuple(sql.statements("experiment", values))
    configuration = {
        _TTL: f"{settings.experiment_state_days} d",
        # its rows are seen when a checkpoint commits them
        "execution.checkpointing.interval": f"{round(settings.commit_seconds * 1000)} ms",
        # changes of a minute or a cell go on as one at the next flush: each checkpoint flushes, and no row is
        # seen before it, so nothing is later for it
        "table.exec.mini-batch.enabled": "true",
        "table.exec.mini-batch.allow-latency": "2 s",
        "table.exec.mini-batch.size": "20000",  # of each operator, on the heap
        "table.optimizer.agg-phase-strategy": "ONE_PHASE",
        "pipeline.object-reuse": "true",
    }
    job = _job("experiment", statements, configuration, settings, connector)
    return replace(job, commits_within=_TRANSACTION_SECONDS)


def _job(
    name: str, statements: tuple[str, ...], own: dict[str, str], settings: Settings, connector: Path
) -> Job:
    # State fits only the SQL that made it: another text starts in another folder, without state.
    # The brokers' addresses are no part of it, so a cluster that moved keeps its state.
    planned = [f"{key}={value}" for key, value in own.items() if key.startswith("table.") and key != _TTL]
    text = "\n".join((_PLAN, *planned, *statements)).replace(settings.bootstrap, "")
    version = f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    home = settings.home.resolve() / "flink"
    folder = home / "checkpoints" / version
    configuration = {
        "execution.target": "remote",
        "rest.address": settings.host,
        "rest.port": str(settings.flink_port),
        "pipeline.jars": connector.resolve().as_uri(),
        "parallelism.default": "1",
        "table.local-time-zone": "UTC",
        "table.plan.compile.catalog-objects": "IDENTIFIER",  # brokers' addresses are the submission's
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": "1000000",
        "restart-strategy.fixed-delay.delay": "200 ms",
        # on disk and incremental: a heap would hold every identity of two hours, and write them all at each
        # checkpoint
        "state.backend.type": "rocksdb",
        "execution.checkpointing.incremental": "true",
        # each checkpoint flushes a small file, and leveled compaction writes all of the state anew for every
        # four of them
        "state.backend.rocksdb.compaction.style": "UNIVERSAL",
        # a job has some thirty column families in one slot's memory: with 64 MB for each, whose first block
        # alone takes 8 MB, the limit is reached at once, and each write flushes
        "state.backend.rocksdb.writebuffer.size": "4 mb",
        "state.backend.rocksdb.use-bloom-filter": "true",
        "execution.checkpointing.interval": f"{round(settings.checkpoint_seconds * 1000)} ms",
        "execution.checkpointing.timeout": "2 min",
        "execution.checkpointing.tolerable-failed-checkpoints": "1000000",
        "execution.checkpointing.num-retained": "3",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.storage": "filesystem",
        "execution.checkpointing.dir": folder.as_uri(),
        **own,
    }
    plan = home / "plans" / f"{version}.json"
    return Job(name, statements, configuration, checkpoints=folder, plan=plan)
