"""What each part is doing, asked of the part itself; each question is bounded in time, and they are asked together."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import httpx

from tidemark.local.supervise import Process, SuperviseError, processes
from tidemark.settings import Settings

_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Condition:
    """One part's condition.

    Attributes:
        name: the part.
        lives: whether its process runs.
        works: whether it does its work.
        pid: of the process; 0 when it does not run.
        up_seconds: how long the process has been running.
        says: what it does, or what is wrong, for people.
    """

    name: str
    lives: bool
    works: bool
    pid: int
    up_seconds: float
    says: str

    def as_json(self) -> dict[str, object]:
        """For ``--json``."""
        return asdict(self)


def conditions(settings: Settings) -> list[Condition]:
    """The condition of every part.

    Raises:
        SuperviseError: no cluster runs.
    """
    seen = processes(settings)
    with ThreadPoolExecutor(max_workers=len(seen)) as pool:
        return list(pool.map(lambda process: _condition(settings, process), seen))


def _condition(settings: Settings, process: Process) -> Condition:
    lives = process.state == "RUNNING"
    works, says = False, f"is {process.state.lower()}"
    if lives:
        try:
            works, says = _question(process.name)(settings)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a part belongs on the screen
            says = f"does not answer: {error}" if str(error) else f"does not answer ({type(error).__name__})"
    return Condition(process.name, lives, works, process.pid, round(process.seconds, 1), says)


def _question(name: str) -> Callable[[Settings], tuple[bool, str]]:
    questions: dict[str, Callable[[Settings], tuple[bool, str]]] = {
        "registry": _registry,
        "jobmanager": _jobmanager,
        "jobs": _jobs,
        "collector": _collector,
        "service": _service,
    }
    if name.startswith("kafka-"):
        return lambda settings: _broker(settings, int(name.removeprefix("kafka-")))
    if name.startswith("taskmanager-"):
        return lambda settings: _task_manager(settings, name)
    return questions[name]


def _broker(settings: Settings, number: int) -> tuple[bool, str]:
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415

    address = f"{settings.host}:{settings.kafka_port + number - 1}"
    metadata = AdminClient({"bootstrap.servers": address, "log_level": 0}).list_topics(timeout=_SECONDS)
    partitions = [partition for topic in metadata.topics.values() for partition in topic.partitions.values()]
    lacking = sum(len(partition.isrs) < len(partition.replicas) for partition in partitions)
    leads = sum(partition.leader == number for partition in partitions)
    says = f"leads {leads} of {len(partitions)} partitions"
    return lacking == 0, says if lacking == 0 else f"{says}; {lacking} lack a replica"


def _registry(settings: Settings) -> tuple[bool, str]:
    subjects = _get(f"{settings.registry_url}/subjects").json()
    return bool(subjects), f"{len(subjects)} schema(s)" if subjects else "no schema is registered"


def _jobmanager(settings: Settings) -> tuple[bool, str]:
    seen = _get(f"{settings.flink_url}/overview").json()
    says = f"{seen['taskmanagers']} TaskManagers, {seen['slots-available']} of {seen['slots-total']} slots free"
    return seen["taskmanagers"] > 0, says


def _task_manager(settings: Settings, name: str) -> tuple[bool, str]:
    managers = _get(f"{settings.flink_url}/taskmanagers").json()["taskmanagers"]
    own = next((manager for manager in managers if manager["id"] == name), None)
    if own is None:
        return False, "is not registered with the JobManager"
    busy = own["slotsNumber"] - own["freeSlots"]
    return True, "runs a job" if busy else "stands by"


def _jobs(settings: Settings) -> tuple[bool, str]:
    from tidemark.jobs.rest import Flink  # noqa: PLC0415

    flink = Flink(settings.flink_url, timeout=_SECONDS)
    run = next((run for run in flink.runs() if run.name == "campaign"), None)
    if run is None:
        return False, "campaign is not submitted"
    if run.state != "RUNNING":
        return False, f"campaign is {run.state}"
    progress = flink.progress(run.id)
    if progress.newest_ms is None:
        return False, "campaign runs, no checkpoint yet"
    age = time.time() - progress.newest_ms / 1000
    says = f"campaign runs; checkpoint {age:.1f} s ago took {progress.duration_ms} ms; {flink.restarts(run.id)} restarts"
    return age < max(30.0, 10 * settings.checkpoint_seconds), says


def _collector(settings: Settings) -> tuple[bool, str]:
    reasons = _reasons(f"{settings.collector_url}/readyz")
    metrics = _prometheus(_get(f"{settings.collector_url}/metrics").text)
    says = f"{metrics.get('tidemark_events_accepted_total', 0):,.0f} events accepted since its start"
    return not reasons, "; ".join(reasons) or says


def _service(settings: Settings) -> tuple[bool, str]:
    reasons = _reasons(f"{settings.service_url}/readyz")
    if reasons:
        return False, "; ".join(reasons)
    query = {"query": "{ freshness { lagMs auditedThrough now } }"}
    fresh = _post(f"{settings.service_url}/graphql", query).json()["data"]["freshness"]
    lag = fresh["lagMs"]
    if lag is None:
        return False, "no answer can say yet how far it is complete"
    audited = fresh["auditedThrough"] or "nothing yet"
    return lag < 30_000, f"answers are complete up to {lag / 1000:.1f} s ago; audited through {audited}"


def _reasons(url: str) -> Sequence[str]:
    answer = httpx.get(url, timeout=_SECONDS)
    return [] if answer.status_code == httpx.codes.OK else list(answer.json()["reasons"])


def _get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=_SECONDS).raise_for_status()


def _post(url: str, body: object) -> httpx.Response:
    return httpx.post(url, json=body, timeout=_SECONDS).raise_for_status()


def _prometheus(text: str) -> dict[str, float]:
    """Every sample, summed over its labels."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            series, value = line.rsplit(" ", 1)
            name = series.split("{", 1)[0]
            found[name] = found.get(name, 0.0) + float(value)
    return found


__all__ = ["Condition", "SuperviseError", "conditions"]
