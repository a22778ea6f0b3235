"""What the service tells Prometheus about itself."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.registry import Collector

from tidemark.freshness import Freshness


class Reuse(StrEnum):
    """How a question was answered without a query of its own: kept, or shared with one under way."""

    CACHED = "cached"
    JOINED = "joined"


class Telemetry:
    """The service's Prometheus metrics, in a registry of their own; ``collectors`` tell more when asked."""

    def __init__(self, collectors: Iterable[Collector] = ()) -> None:
        self._registry = CollectorRegistry()
        for collector in collectors:
            self._registry.register(collector)
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
        self._reuses = Counter(
            "tidemark_query_reuses",
            "Questions answered without a query of their own, by how.",
            ["how"],
            registry=self._registry,
        )
        self._refusals = Counter(
            "tidemark_query_refusals",
            "Questions refused or failed after they were parsed, those of subscriptions too, by their code.",
            ["code"],
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

    def count_reuse(self, how: Reuse) -> None:
        """A question was answered without a query of its own."""
        self._reuses.labels(how).inc()

    def count_refusal(self, code: str) -> None:
        """A parsed question was refused or failed."""
        self._refusals.labels(code).inc()

    def watch(
        self, *, queries: Callable[[], int], subscribers: Callable[[], int], cache_bytes: Callable[[], int]
    ) -> None:
        """What to read whenever the figures are asked for; to be called once."""
        for name, text, read in (
            ("tidemark_queries_under_way", "Queries that run or wait for their turn.", queries),
            ("tidemark_subscribers", "Subscriptions under way.", subscribers),
            ("tidemark_cache_bytes", "What the cached answers weigh.", cache_bytes),
        ):
            Gauge(name, text, registry=self._registry).set_function(read)

    def exposition(self, freshness: Freshness | None) -> bytes:
        """Prometheus' text format; freshness is None where it cannot be read. Collectors may block."""
        lag = None if freshness is None else freshness.lag_ms
        self._lag.set(float("nan") if lag is None else lag / 1000)
        return generate_latest(self._registry)
