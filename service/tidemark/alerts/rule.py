"""What a rule is: what it asks, when it holds, and what is said then. As read from YAML, all of it checked.

Times are Unix ms and lengths ms, on the data's clock: an instant has come when the watermark
(``completeThrough``) has passed it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tidemark.alerts.expression import Expression
from tidemark.query.catalogue import Unit
from tidemark.query.grain import Grain
from tidemark.query.request import Compare, Condition, Top


class Severity(StrEnum):
    """How much it matters, as in the contract."""

    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


class OnNoData(StrEnum):
    """What a series counts as at a tick at which it has no value."""

    OK = "OK"  # the condition does not hold
    ALERT = "ALERT"  # it holds
    KEEP = "KEEP"  # the tick does not count for it


@dataclass(frozen=True, slots=True)
class Window:
    """What of the past is looked at: a length that ends at the tick, or the day, week or month so far.

    Attributes:
        length_ms: the rolling length; None for a calendar's.
        calendar: from the start of this bucket to the tick; None for a rolling one. A tick on an edge closes
            the bucket before it, so a day is judged whole once.
        timezone: IANA; whose calendar.
    """

    length_ms: int | None
    calendar: Grain | None = None
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class MetricsQuery:
    """A question of the planner without its range; names are those of the catalogue (``SPEND``)."""

    metrics: tuple[str, ...]
    dimensions: tuple[str, ...]
    where: tuple[Condition, ...]
    window: Window
    compare: Compare | None = None
    top: Top | None = None


@dataclass(frozen=True, slots=True)
class ExperimentQuery:
    """Results of experiments: a series is an experiment, treatment and metric (and slice).

    Attributes:
        experiment: its id; None for all that run.
        metrics: names of metrics; empty for all.
        by: slices' dimensions.
    """

    experiment: str | None
    metrics: tuple[str, ...] = ()
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HealthQuery:
    """Tidemark's own figures (``data_lag_seconds``, ``dead_letters``), one series without labels."""

    figures: tuple[str, ...]
    window: Window


Query = MetricsQuery | ExperimentQuery | HealthQuery


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        name: unique; letters, digits and underscores, as Prometheus' ``alert``.
        group: the group that it stands in.
        file: the file's name within the folder, with ``line``, for messages.
        line: counted from 1.
        severity: how much it matters.
        every_ms: it is judged at multiples of this since 1970-01-01T00:00Z.
        query: what it asks.
        when: the condition.
        resolve_when: a firing series resolves when this holds; None: when ``when`` does not.
        for_ms: how long it must have held before it fires.
        keep_firing_ms: how long it goes on firing after the condition held last.
        on_no_data: what a series without a value counts as.
        max_instances: a tick with more series of which the condition holds stops the rule, with an alert of
            its own.
        labels: further labels of its alerts.
        annotations: names to templates, filled in with labels and values of the series.
        is_open: whether it is also judged on a window that is not complete: more data cannot take its
            condition back.
        threshold: the number that its condition compares with; None where there is no single one.
        fingerprint: hash of what its decisions depend on; its states are kept while this stays.
        columns: what the condition, the one that resolves and the annotations need of each series.
        units: how people read a number, by its name in annotations: the columns, ``value``, ``threshold``.
    """

    name: str
    group: str
    file: str
    line: int
    severity: Severity
    every_ms: int
    query: Query
    when: Expression
    resolve_when: Expression | None
    for_ms: int
    keep_firing_ms: int
    on_no_data: OnNoData
    max_instances: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    is_open: bool
    threshold: float | None
    fingerprint: str
    columns: frozenset[str] = frozenset()
    units: Mapping[str, Unit | None] = field(default_factory=dict)
