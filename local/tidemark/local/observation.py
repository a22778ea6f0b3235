"""What can be seen of each part from outside: the values that the verdicts are made from. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tidemark.local.control import Process


@dataclass(frozen=True, slots=True)
class Silence:
    """A part did not answer; why, in a few words."""

    reason: str


@dataclass(frozen=True, slots=True)
class KafkaSeen:
    """The brokers that are registered and those that take connections (node ids); the partitions."""

    brokers: frozenset[int]
    listening: frozenset[int]
    partitions: int
    under_replicated: int
    leaderless: int


@dataclass(frozen=True, slots=True)
class RegistrySeen:
    """The subjects with a schema."""

    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SlotsSeen:
    """A TaskManager's slots, and the seconds since the JobManager heard of it."""

    slots: int
    free: int
    heartbeat_age: float


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A job that ought to run. ``state`` is Flink's word, or NOT SUBMITTED.

    Attributes:
        tasks_run: whether every task of it runs.
        checkpoint_age: seconds since its newest completed checkpoint; None before the first.
        checkpoint_ms: how long that took.
    """

    name: str
    state: str
    tasks_run: bool
    restarts: int
    checkpoint_age: float | None
    checkpoint_ms: int | None


@dataclass(frozen=True, slots=True)
class FlinkSeen:
    """The TaskManagers that are registered, by resource id, and the jobs."""

    task_managers: Mapping[str, SlotsSeen]
    jobs: tuple[JobSeen, ...]


@dataclass(frozen=True, slots=True)
class CollectorSeen:
    """The collector; ``problem`` is why it is not ready, "" when it is. Counts since its start; age in s."""

    problem: str
    accepted: int
    rejected: int
    heartbeat_age: float | None


@dataclass(frozen=True, slots=True)
class ServiceSeen:
    """The service; ``problem`` is why it is not ready, "" when it is. Instants as it states them."""

    problem: str
    now: datetime | None
    complete_through: datetime | None
    audited_through: datetime | None
    lag_seconds: float | None


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at everything."""

    processes: Mapping[str, Process]
    kafka: KafkaSeen | Silence
    registry: RegistrySeen | Silence
    flink: FlinkSeen | Silence
    collector: CollectorSeen | Silence
    service: ServiceSeen | Silence
