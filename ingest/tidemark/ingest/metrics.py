"""Metrics of the collector, for Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """The collector's counters, in a registry of their own."""

    def __init__(self, heartbeat_age: Callable[[], float | None]) -> None:
        """``heartbeat_age`` is in seconds, None before the first heartbeat."""
        self.registry = CollectorRegistry()
        self.accepted = Counter(
            "tidemark_collector_accepted", "Events stored.", ["door"], registry=self.registry
        )
        self.rejected = Counter(
            "tidemark_collector_rejected", "Events refused.", ["door", "kind"], registry=self.registry
        )
        self.unavailable = Counter(
            "tidemark_collector_unavailable", "Requests answered 503.", ["door"], registry=self.registry
        )
        self.bytes = Counter(
            "tidemark_collector_bytes", "Bytes of bodies as sent.", ["door"], registry=self.registry
        )
        self.acknowledged = Histogram(
            "tidemark_collector_ack_seconds",
            "From producing a request's events to their acknowledgement.",
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
            registry=self.registry,
        )
        age = Gauge(
            "tidemark_collector_heartbeat_age_seconds",
            "Since the partition with the oldest acknowledged heartbeat had it; -1 before the first.",
            registry=self.registry,
        )

        def seconds() -> float:
            known = heartbeat_age()
            return -1.0 if known is None else known

        age.set_function(seconds)

    def text(self) -> bytes:
        """All of them as Prometheus reads them."""
        return generate_latest(self.registry)
