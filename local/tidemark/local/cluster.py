"""The local cluster as a whole: its parts and its ports. Pure."""

from dataclasses import dataclass

from tidemark.local import flink, kafka, programs, registry
from tidemark.local.layout import Layout
from tidemark.local.part import Part
from tidemark.settings import Settings


@dataclass(frozen=True, slots=True)
class PortUse:
    """A port that a part listens on, and the variable that moves it."""

    port: int
    part: str
    variable: str


def parts(settings: Settings, layout: Layout, cluster_id: str) -> tuple[Part, ...]:
    """Every part, in the order in which ``tidemark status`` shows them."""
    return (
        *kafka.parts(settings, layout, cluster_id),
        registry.part(settings, layout),
        *flink.parts(settings, layout),
        *programs.parts(layout),
    )


def names(settings: Settings) -> tuple[str, ...]:
    """The names of the parts, as ``parts`` gives them."""
    brokers = tuple(f"kafka-{node}" for node in range(1, settings.brokers + 1))
    return (*brokers, "registry", "jobmanager", *flink.TASK_MANAGERS, "jobs", "collector", "service")


def ports(settings: Settings) -> tuple[PortUse, ...]:
    """Every port with a fixed number; Flink's processes take a few free ones beside, on the same host."""
    brokers = range(settings.brokers)
    return (
        *(PortUse(settings.kafka_port + n, f"kafka-{n + 1}", "TIDEMARK_KAFKA_PORT") for n in brokers),
        *(
            PortUse(settings.controller_port + n, f"kafka-{n + 1}", "TIDEMARK_CONTROLLER_PORT")
            for n in brokers
        ),
        PortUse(settings.registry_port, "registry", "TIDEMARK_REGISTRY_PORT"),
        PortUse(settings.flink_port, "jobmanager", "TIDEMARK_FLINK_PORT"),
        PortUse(settings.flink_rpc_port, "jobmanager", "TIDEMARK_FLINK_RPC_PORT"),
        PortUse(settings.service_port, "service", "TIDEMARK_SERVICE_PORT"),
        PortUse(settings.collector_port, "collector", "TIDEMARK_COLLECTOR_PORT"),
    )
