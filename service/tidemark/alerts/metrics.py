"""What Prometheus is told about alerts: read when it asks, from what is kept anyway."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import Histogram, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from tidemark.alerts.engine import Engine
from tidemark.alerts.rule import Severity
from tidemark.alerts.series import Phase
from tidemark.alerts.store.outbox import Outbox
from tidemark.alerts.store.records import Records
from tidemark.alerts.store.ticks import Ticks

log = logging.getLogger("tidemark.alerts")


class AlertMetrics(Collector):
    """Labels are names of rules, of receivers, severities and states: as many as are configured."""

    def __init__(
        self,
        engine: Engine,
        ticks: Ticks,
        records: Records,
        outbox: Outbox,
        histograms: tuple[Histogram, ...],
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """``histograms`` stand in no registry; ``clock`` is the wall clock's Unix ms."""
        self._engine, self._ticks, self._records, self._outbox = engine, ticks, records, outbox
        self._histograms, self._clock = histograms, clock

    def describe(self) -> list[Metric]:
        """Nothing, so that nothing is read when it is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All of them; those of the store are left out, and that is logged, while it cannot be read."""
        for histogram in self._histograms:
            yield from histogram.collect()
        yield from self._of_engine()
        try:
            yield from list(self._of_store())
        except Exception:
            # whatever fails there, the other figures are needed most then
            log.exception("the store of alerts cannot be read for /metrics")

    def _of_engine(self) -> Iterator[Metric]:
        engine, now_ms = self._engine, self._clock()
        rules = engine.book.rules
        judged = [(rule.every_ms, at_ms) for rule in rules if (at_ms := engine.judged_ms(rule)) is not None]
        behind_ms = max((now_ms - at_ms - every_ms for every_ms, at_ms in judged), default=0)
        yield CounterMetricFamily(
            "tidemark_alert_ticks_judged",
            "Ticks that were judged, each rule's counted.",
            value=engine.ticks_judged,
        )
        for name, text, value in (
            ("tidemark_alert_rules", "Rules in force.", len(rules)),
            ("tidemark_alert_rules_waiting", "Rules that could not be asked, and wait.", engine.waiting),
            (
                "tidemark_alert_behind_seconds",
                "For how long the next tick of the rule that is furthest behind has been over.",
                max(0, behind_ms) / 1000,
            ),
            ("tidemark_alert_data_stale", "1 while data is stale, so that rules wait.", engine.is_stale),
        ):
            yield GaugeMetricFamily(name, text, value=value)
        yield self._alerts("tidemark_alerts_pending", "Series that pend.", self._pending())

    def _pending(self) -> Counter[tuple[str, Severity]]:
        pending: Counter[tuple[str, Severity]] = Counter()
        for rule in self._engine.book.rules:
            states = self._engine.states(rule).values()
            pending[rule.name, rule.severity] += sum(one.phase is Phase.PENDING for one in states)
        return pending

    def _of_store(self) -> Iterator[Metric]:
        firing = Counter({(rule.name, rule.severity): 0 for rule in self._engine.book.rules})
        firing.update(self._records.firing())
        yield self._alerts("tidemark_alerts_firing", "Alerts that fire.", firing)
        skipped = CounterMetricFamily(
            "tidemark_alert_ticks_skipped",
            "Ticks left out because too many were missed, since the rule is as it is.",
            labels=["rule"],
        )
        for rule, count in self._ticks.skipped().items():
            skipped.add_metric([rule], count)
        yield skipped
        notifications = GaugeMetricFamily(
            "tidemark_alert_notifications",
            "Notifications in the outbox: pending, sent (until they are forgotten) and dead.",
            labels=["receiver", "state"],
        )
        for labels, count in self._outbox.counts().items():
            notifications.add_metric(labels, count)
        yield notifications

    @staticmethod
    def _alerts(name: str, text: str, counts: Counter[tuple[str, Severity]]) -> Metric:
        told = GaugeMetricFamily(name, text, labels=["rule", "severity"])
        for (rule, severity), count in counts.items():
            told.add_metric([rule, severity.value.lower()], count)
        return told
