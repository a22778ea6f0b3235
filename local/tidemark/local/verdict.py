"""From what is seen to what is said: of each part, whether it lives and does its work. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tidemark.local.control import Process, State
from tidemark.local.observation import (
    CollectorSeen,
    FlinkSeen,
    JobSeen,
    KafkaSeen,
    RegistrySeen,
    Seen,
    ServiceSeen,
    Silence,
)

_OLD_CHECKPOINT = 30.0  # seconds; the jobs take one every two to ten
_OLD_HEARTBEAT = 5.0  # seconds; older, and the collector answers 503
_LATE = 10.0  # seconds behind now; usual are one to three

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of a part.

    Attributes:
        well: it lives and does its work.
        state: of its process, the supervisor's word in lower case.
        seconds: how long the process lives.
        says: what it does, or what is wrong, for a person.
    """

    part: str
    well: bool
    state: str
    pid: int
    seconds: float
    says: str


def verdicts(names: Sequence[str], seen: Seen) -> tuple[Verdict, ...]:
    """A verdict on each part, in the order given."""
    return tuple(_verdict(name, seen) for name in names)


def _verdict(name: str, seen: Seen) -> Verdict:
    process = seen.processes.get(name)
    if process is None:
        return Verdict(name, False, "unknown", 0, 0.0, "the supervisor does not know it; run `tidemark up`")
    if process.state not in {State.RUNNING, State.STARTING}:
        well, says = False, _dead(process)
    else:
        well, says = _work(name, seen)
    return Verdict(name, well, process.state.lower(), process.pid, process.seconds, says)


def _dead(process: Process) -> str:
    if process.state is State.BACKOFF:
        return f"dies as soon as it is started, tried again and again; see `tidemark logs {process.name}`"
    if process.state is State.FATAL:
        return f"cannot be started: {process.problem}"
    return "not running; `tidemark up` starts it"


def _work(name: str, seen: Seen) -> tuple[bool, str]:
    if name.startswith("kafka-"):
        node = int(name.removeprefix("kafka-"))
        return _said(seen.kafka, lambda kafka: _kafka(node, kafka))
    if name.startswith("taskmanager-"):
        life = seen.processes[name].seconds
        return _said(seen.flink, lambda flink: _task_manager(name, life, flink), "the JobManager ")
    answers = {
        "registry": lambda: _said(seen.registry, _registry),
        "jobmanager": lambda: _said(seen.flink, _job_manager),
        "jobs": lambda: _said(seen.flink, _jobs, "the JobManager "),
        "collector": lambda: _said(seen.collector, _collector),
        "service": lambda: _said(seen.service, _service),
    }
    return answers[name]()


def _said(answer: T | Silence, judge: Callable[[T], tuple[bool, str]], who: str = "") -> tuple[bool, str]:
    return (False, f"{who}{answer.reason}") if isinstance(answer, Silence) else judge(answer)


def _kafka(node: int, kafka: KafkaSeen) -> tuple[bool, str]:
    if node not in kafka.listening:
        return False, "takes no connections yet"
    if node not in kafka.brokers:
        return False, "not registered with the other brokers yet"
    if kafka.leaderless:
        return False, f"{kafka.leaderless} of {kafka.partitions} partitions have no leader"
    if kafka.under_replicated:
        return False, f"{kafka.under_replicated} of {kafka.partitions} partitions lack a replica in sync"
    return True, f"{kafka.partitions} partitions, all in sync"


def _registry(registry: RegistrySeen) -> tuple[bool, str]:
    count = len(registry.subjects)
    return True, f"{count} schema{'' if count == 1 else 's'}" if count else "no schema yet"


def _job_manager(flink: FlinkSeen) -> tuple[bool, str]:
    slots = sum(manager.slots for manager in flink.task_managers.values())
    free = sum(manager.free for manager in flink.task_managers.values())
    managers = len(flink.task_managers)
    return (
        managers > 0,
        f"{managers} TaskManager{'' if managers == 1 else 's'}, {slots - free} of {slots} slots in use",
    )


def _task_manager(name: str, life: float, flink: FlinkSeen) -> tuple[bool, str]:
    slots = flink.task_managers.get(name)
    if slots is None or slots.heartbeat_age > life:
        return False, "not registered with the JobManager yet"
    if slots.heartbeat_age > _OLD_HEARTBEAT:
        return False, f"the JobManager has not heard of it for {seconds(slots.heartbeat_age)}"
    used = slots.slots - slots.free
    return True, f"{used} of {slots.slots} slots in use" if used else "stands by"


def _jobs(flink: FlinkSeen) -> tuple[bool, str]:
    judged = [_job(job) for job in flink.jobs]
    return all(well for well, _ in judged), "; ".join(says for _, says in judged)


def _job(job: JobSeen) -> tuple[bool, str]:
    if job.state == "CANCELED":
        return False, f"{job.name} was stopped; `tidemark jobs submit` lets it run again"
    if job.state != "RUNNING":
        return False, f"{job.name} is {job.state.lower()}"
    if not job.tasks_run:
        return False, f"{job.name} is getting its tasks started"
    restarts = f", restarted {job.restarts} time{'' if job.restarts == 1 else 's'}" if job.restarts else ""
    if job.checkpoint_age is None:
        return True, f"{job.name} runs{restarts}, no checkpoint yet"
    took = "" if job.checkpoint_ms is None else f" in {job.checkpoint_ms} ms"
    return (
        job.checkpoint_age < _OLD_CHECKPOINT,
        f"{job.name} runs{restarts}, newest checkpoint {seconds(job.checkpoint_age)} ago{took}",
    )


def _collector(collector: CollectorSeen) -> tuple[bool, str]:
    if collector.problem:
        return False, collector.problem
    counts = f"{collector.accepted:,} accepted, {collector.rejected:,} refused since its start"
    if collector.heartbeat_age is None:
        return False, f"no heartbeat yet; {counts}"
    return (
        collector.heartbeat_age < _OLD_HEARTBEAT,
        f"heartbeat {seconds(collector.heartbeat_age)} ago; {counts}",
    )


def _service(service: ServiceSeen) -> tuple[bool, str]:
    if service.problem:
        return False, service.problem
    if service.lag_seconds is None:
        return False, "no watermark yet"
    audited = "nothing audited yet"
    if service.audited_through is not None and service.now is not None:
        behind = max(0.0, (service.now - service.audited_through).total_seconds())
        audited = f"audited until {seconds(behind)} ago"
    return service.lag_seconds < _LATE, f"complete until {seconds(service.lag_seconds)} ago, {audited}"


def seconds(value: float) -> str:
    """A length of time as a person says it: 1.4 s, 48 s, 3 min, 2 h 5 min, 3 d 4 h."""
    if value < 10:  # noqa: PLR2004 - below, tenths tell something
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:  # noqa: PLR2004
        return f"{whole} s"
    minutes, hours, days = whole // 60 % 60, whole // 3600 % 24, whole // 86400
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
