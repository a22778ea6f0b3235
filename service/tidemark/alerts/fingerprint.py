"""What a rule's decisions depend on, as one short text."""

import hashlib
import json

from tidemark.alerts.rule import ExperimentQuery, HealthQuery, MetricsQuery, Rule, Window
from tidemark.query.catalogue import Catalogue

LENGTH = 16
"""Hexadecimal digits: 2,000 rules that changed 1,000 times each share one in a million years' luck."""


def fingerprint(rule: Rule, catalogue: Catalogue) -> str:
    """Hash of the name and of all that decides when its alerts fire and resolve.

    Severity, labels and annotations, and where the rule stands, are no part of it: they may be corrected
    while an alert fires. What a metric or a dimension means in the catalogue is.
    """
    decides = [
        rule.name,
        rule.every_ms,
        _query(rule, catalogue),
        rule.when.text,
        rule.resolve_when.text if rule.resolve_when else None,
        rule.for_ms,
        rule.keep_firing_ms,
        rule.on_no_data,
        rule.max_instances,
    ]
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:LENGTH]


def _query(rule: Rule, catalogue: Catalogue) -> list[object]:
    match rule.query:
        case MetricsQuery() as asked:
            metrics = [*asked.metrics, *([asked.top.by.name] if asked.top else [])]
            dimensions = [*asked.dimensions, *(one.dimension.name for one in asked.where)]
            return [
                [(name, repr(catalogue.metrics[name].formula)) for name in metrics],
                [
                    (name, catalogue.dimensions[name].column, catalogue.dimensions[name].property_key)
                    for name in dimensions
                ],
                [(one.operator, one.values) for one in asked.where],
                _window(asked.window),
                asked.compare,
                (asked.top.n, asked.top.other) if asked.top else None,
            ]
        case ExperimentQuery() as asked:
            return ["experiment", asked.experiment, asked.metrics, asked.by]
        case HealthQuery() as asked:
            return ["health", asked.figures, _window(asked.window)]


def _window(window: Window) -> list[object]:
    return [window.length_ms, window.calendar, window.timezone]
