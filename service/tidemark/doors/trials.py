"""Experiments at the plain doors: what is asked in words, and what is told as JSON."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tidemark.declared.problem import nearest, shown
from tidemark.doors.bodies import Body, freshness_body, instant
from tidemark.experiments.definition import Definition, Metric, Status
from tidemark.experiments.experiment import Experiment
from tidemark.experiments.question import metrics_of, treatments_of
from tidemark.query.catalogue import Catalogue, Unit, field_of
from tidemark.query.database import Database
from tidemark.query.errors import Code, QueryError
from tidemark.query.grain import Grain
from tidemark.query.instant import from_ms
from tidemark.query.suggestion import WhereAsked
from tidemark.query.words import Word, condition_in, dimension_in, instant_in, listed

WORDS = (
    Word("metric", "Only these metrics of the experiment, commas between.", "purchase,revenue"),
    Word("by", "One result a value of these dimensions, corrected together.", "country"),
    Word(
        "slice",
        "Only users with country=DE,FR at their first exposure; !=, ^=, *= as in where.",
        "country=DE",
        repeats=True,
    ),
    Word("at", "As it was known then: an instant, or a local time of UTC.", "2026-12-01T12:00"),
    Word("series", "Adds the interval of the lift over time: minute, five-minutes, hour, day.", "hour"),
)
LISTED = (Word("status", "Only those that are running, stopped or a draft.", "running"),)


@dataclass(frozen=True, slots=True)
class Words:
    """What is asked of one experiment."""

    metrics: tuple[str, ...] | None
    by: tuple[str, ...]
    slice: tuple[WhereAsked, ...]
    at: datetime | None
    series: Grain | None


def read(catalogue: Catalogue, words: Iterable[tuple[str, str]]) -> Words:
    """The question in these words.

    Raises:
        QueryError: a word is unknown, stands there twice or cannot be read.
    """
    given = _given(words, WORDS)
    one = {name: values[0].strip() for name, values in given.items()}
    series = one.get("series")
    if series is not None and series.upper().replace("-", "_") not in Grain.__members__:
        raise QueryError(
            Code.UNKNOWN_NAME,
            f"There is no grain {series[:40]}; write minute, five-minutes, hour, day, week or month.",
        )
    return Words(
        metrics=tuple(listed(one["metric"])) if "metric" in one else None,
        by=tuple(dimension_in(catalogue, name) for name in listed(one.get("by", ""))),
        slice=tuple(condition_in(catalogue, text) for text in given.get("slice", ())),
        at=instant_in("at", one["at"], ZoneInfo("UTC")) if one.get("at") else None,
        series=Grain[series.upper().replace("-", "_")] if series else None,
    )


def status_in(words: Iterable[tuple[str, str]]) -> Status | None:
    """The status that is asked for; None: any.

    Raises:
        QueryError: a word is unknown or cannot be read.
    """
    given = _given(words, LISTED).get("status")
    if given is None:
        return None
    if given[0].lower() not in list(Status):
        raise QueryError(
            Code.UNKNOWN_NAME, f"There is no status {given[0][:40]}; there are {', '.join(Status)}."
        )
    return Status(given[0].lower())


def unknown(id_: str, known: Sequence[str]) -> QueryError:
    """The refusal of an experiment that there is not."""
    return QueryError(Code.UNKNOWN_EXPERIMENT, f"There is no experiment {shown(id_)}; {nearest(id_, known)}")


def summary(one: Experiment, at: datetime | None = None) -> Body:
    """What was declared; the weights are those of now, or of an instant."""
    definition, shares = one.definition, one.shares(at)
    is_draft = definition.status is Status.DRAFT or definition.start_ms is None
    return {
        "id": definition.id,
        "name": definition.name,
        "description": definition.description,
        "status": definition.status.name,
        "startedAt": None if is_draft else instant(from_ms(definition.start_ms or 0)),
        "alpha": definition.alpha,
        "plannedUsers": definition.planned_users,
        "variants": [
            {"key": each.key, "weight": shares[each.key], "isControl": each.is_control}
            for each in definition.variants
        ],
        "slices": [
            each.field for each in one.catalogue.dimensions.values() if each.column in definition.slices
        ],
    }


def body(one: Experiment, database: Database, words: Words, currency: str) -> Body:
    """What was declared and what is known, its names those of the GraphQL schema. It blocks.

    Raises:
        QueryError: the question is refused, or could not be answered.
    """
    definition = one.definition
    asked = metrics_of(definition, words.metrics)
    known = one.report(database, metrics=words.metrics, where=words.slice, by=words.by, at=words.at)
    told, split = summary(one, words.at), known.split
    for variant in told["variants"]:
        variant["users"] = known.users.by_variant[variant["key"]]
    return {
        **told,
        "at": instant(words.at),
        "metrics": [_metric(definition, metric, currency) for metric in asked],
        "sampleRatio": {
            "ok": bool(split.ok[0]),
            "pValue": float(split.p_value[0]),
            "chiSquarePValue": float(split.chi_square_p_value[0]),
            "expected": split.expected[0].tolist(),
            "observed": split.observed[0].tolist(),
        },
        "results": [plain(result) for result in known.results],
        "remaining": [
            {"metric": metric, "variant": variant, **plain(left)}
            for (metric, variant), left in known.remaining.items()
        ],
        "series": None if words.series is None else list(_series(one, database, words, asked)),
        "excludedUsers": known.users.excluded,
        "isRebuilding": known.is_rebuilding,
        "freshness": freshness_body(one.freshness, one.freshness.now),
    }


def plain(value: Any) -> Any:  # noqa: ANN401 - any dataclass
    """Dataclasses as objects, their fields in camel case as in the GraphQL schema."""
    if is_dataclass(value) and not isinstance(value, type):
        return {_name(one.name): plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return str(value) if isinstance(value, str) else value


def _name(field: str) -> str:
    return "eBHRejected" if field == "e_bh_rejected" else field_of(field)


def _series(one: Experiment, database: Database, words: Words, asked: Sequence[Metric]) -> Iterable[Body]:
    for metric in asked:
        for each in treatments_of(one.definition):
            found = one.series(
                database,
                metric=metric.name,
                variant=each.key,
                where=words.slice,
                grain=words.series or Grain.HOUR,
                end=words.at,
            )
            yield {"metric": metric.name, "variant": each.key, **plain(found)}


def _metric(definition: Definition, metric: Metric, currency: str) -> Body:
    unit = currency if metric.unit is Unit.CURRENCY else metric.unit
    return {
        "name": metric.name,
        "label": metric.label,
        "description": metric.description,
        "kind": metric.kind.value,
        "unit": None if unit is None else str(unit),
        "better": metric.better.value,
        "isGoal": metric in definition.goals,
    }


def _given(words: Iterable[tuple[str, str]], known: Sequence[Word]) -> Mapping[str, list[str]]:
    by_name = {word.name: word for word in known}
    given: dict[str, list[str]] = {}
    for name, value in words:
        if name not in by_name:
            raise QueryError(
                Code.BAD_PARAMETER, f"There is no word {name[:100]}; there are {', '.join(by_name)}."
            )
        given.setdefault(name, []).append(value)
        if len(given[name]) > 1 and not by_name[name].repeats:
            raise QueryError(
                Code.BAD_PARAMETER, f"{name} stands there twice; give it once, with commas between."
            )
    return given
