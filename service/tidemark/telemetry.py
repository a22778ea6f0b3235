"""What the service tells Prometheus about itself."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tidemark.freshness import Freshness


class Telemetry:
    """The service's Prometheus metrics, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._answers = Counter(
            "tidemark_queries",
            "Questions answered, by the tables that answered.",
            ["source"],
            registry=self._registry,
        )
        self._errors = Counter(
            "tidemark_query_errors", "Errors answered, by their code.", ["code"], registry=self._registry
        )
        self._seconds = Histogram(
            "tidemark_query_seconds",
            "From a parsed question to its answer.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self._registry,
        )
        self._lag = Gauge(
            "tidemark_freshness_lag_seconds",
            "How far the watermark lies behind now; NaN while there is none.",
            registry=self._registry,
        )

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Time a question, answered or not."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._seconds.observe(time.perf_counter() - start)

    def count_answer(self, source: str) -> None:
        """A question was answered from these tables."""
        self._answers.labels(source).inc()

    def count_error(self, code: str) -> None:
        """An error was answered."""
        self._errors.labels(code).inc()

    def exposition(self, freshness: Freshness | None) -> bytes:
        """Prometheus' text format; freshness is None where it cannot be read."""
        lag = None if freshness is None else freshness.lag_ms
        self._lag.set(float("nan") if lag is None else lag / 1000)
        return generate_latest(self._registry)
