"""Flink's REST API, as far as the jobs need it."""

from dataclasses import dataclass
from typing import Any

import httpx

# a job in one of these states runs, or will without anybody's help
_ALIVE = frozenset(
    {"INITIALIZING", "CREATED", "RUNNING", "RESTARTING", "FAILING", "SUSPENDED", "RECONCILING"}
)


class FlinkUnreachableError(RuntimeError):
    """The JobManager does not answer; the message says where it was looked for."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job as Flink knows it. ``started_ms`` is Unix ms."""

    id: str
    name: str
    state: str
    started_ms: int

    @property
    def alive(self) -> bool:
        """Whether it runs, or will without anybody's help."""
        return self.state in _ALIVE


@dataclass(frozen=True, slots=True)
class Progress:
    """How a run's checkpoints go; times in Unix ms, durations in ms, None before the first."""

    completed: int
    failed: int
    restored: int
    newest_ms: int | None
    duration_ms: int | None
    size_bytes: int | None


class Flink:
    """The JobManager's REST API.

    Every method raises:
        FlinkUnreachableError: it does not answer, or not in time.
    """

    def __init__(self, url: str, *, timeout: float = 5.0) -> None:
        self._http = httpx.Client(base_url=url, timeout=timeout)

    def runs(self) -> list[Run]:
        """Every run that the JobManager remembers, the newest first."""
        found = [
            Run(id=job["jid"], name=job["name"], state=job["state"], started_ms=job["start-time"])
            for job in self._get("/jobs/overview")["jobs"]
        ]
        return sorted(found, key=lambda run: -run.started_ms)

    def task_managers(self) -> int:
        """How many TaskManagers are registered."""
        return int(self._get("/overview")["taskmanagers"])

    def tasks_running(self, run_id: str) -> bool:
        """Whether every task of the run is running, so that rows flow."""
        counts = [vertex["tasks"] for vertex in self._get(f"/jobs/{run_id}")["vertices"]]
        return bool(counts) and all(tasks["RUNNING"] == sum(tasks.values()) for tasks in counts)

    def progress(self, run_id: str) -> Progress:
        """The run's checkpoints so far."""
        answer = self._get(f"/jobs/{run_id}/checkpoints")
        counts = answer["counts"]
        last = answer["latest"]["completed"] or {}
        return Progress(
            completed=counts["completed"],
            failed=counts["failed"],
            restored=counts["restored"],
            newest_ms=last.get("latest_ack_timestamp"),
            duration_ms=last.get("end_to_end_duration"),
            size_bytes=last.get("full_size"),
        )

    def restarts(self, run_id: str) -> int:
        """How often the run was restarted after a failure."""
        metrics = self._get(f"/jobs/{run_id}/metrics?get=numRestarts")
        return int(metrics[0]["value"]) if metrics else 0

    def cancel(self, run_id: str) -> None:
        """Ask the run to end; its checkpoints stay."""
        self._call("PATCH", f"/jobs/{run_id}?mode=cancel")

    def _get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        return self._call("GET", path).json()

    def _call(self, method: str, path: str) -> httpx.Response:
        try:
            return self._http.request(method, path).raise_for_status()
        except httpx.HTTPError as error:
            raise FlinkUnreachableError(f"Flink does not answer at {self._http.base_url}: {error}") from error
