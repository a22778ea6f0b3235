"""A whole Tidemark for tests.

Real Kafka, Flink, registry and ClickHouse, on ports and in a folder of its own.
"""

import base64
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import OFFSET_END, TopicPartition
from confluent_kafka.admin import AdminClient

import frame_query
from difference import Found
from ports import free_ports
from tidemark.ingest.topics import EVENTS
from tidemark.local.control import Supervisor
from tidemark.local.layout import layout
from tidemark.settings import Settings

_ROOT = Path(__file__).resolve().parents[2]
_TIDEMARK = [str(Path(sys.executable).with_name("tidemark"))]

WEBHOOK_SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
_RECEIVERS = """
receivers:
  - name: test
    kind: webhook
    url: "http://127.0.0.1:{port}/"
    secret: {{env: TIDEMARK_TEST_SECRET}}
    matchers: [told=test]
    group_by: [campaign]
  - name: stale
    kind: webhook
    url: "http://127.0.0.1:{port}/"
    secret: {{env: TIDEMARK_TEST_SECRET}}
    matchers: [alertname=DataStale]
    group_by: [alertname]
"""
STALE_SECONDS = 20
"""How long data may stand still until that is an alert: less than in earnest."""
_METRICS = """query($query: MetricsQuery!) { metrics(query: $query) {
    rows { bucket campaign ad channel source platform country event values { VALUES } }
    truncated resolved { from to source } freshness { now completeThrough auditedThrough lagMs } } }"""

Event = Mapping[str, Any]


class Cluster:
    """One running Tidemark; ``settings`` are those its processes have.

    Its catalogue is a copy. Alerts labelled ``told: test``, and that data is stale, go to ``webhook_port``,
    where a test may listen.
    """

    def __init__(self, home: Path, *, brokers: int = 1, **overrides: str) -> None:
        first = free_ports(6 + 2 * brokers)
        ports, kafka = range(first, first + 5), first + 6
        self.webhook_port = first + 5
        self.catalogue = home / "catalogue"
        shutil.copytree(_ROOT / "catalogue", self.catalogue)
        receivers = _RECEIVERS.format(port=self.webhook_port)
        (self.catalogue / "receivers.yaml").write_text(receivers, encoding="utf-8")
        self.environment = {
            "TIDEMARK_HOME": str(home),
            "TIDEMARK_CATALOGUE": str(self.catalogue),
            "TIDEMARK_ALERT_NETWORKS": "127.0.0.1/32",
            "TIDEMARK_TEST_SECRET": WEBHOOK_SECRET,
            "TIDEMARK_STALE_SECONDS": str(STALE_SECONDS),
            "TIDEMARK_LIB": str(_ROOT / ".tidemark" / "lib"),
            "TIDEMARK_BROKERS": str(brokers),
            "TIDEMARK_SERVICE_PORT": str(ports[0]),
            "TIDEMARK_COLLECTOR_PORT": str(ports[1]),
            "TIDEMARK_REGISTRY_PORT": str(ports[2]),
            "TIDEMARK_FLINK_PORT": str(ports[3]),
            "TIDEMARK_FLINK_RPC_PORT": str(ports[4]),
            "TIDEMARK_KAFKA_PORT": str(kafka),
            "TIDEMARK_CONTROLLER_PORT": str(kafka + brokers),
        } | {f"TIDEMARK_{name.upper()}": value for name, value in overrides.items()}
        self.settings = _settings(self.environment)
        self._http = httpx.Client(timeout=30)

    def start(self) -> None:
        """``tidemark up``."""
        self.tidemark("up")

    def stop(self) -> None:
        """``tidemark down``."""
        self._http.close()
        self.tidemark("down")

    def tidemark(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command line against this cluster; what it printed is part of the failure."""
        done = subprocess.run(
            [*_TIDEMARK, *arguments],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(
                f"tidemark {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done

    def send(self, events: Sequence[Event], *, batch: int = 300) -> None:
        """Post events to our own door; every one must be accepted. Retries as a good client does."""
        for start in range(0, len(events), batch):
            part = list(events[start : start + batch])
            answer = self._post(part)
            assert answer == {"accepted": len(part), "rejected": []}, answer

    def _post(self, part: list[Event]) -> Any:
        until = time.monotonic() + 90
        while True:
            try:
                answer = self._http.post(f"{self.settings.collector_url}/v1/events", json=part)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code != 503:
                return answer.json()
            assert time.monotonic() < until, f"the collector did not take a batch within 90 s: {answer}"
            time.sleep(0.2)

    def graphql(self, operation: str, /, **variables: object) -> Any:
        """The ``data`` of an operation; errors are failures."""
        answer = self._http.post(
            f"{self.settings.service_url}/graphql", json={"query": operation, "variables": variables}
        ).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def metrics(self, metrics: Iterable[str], *, start_ms: int, end_ms: int, **more: object) -> Any:
        """The frame of a ``metrics`` query with all dimensions of its rows and the freshness."""
        names = [name.upper() for name in metrics]
        return self.graphql(
            _METRICS.replace("VALUES", " ".join(names).lower()),
            query={"metrics": names, "range": {"from": rfc3339(start_ms), "to": rfc3339(end_ms)}, **more},
        )["metrics"]

    def frame(self, question: Mapping[str, Any]) -> Found:
        """The answer to a MetricsQuery, its columns checked against its rows."""
        return frame_query.found(self.graphql(frame_query.operation(question), query=question)["metrics"])

    def campaign(self, campaign: str, *metrics: str, start_ms: int, end_ms: int) -> dict[str, float]:
        """One campaign's totals; empty when it has no row."""
        rows = self.metrics(
            metrics,
            start_ms=start_ms,
            end_ms=end_ms,
            where=[{"dimension": "CAMPAIGN", "values": [campaign]}],
        )["rows"]
        return rows[0]["values"] if rows else {}

    def delete_events(self) -> None:
        """Let Kafka forget every event that it holds now, as its retention does after seven days."""
        admin = AdminClient({"bootstrap.servers": self.settings.bootstrap, "log_level": 0})
        partitions = admin.list_topics(EVENTS, timeout=5).topics[EVENTS].partitions
        ends = [TopicPartition(EVENTS, number, OFFSET_END) for number in partitions]
        for deleted in admin.delete_records(ends).values():
            deleted.result()

    def stop_part(self, part: str) -> None:
        """End a part in order and leave it ended."""
        supervisor = Supervisor(layout(self.settings).socket)
        supervisor.stop([part])
        self.until(lambda: self.pid(part) == 0, within=30, what=f"the end of {part}")

    def start_part(self, part: str) -> None:
        """Start a part that was ended."""
        Supervisor(layout(self.settings).socket).start([part])

    def rejected(self) -> list[dict[str, Any]]:
        """The newest dead letters."""
        answer = self._http.get(f"{self.settings.service_url}/rejected", params={"limit": 1000})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["rejected"])

    def pid(self, part: str) -> int:
        """The process of a part; 0 while it has none."""
        supervisor = Supervisor(layout(self.settings).socket)
        return next(process.pid for process in supervisor.processes() if process.name == part)

    def kill(self, part: str, number: signal.Signals) -> None:
        """Send a signal to the process of a part."""
        os.kill(self.pid(part), number)

    def freshness(self) -> dict[str, Any]:
        """The root field ``freshness``, instants as Unix ms or None."""
        fields = "now completeThrough auditedThrough lagMs openBucket"
        answer: dict[str, Any] = self.graphql(f"{{ freshness {{ {fields} }} }}")["freshness"]
        instants = ("now", "completeThrough", "auditedThrough")
        return answer | {name: _unix_ms(answer[name]) for name in instants}

    def await_through(self, instant_ms: int, *, field: str = "completeThrough", within: float = 60) -> float:
        """Wait until the answers are complete (or audited) through an instant.

        Returns how long it took, seconds.
        """
        return self.until(lambda: (self.freshness()[field] or 0) >= instant_ms, within=within, what=field)

    def await_in_sync(self, *, within: float) -> float:
        """Wait until every partition has all its replicas in sync; returns the seconds."""
        admin = AdminClient({"bootstrap.servers": self.settings.bootstrap, "log_level": 0})

        def in_sync() -> bool:
            partitions = [
                partition
                for topic in admin.list_topics(timeout=5).topics.values()
                for partition in topic.partitions.values()
            ]
            return all(len(partition.isrs) == len(partition.replicas) for partition in partitions)

        return self.until(in_sync, within=within, what="replicas in sync")

    def restart_with_memory_of(self, seconds: float) -> None:
        """Let the campaign job go on from its newest checkpoint with a shorter memory."""
        self.tidemark("jobs", "stop")
        code = (
            "from tidemark.jobs import checkpoints; from tidemark.jobs.definition import jobs;"
            "from tidemark.jobs.submit import submit; from tidemark.local.fetch import connector_jar;"
            "from tidemark.settings import settings; own = settings();"
            "job = jobs(own, connector_jar(own))[0];"
            "submit(job, checkpoint=checkpoints.newest(job.checkpoints))"
        )
        environment = os.environ | self.environment | {"TIDEMARK_STATE_TTL_SECONDS": str(seconds)}
        subprocess.run(
            [sys.executable, "-c", code], env=environment, check=True, timeout=120, capture_output=True
        )

    def until(self, condition: Callable[[], bool], *, within: float, what: str) -> float:
        """Wait for a condition, asking five times a second; an unreachable part is a No.

        Returns the seconds.
        """
        start = time.monotonic()
        while True:
            try:
                if condition():
                    return time.monotonic() - start
            except (httpx.TransportError, AssertionError, KeyError):
                if time.monotonic() - start > within:
                    raise
            assert time.monotonic() - start < within, f"{what} did not come within {within} s"
            time.sleep(0.2)


def now_ms() -> int:
    """Unix ms."""
    return time.time_ns() // 1_000_000


def rfc3339(ms: int) -> str:
    """An instant as GraphQL takes it."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def _unix_ms(text: str | None) -> int | None:
    return None if text is None else round(datetime.fromisoformat(text).timestamp() * 1000)


def _settings(environment: Mapping[str, str]) -> Settings:
    prefix = "TIDEMARK_"
    return Settings.model_validate(
        {key.removeprefix(prefix).lower(): value for key, value in environment.items()}
    )
