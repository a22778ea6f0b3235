"""The one settings object: every value has a default that fits one machine, and a ``TIDEMARK_*`` variable."""

from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from tidemark.query.limits import DEFAULT_LIMITS, Limits

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0)]


def _names(given: object) -> object:
    return [name.strip() for name in given.split(",") if name.strip()] if isinstance(given, str) else given


def _possible(limits: Limits) -> Limits:
    """Each is above 0 and small enough for ClickHouse's integers and Python's dates; infinity is not."""
    for name, value in asdict(limits).items():
        most = 10**15 if name == "memory_bytes" else 10**9
        if not 0 < value <= most:
            raise ValueError(f"{name} is {value}; it must be above 0 and at most {most:,}")
    return limits


# a variable's words, separated by commas
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
Days = Annotated[int, Field(ge=0, le=36_500)]
_ROOT = Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """What a deployment decides. Times are in seconds, ports on ``host``."""

    model_config = SettingsConfigDict(
        env_prefix="TIDEMARK_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    home: Path = Field(Path(".tidemark"), description="everything the local cluster writes lies under it")
    lib: Path | None = Field(
        None, description="what was fetched; several clusters may share it (default: home/lib)"
    )
    catalogue: Path = Field(
        _ROOT / "catalogue", description="metrics, dimensions, events, tracking rules, experiments (YAML)"
    )
    operations: Path = Field(
        _ROOT / "graphql" / "operations", description="the allow-list of persisted operations (*.graphql)"
    )
    host: str = Field("127.0.0.1", description="where the servers listen; loopback, since there are no keys")
    service_port: Port = 8600
    collector_port: Port = 8601
    kafka_port: Port = Field(8692, description="the first broker's; the next brokers take the ports after it")
    controller_port: Port = Field(
        8695, description="the first KRaft controller's; the next take those after it"
    )
    registry_port: Port = 8681
    flink_port: Port = Field(8683, description="Flink's REST API")
    flink_rpc_port: Port = Field(8684, description="where TaskManagers reach the JobManager")
    brokers: int = Field(1, description="1, or 3 with replication 3 and min.insync.replicas 2")

    allowed_hosts: Names = Field(
        (),
        description="names besides loopback ones that requests may call the service by, * is any; where "
        "there is none: no other if host is loopback, else any",
    )
    allowed_origins: Names = Field(
        (), description="origins whose pages may read answers and open WebSockets, https://example.org,…"
    )
    persisted_only: bool = Field(
        default=False, description="whether only the operations of graphql/operations are answered"
    )

    limits: Annotated[Limits, AfterValidator(_possible)] = Field(
        DEFAULT_LIMITS, description="what a question may cost, each as TIDEMARK_LIMITS__ROWS and so on"
    )
    receivers: Path | None = Field(
        None,
        description="who is told of alerts (YAML; default: the catalogue's receivers.yaml, if any)",
    )
    alerts_url: str | None = Field(
        None, description="where alerts are kept, postgresql+psycopg://…; default: home/alerts.sqlite"
    )
    alerts_days: Annotated[int, Field(ge=1, le=36_500)] = Field(
        90, description="alerts, silences and notifications, dead ones too, go so many days after they ended"
    )
    alert_networks: Names = Field(
        (),
        description="private networks that webhooks may go to, by plain http, too: 127.0.0.1/32,…",
    )
    stale_seconds: Seconds = Field(60.0, description="an alert says so when data is complete no further back")
    external_url: str | None = Field(
        None, description="where people find this service; alerts link to it (default: the local address)"
    )
    currency: str = Field("USD", pattern="^[A-Z]{3}$", description="the deployment's one currency, ISO 4217")
    event_partitions: Annotated[int, Field(ge=1, le=64)] = Field(3, description="partitions of events.v1")
    heartbeat_seconds: Seconds = Field(
        0.5,
        description="how often a collector sends its heartbeats; an answer is complete up to two of them ago",
    )
    state_horizon_seconds: Seconds = Field(
        3600.0, description="events older than this on arrival bypass Flink; the audit counts them"
    )
    state_ttl_seconds: Seconds = Field(
        7200.0, description="how long Flink remembers an event's identity and a minute's sums"
    )
    checkpoint_seconds: Seconds = Field(
        10.0, description="how often the campaign job keeps its state, which it goes on from after a fault"
    )
    commit_seconds: Seconds = Field(
        2.0,
        description="how often the experiment job keeps its state and commits its rows, seen from then on",
    )
    experiment_state_days: Annotated[int, Field(ge=1)] = Field(
        190,
        description="how long the experiment job remembers users and events: the longest window and "
        "covariate that a definition may have, and some days",
    )
    audit_seconds: Seconds = Field(3.0, description="how often raw events and folded rows are compared")
    rollup_seconds: Seconds = Field(
        10.0, description="how often touched hours and days are rolled; until then minutes answer for them"
    )
    retention_raw_days: Days = Field(
        0, description="raw events go after so many days (by acceptance), and are then not audited; 0: never"
    )
    retention_minute_days: Days = Field(0, description="minutes go after so many days; 0: never")
    retention_hour_days: Days = Field(0, description="hour rollups go after so many days; 0: never")
    retention_day_days: Days = Field(0, description="day rollups go after so many days; 0: never")

    cache_bytes: Annotated[int, Field(ge=0)] = Field(
        64_000_000, description="memory for answers that are asked for again; 0 keeps none"
    )

    @property
    def libraries(self) -> Path:
        """The folder of what was fetched."""
        return self.lib or self.home / "lib"

    @property
    def bootstrap(self) -> str:
        """Kafka's bootstrap servers, ``host:port,…``."""
        return ",".join(f"{self.host}:{self.kafka_port + n}" for n in range(self.brokers))

    @property
    def alerts_store(self) -> str:
        """The URL of the database of alerts."""
        return self.alerts_url or f"sqlite:///{self.home.resolve() / 'alerts.sqlite'}"

    @property
    def service_url(self) -> str:
        """Base URL of the service."""
        return f"http://{self.host}:{self.service_port}"

    @property
    def collector_url(self) -> str:
        """Base URL of the collector."""
        return f"http://{self.host}:{self.collector_port}"

    @property
    def registry_url(self) -> str:
        """Base URL of the schema registry's Confluent-compatible API."""
        return f"http://{self.host}:{self.registry_port}/apis/ccompat/v7"

    @property
    def flink_url(self) -> str:
        """Base URL of Flink's REST API."""
        return f"http://{self.host}:{self.flink_port}"


@lru_cache
def settings() -> Settings:
    """The settings of this process, read from the environment once.

    Raises:
        SystemExit: a variable has a value that cannot be; the message names it.
    """
    try:
        return Settings()
    except SettingsError as error:
        raise SystemExit(f"A TIDEMARK_* variable cannot be read: {error}; {error.__cause__}.") from None
    except ValidationError as error:
        wrong = [
            f"TIDEMARK_{'__'.join(map(str, each['loc'])).upper()} is {each['input']!r}: {each['msg']}"
            for each in error.errors()
        ]
        raise SystemExit(f"{'; '.join(wrong)}. Set it right, or leave it out for the default.") from None
