"""Whole services in a process of their own, and how tests ask them."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

_SCRIPT = Path(__file__).with_name("whole_service.py")
# a service's query in the engine's list, whose comment is its id
_OURS = "notEmpty(Settings['log_comment'])"
ASK = """query Ask($query: MetricsQuery!) { metrics(query: $query) {
  rowCount columns { name values } cost { cacheHit charged remaining rowsRead } } }"""
FOLLOW = "subscription Follow($query: MetricsQuery!) { metrics(query: $query) { rowCount } }"
Question = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Whole:
    """Services by name, over the same events of one ``day`` (UTC)."""

    ports: Mapping[str, int]
    day: datetime
    http: httpx.Client

    @property
    def range(self) -> dict[str, str]:
        """The day of the events."""
        return {"from": _text(self.day), "to": _text(self.day + timedelta(days=1))}

    def url(self, service: str, path: str = "/graphql") -> str:
        """Where a service answers."""
        return f"http://127.0.0.1:{self.ports[service]}{path}"

    def post(self, service: str, body: object, *, key: str = "") -> httpx.Response:
        """What a service says to this body; callers with keys of their own have budgets of their own."""
        return self.http.post(self.url(service), json=body, headers={"x-api-key": key} if key else {})

    def ask(self, service: str, question: Question, *, key: str = "") -> dict[str, Any]:
        """The frame that answers."""
        body = self.post(service, {"query": ASK, "variables": {"query": question}}, key=key).json()
        assert "errors" not in body, body["errors"]
        frame: dict[str, Any] = body["data"]["metrics"]
        return frame

    def refused(self, service: str, question: Question, *, key: str = "") -> dict[str, Any]:
        """The extensions of the one error that there is instead of an answer."""
        body = self.post(service, {"query": ASK, "variables": {"query": question}}, key=key).json()
        assert "errors" in body, "it is answered"
        (error,) = body["errors"]
        extensions: dict[str, Any] = error["extensions"]
        return extensions

    def sql(self, sql: str, **parameters: object) -> list[list[Any]]:
        """The rows of a statement on a handle of its own."""
        body = {"sql": sql, "parameters": parameters}
        rows: list[list[Any]] = self.http.post(self.url("control", "/sql"), json=body).json()
        return rows

    def move_tide(self) -> None:
        """Let the watermark be a second later."""
        self.http.post(self.url("control", "/tide")).raise_for_status()

    def running(self) -> int:
        """How many of the services' queries the engine runs now."""
        count: int = self.sql(f"SELECT count() FROM system.processes WHERE {_OURS}")[0][0]  # noqa: S608
        return count

    def selects(self) -> int:
        """How many SELECTs the engine has run, this one included; an EXPLAIN is none."""
        count: int = self.sql("SELECT value FROM system.events WHERE event = 'SelectQuery'")[0][0]
        return count

    def counter(self, service: str, name: str) -> float:
        """One of the figures that a service tells Prometheus; 0 where it has not counted yet."""
        lines = self.http.get(self.url(service, "/metrics")).text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), 0.0)


@contextmanager
def whole(folder: Path, settings: Mapping[str, Mapping[str, Any]]) -> Iterator[Whole]:
    """Services with these settings, by name; their events are of yesterday."""
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    command = [sys.executable, str(_SCRIPT), str(folder), f"{day:%Y-%m-%d %H:%M:%S}", json.dumps(settings)]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
        httpx.Client(timeout=60) as http,
    ):
        assert process.stdout is not None
        try:
            yield Whole(json.loads(process.stdout.readline()), day, http)
        finally:
            process.communicate("")
    assert process.returncode == 0


def until(what: Callable[[], bool], within: float) -> float:
    """Wait until it is so; how long it took, in seconds."""
    start = time.monotonic()
    while not what():
        assert time.monotonic() < start + within, "it did not come to pass"
        time.sleep(0.01)
    return time.monotonic() - start


def heavy(range_: Mapping[str, str], word: str) -> dict[str, Any]:
    """A question that takes several seconds, one of its own for each word."""
    values = [f"{word}{number}" for number in range(400)]
    return {
        "metrics": ["REACH"],
        "range": range_,
        "where": [{"dimension": "CAMPAIGN", "op": "CONTAINS", "values": values}],
    }


def _text(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
