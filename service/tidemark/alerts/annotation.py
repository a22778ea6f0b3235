"""What annotations may name, and what they say of one series of a rule."""

from collections.abc import Mapping
from types import MappingProxyType

from tidemark.alerts.campaigns import Campaign
from tidemark.alerts.expression import Expression
from tidemark.alerts.rule import ExperimentQuery, HealthQuery, MetricsQuery, Query, Rule
from tidemark.alerts.series import Labels
from tidemark.alerts.template import NONE, UNKNOWN, fill, written
from tidemark.alerts.term import Column
from tidemark.alerts.vocabulary import Vocabulary, campaign_of
from tidemark.query.catalogue import Catalogue, Unit, field_of

OF_CAMPAIGN = ("campaign_name", "campaign_owner")
"""Of a series that is of one campaign; where ``campaigns.yaml`` does not say them: its id, and nobody."""
NOBODY = "nobody"


def labels_of(query: Query) -> tuple[str, ...]:
    """The names of a series' labels: fields of dimensions, and what tells an experiment's results apart."""
    match query:
        case MetricsQuery(dimensions=dimensions):
            return tuple(map(field_of, dimensions))
        case ExperimentQuery(by=by):
            return ("experiment", "variant", "metric", *map(field_of, by))
        case HealthQuery():
            return ()


def names_of(
    query: Query, when: Expression, labels: Mapping[str, str], vocabulary: Vocabulary, catalogue: Catalogue
) -> frozenset[str]:
    """The names that a rule's annotations may use; ``labels`` are those that the rule adds."""
    names = {"rule", "severity", *labels_of(query), *labels, *vocabulary.names}
    if campaign_of(query, catalogue):
        names |= {*OF_CAMPAIGN}
    names |= {"value"} if when.measured is not None else set()
    names |= {"threshold"} if when.threshold is not None else set()
    return frozenset(names)


def units_of(when: Expression, vocabulary: Vocabulary) -> Mapping[str, Unit | None]:
    """How people read each number that annotations may name."""
    units = {name: known.unit for name, known in vocabulary.names.items() if not known.words}
    measured = when.measured
    of_value = units[measured.name] if isinstance(measured, Column) else None
    return MappingProxyType(units | {"value": of_value, "threshold": of_value})


def annotations(
    rule: Rule,
    labels: Labels,
    columns: Mapping[str, float | str | None],
    value: float | None,
    campaigns: Mapping[str, Campaign],
    catalogue: Catalogue,
    currency: str,
) -> dict[str, str]:
    """A rule's annotations for one series.

    Args:
        rule: it.
        labels: the series'.
        columns: the series' values of ``rule.columns``; NaN or None where there is none.
        value: as observed.
        campaigns: what is declared of them, by id.
        catalogue: that by which the rule was read.
        currency: the deployment's, ISO 4217.
    """
    texts = {name: _text(columns[name], rule.units.get(name), currency) for name in rule.columns}
    texts["value"] = written(value, rule.units.get("value"), currency)
    texts["threshold"] = written(rule.threshold, rule.units.get("threshold"), currency)
    texts |= {"rule": rule.name, "severity": rule.severity.lower(), **rule.labels}
    texts |= {name: label or NONE for name, label in labels}
    if dimension := campaign_of(rule.query, catalogue):
        id_ = dict(labels)[dimension.field]
        campaign = campaigns.get(id_, Campaign(id_, id_))
        texts |= {"campaign_name": campaign.name or NONE, "campaign_owner": campaign.owner or NOBODY}
    return {name: fill(template, texts) for name, template in rule.annotations.items()}


def _text(value: float | str | None, unit: Unit | None, currency: str) -> str:
    return value or UNKNOWN if isinstance(value, str) else written(value, unit, currency)
