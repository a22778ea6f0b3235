"""Looking at every part at once, from outside, within bounded time."""

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from prometheus_client.parser import text_string_to_metric_families

from tidemark.jobs.definition import jobs
from tidemark.jobs.rest import Flink, FlinkUnreachableError, Run
from tidemark.local.control import Supervisor
from tidemark.local.observation import (
    CollectorSeen,
    FlinkSeen,
    JobSeen,
    KafkaSeen,
    RegistrySeen,
    Seen,
    ServiceSeen,
    Silence,
    SlotsSeen,
)
from tidemark.settings import Settings

_TIMEOUT = 2.5
_ACCEPTED = "tidemark_collector_accepted_total"
_REJECTED = "tidemark_collector_rejected_total"
_HEARTBEAT = "tidemark_collector_heartbeat_age_seconds"
_FRESHNESS = "{freshness{now completeThrough auditedThrough lagMs}}"

T = TypeVar("T")


class Observer:
    """Looks at a cluster; keeps its connections, so that a second look is cheap. A context manager."""

    def __init__(self, settings: Settings, supervisor: Supervisor) -> None:
        self._settings = settings
        self._supervisor = supervisor
        self._http = httpx.Client(timeout=_TIMEOUT)
        self._flink = Flink(settings.flink_url, timeout=_TIMEOUT)
        self._admin = AdminClient(
            {
                "bootstrap.servers": settings.bootstrap,
                "log_level": 0,  # a broker that is away is what is looked for, not an error to print
                "reconnect.backoff.max.ms": 500,
            }
        )
        self._pool = ThreadPoolExecutor(max_workers=6)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self._pool.shutdown()

    def look(self) -> Seen:
        """One look.

        Raises:
            SupervisorUnreachableError: the cluster is not running.
        """
        kafka = self._pool.submit(_heard, self._kafka)
        registry = self._pool.submit(_heard, self._registry)
        flink = self._pool.submit(_heard, self._flink_cluster)
        collector = self._pool.submit(_heard, self._collector)
        service = self._pool.submit(_heard, self._service)
        processes = self._supervisor.processes()
        return Seen(
            processes={process.name: process for process in processes},
            kafka=kafka.result(),
            registry=registry.result(),
            flink=flink.result(),
            collector=collector.result(),
            service=service.result(),
        )

    def _kafka(self) -> KafkaSeen:
        found = self._admin.list_topics(timeout=_TIMEOUT)
        partitions = [part for topic in found.topics.values() for part in topic.partitions.values()]
        return KafkaSeen(
            brokers=frozenset(found.brokers),
            listening=frozenset(
                node
                for node in range(1, self._settings.brokers + 1)
                if _listens(self._settings.host, self._settings.kafka_port + node - 1)
            ),
            partitions=len(partitions),
            under_replicated=sum(len(part.isrs) < len(part.replicas) for part in partitions),
            leaderless=sum(part.leader < 0 for part in partitions),
        )

    def _registry(self) -> RegistrySeen:
        return RegistrySeen(tuple(self._get(f"{self._settings.registry_url}/subjects")))

    def _flink_cluster(self) -> FlinkSeen:
        managers = self._get(f"{self._settings.flink_url}/taskmanagers")["taskmanagers"]
        runs = self._flink.runs()
        names = [job.name for job in jobs(self._settings, Path())]
        return FlinkSeen(
            task_managers={
                manager["id"]: SlotsSeen(
                    slots=manager["slotsNumber"],
                    free=manager["freeSlots"],
                    heartbeat_age=time.time() - manager["timeSinceLastHeartbeat"] / 1000,  # it is an instant
                )
                for manager in managers
            },
            jobs=tuple(self._job(name, runs) for name in names),
        )

    def _job(self, name: str, runs: list[Run]) -> JobSeen:
        run = next((run for run in runs if run.name == name), None)
        if run is None:
            return JobSeen(
                name=name,
                state="NOT SUBMITTED",
                tasks_run=False,
                restarts=0,
                checkpoint_age=None,
                checkpoint_ms=None,
            )
        progress = self._flink.progress(run.id)
        return JobSeen(
            name=name,
            state=run.state,
            tasks_run=self._flink.tasks_running(run.id),
            restarts=self._flink.restarts(run.id),
            checkpoint_age=None if progress.newest_ms is None else time.time() - progress.newest_ms / 1000,
            checkpoint_ms=progress.duration_ms,
        )

    def _collector(self) -> CollectorSeen:
        url = self._settings.collector_url
        problem = self._problem(url)
        sums: dict[str, float] = {}
        for family in text_string_to_metric_families(self._http.get(f"{url}/metrics").text):
            for sample in family.samples:
                sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
        age = sums.get(_HEARTBEAT, -1.0)
        return CollectorSeen(
            problem=problem,
            accepted=round(sums.get(_ACCEPTED, 0)),
            rejected=round(sums.get(_REJECTED, 0)),
            heartbeat_age=None if age < 0 else age,
        )

    def _service(self) -> ServiceSeen:
        url = self._settings.service_url
        problem = self._problem(url)
        answer = self._http.post(f"{url}/graphql", json={"query": _FRESHNESS}).raise_for_status().json()
        freshness = (answer.get("data") or {}).get("freshness")
        if freshness is None:
            return ServiceSeen(problem or "it cannot tell its freshness", None, None, None, None)
        lag = freshness["lagMs"]
        return ServiceSeen(
            problem=problem,
            now=_instant(freshness["now"]),
            complete_through=_instant(freshness["completeThrough"]),
            audited_through=_instant(freshness["auditedThrough"]),
            lag_seconds=None if lag is None else lag / 1000,
        )

    def _problem(self, url: str) -> str:
        """Why ``/readyz`` says that it is not ready; "" when it is."""
        answer = self._http.get(f"{url}/readyz")
        if answer.is_success:
            return ""
        try:
            said = answer.json()
        except ValueError:
            said = {}
        reasons = said.get("reasons") or said.get("problem") or f"/readyz answers {answer.status_code}"
        return reasons if isinstance(reasons, str) else "; ".join(reasons)

    def _get(self, url: str) -> Any:  # noqa: ANN401 - JSON
        return self._http.get(url).raise_for_status().json()


def _heard(look: Callable[[], T]) -> T | Silence:
    try:
        return look()
    except KafkaException as error:
        return Silence(error.args[0].str())
    except (httpx.HTTPError, FlinkUnreachableError) as error:
        return Silence(_silence(error))
    except (KeyError, TypeError, ValueError) as error:
        return Silence(f"gives an answer that was not expected: {error!r}")


def _silence(error: Exception) -> str:
    match error:
        case httpx.TimeoutException():
            return f"does not answer within {_TIMEOUT} s"
        case httpx.HTTPStatusError():
            return f"answers {error.response.status_code}"
        case httpx.ConnectError() | FlinkUnreachableError():
            return "does not answer"
        case _:
            return f"breaks off: {error}"


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
