"""What the Flink job is told of an experiment: rows of the compacted topics ``experiments`` and ``metrics``.

A row is a key and a value, both JSON objects; None for a value is a tombstone. Names of columns are those of
the job's SQL. All columns always have a value, so that the SQL needs no rule for null. The rows hold exactly
what determines the job's numbers, so their fingerprint says whether two definitions have the same ones.

A generation is part of both keys: while the rows of a changed definition are computed, those of the one
before stay. A tombstone is nothing to the job: it lets the brokers forget the row.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from tidemark.experiments.definition import MAX_INT64, SLICEABLE, Definition, Kind, Metric, Status, Total
from tidemark.query.formula import Measure
from tidemark.query.instant import DAY_MS, END_MS

Value = str | int
Row = Mapping[str, Value]
_COEFFICIENTS = {
    Measure.EVENTS: "events",
    Measure.QUANTITY: "quantity",
    Measure.VALUE_MICROS: "value",
    Measure.COST_MICROS: "cost",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a compacted topic, both halves UTF-8 JSON; a value of None is a tombstone."""

    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Messages:
    """What is to be sent to the two topics."""

    experiments: tuple[Message, ...]
    metrics: tuple[Message, ...]


def experiment_row(definition: Definition) -> Row | None:
    """The columns of ``experiments`` but for its key; None for a draft, of which the job is not told.

    ``start_ms`` ≤ a first exposure's time < ``end_ms``; ``window_ms``: how long after it events count;
    ``unit``: ``user_id`` or ``anonymous_id``; ``covariate_ms``: how long before it they make the covariate,
    0: not at all; ``slice_<column>``: 1 where the cell has the exposure's value, 0 where it has the empty
    one.
    """
    if definition.status is Status.DRAFT or definition.start_ms is None:
        return None
    return {
        "start_ms": definition.start_ms,
        "end_ms": END_MS if definition.end_ms is None else definition.end_ms,
        "window_ms": definition.window_ms,
        "unit": definition.unit.value,
        "covariate_ms": definition.covariate.days * DAY_MS if definition.covariate else 0,
        **{f"slice_{column}": int(column in definition.slices) for column in SLICEABLE},
    }


def metric_rows(definition: Definition) -> Iterator[tuple[Row, Row]]:
    """The keys but for experiment and generation, and columns, of ``metrics``: one row a metric and event.

    What a user did in a minute is the sum over events of ``num_events + num_quantity * quantity + num_value *
    value_micros + num_cost * cost_micros``, the denominator likewise with ``den_…``; a user's running
    numerator counts from ``floor`` up to ``cap``. ``pre_…`` make the metric's covariate, of what was before
    the exposure.
    """
    for metric in definition.metrics:
        totals = (metric.numerator, metric.denominator, _before_exposure(definition, metric))
        for event in sorted({event for total in totals if total for event in total.events}):
            yield {"metric": metric.name, "event": event}, _columns(definition, metric, event)


def _columns(definition: Definition, metric: Metric, event: str) -> Row:
    # A proportion is 0 or 1 a user, whatever quantity its events have and whatever they restate.
    is_proportion = metric.kind is Kind.PROPORTION
    uncapped = MAX_INT64 if metric.cap is None else metric.cap
    return {
        **_coefficients("num", metric.numerator, event),
        **_coefficients("den", metric.denominator, event),
        **_coefficients("pre", _before_exposure(definition, metric), event),
        "floor": 0 if is_proportion else -MAX_INT64,
        "cap": 1 if is_proportion else uncapped,
    }


def _before_exposure(definition: Definition, metric: Metric) -> Total | None:
    """What makes the metric's covariate: the numerator of the metric that is named for it, or its own."""
    if definition.covariate is None:
        return None
    name = definition.covariate.metric or metric.name
    return next(one.numerator for one in definition.metrics if one.name == name)


def _coefficients(part: str, total: Total | None, event: str) -> Row:
    counts = total is not None and event in total.events
    return {
        f"{part}_{name}": int(counts and total is not None and total.measure is measure)
        for measure, name in _COEFFICIENTS.items()
    }


def fingerprint(definition: Definition) -> str:
    """What determines the job's numbers, hashed: 16 hexadecimal digits, the same in every process.

    Names, labels, variants, weights, planned users, alpha, margins and directions are no part of it: they
    change what is said about the numbers. Empty for a draft.
    """
    row = experiment_row(definition)
    if row is None:
        return ""
    # sorted, since the order in which metrics are declared changes no number
    metrics = sorted(_json({**key, **columns}) for key, columns in metric_rows(definition))
    return hashlib.sha256(b"\n".join((_json(row), *metrics))).hexdigest()[:16]


def messages(before: Iterable[tuple[Definition, int]], after: Iterable[tuple[Definition, int]]) -> Messages:
    """What has to be sent, so that the job knows ``after`` where it knew ``before``.

    Args:
        before: definitions that the topics hold, with their generations.
        after: those that they shall hold; an experiment may be among them with two generations.

    Returns:
        Rows that are new or other than before, and tombstones for keys that vanish; nothing for what stays.
    """
    old, new = _rows(before), _rows(after)
    return Messages(_difference(old[0], new[0]), _difference(old[1], new[1]))


Rows = dict[bytes, bytes]


def _rows(generations: Iterable[tuple[Definition, int]]) -> tuple[Rows, Rows]:
    experiments: Rows = {}
    metrics: Rows = {}
    for definition, generation in generations:
        row = experiment_row(definition)
        if row is None:
            continue
        own: Row = {"experiment_id": definition.id, "generation": generation}
        experiments[_json(own)] = _json({**own, **row})
        for key, columns in metric_rows(definition):
            whole = {**own, **key}
            metrics[_json(whole)] = _json({**whole, **columns})
    return experiments, metrics


def _difference(old: Rows, new: Rows) -> tuple[Message, ...]:
    changed = [Message(key, value) for key, value in new.items() if old.get(key) != value]
    return (*changed, *(Message(key, None) for key in old if key not in new))


def _json(row: Row) -> bytes:
    return msgspec.json.encode(dict(row))
