"""What is asked of an experiment, looked up in its definition; what cannot be asked is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tidemark.declared.problem import nearest, shown
from tidemark.experiments.definition import Definition, Guardrail, Metric, Status, Variant
from tidemark.experiments.look import ceiling, floor
from tidemark.query.catalogue import Catalogue, Dimension
from tidemark.query.errors import Code, QueryError
from tidemark.query.instant import format_instant, from_ms, to_ms
from tidemark.query.limits import Limits
from tidemark.query.parse import parse_condition
from tidemark.query.request import Condition
from tidemark.query.suggestion import WhereAsked


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of results, looked up.

    Attributes:
        metrics: To tell of, in the definition's order.
        conditions: Of the users that are looked at.
        dimensions: Whose values are slices.
        end: Of the last minute that counts, Unix seconds.
    """

    metrics: tuple[Metric, ...]
    conditions: tuple[Condition, ...]
    dimensions: tuple[Dimension, ...]
    end: int

    @property
    def names(self) -> list[str]:
        """Of the slices' values."""
        return [one.field for one in self.dimensions]


def start_of(definition: Definition) -> int:
    """Its start, Unix seconds.

    Raises:
        QueryError: it is a draft, so nothing counts.
    """
    if definition.status is Status.DRAFT or definition.start_ms is None:
        raise QueryError(
            Code.NOT_STARTED,
            f"The experiment {shown(definition.id)} is a draft, so nothing counts yet; set its status to "
            "running and its start.",
        )
    return definition.start_ms // 1000


def end_of(definition: Definition, at: datetime | None, now: datetime) -> int:
    """The end of the last minute that counts, Unix seconds: of now's minute, or before ``at`` floored.

    Raises:
        QueryError: ``at`` lies before the start or after now, or the experiment is a draft.
    """
    start, present = start_of(definition), ceiling((to_ms(now) + 1) / 1000)
    if at is None:
        return present
    if at < from_ms(start * 1000):
        begun = format_instant(from_ms(start * 1000))
        raise QueryError(
            Code.BAD_RANGE,
            f"at is {format_instant(at)}, and {shown(definition.id)} starts at {begun}; ask for a later one.",
            suggestion={"at": begun},
        )
    if at > from_ms(present * 1000):
        raise QueryError(
            Code.BAD_RANGE,
            f"at is {format_instant(at)} and it is {format_instant(now)} now; leave at out for the present.",
            suggestion={"at": None},
        )
    return max(floor(to_ms(at) / 1000), floor(start))


def conditions_of(
    catalogue: Catalogue, definition: Definition, where: Sequence[WhereAsked], limits: Limits
) -> tuple[Condition, ...]:
    """The conditions of a slice, on dimensions that the definition freezes at the first exposure.

    Raises:
        QueryError: a name is unknown or no slice of the experiment, or there are too many or wrong values.
    """
    if len(where) > limits.conditions:
        raise QueryError(
            Code.TOO_MANY_CONDITIONS,
            f"slice has {len(where):,} entries, at most {limits.conditions:,} may be.",
            limit=limits.conditions,
            requested=len(where),
        )
    found = tuple(parse_condition(catalogue, *one, limits=limits) for one in where)
    for one in found:
        _check_slice(catalogue, definition, one.dimension)
    return found


def dimensions_of(
    catalogue: Catalogue, definition: Definition, names: Sequence[str]
) -> tuple[Dimension, ...]:
    """The dimensions of ``by``, each once.

    Raises:
        QueryError: a name is unknown or no slice of the experiment.
    """
    found = []
    for name in dict.fromkeys(names):
        if name not in catalogue.dimensions:
            there_are = ", ".join(catalogue.dimensions)
            raise QueryError(Code.UNKNOWN_NAME, f"There is no dimension {name[:100]}; there are {there_are}.")
        _check_slice(catalogue, definition, catalogue.dimensions[name])
        found.append(catalogue.dimensions[name])
    return tuple(found)


def metrics_of(definition: Definition, names: Sequence[str] | None) -> tuple[Metric, ...]:
    """The metrics of these names, each once, in the definition's order; all without names.

    Raises:
        QueryError: one is unknown, or the list is empty.
    """
    if names is None:
        return definition.metrics
    if not names:
        raise QueryError(Code.NOTHING_ASKED, "metrics is an empty list; name one, or leave it out for all.")
    known = {one.name: one for one in definition.metrics}
    for name in names:
        if name not in known:
            raise QueryError(
                Code.UNKNOWN_NAME,
                f"{shown(definition.id)} has no metric {shown(name)}; {nearest(name, known)}",
            )
    return tuple(one for one in definition.metrics if one.name in names)


def treatment_of(definition: Definition, key: str) -> Variant:
    """The treatment of this name.

    Raises:
        QueryError: there is none, or it is the control.
    """
    treatments = {one.key: one for one in treatments_of(definition)}
    if key == definition.control.key:
        others = ", ".join(map(shown, treatments))
        raise QueryError(
            Code.UNKNOWN_NAME,
            f"{shown(key)} is the control, which the others are compared with; name one of {others}.",
        )
    if key not in treatments:
        raise QueryError(
            Code.UNKNOWN_NAME,
            f"{shown(definition.id)} has no variant {shown(key)}; {nearest(key, treatments)}",
        )
    return treatments[key]


def treatments_of(definition: Definition) -> tuple[Variant, ...]:
    """All variants but the control."""
    return tuple(one for one in definition.variants if not one.is_control)


def guardrail_of(definition: Definition, metric: Metric) -> Guardrail | None:
    """The guardrail of a metric, if it is one."""
    return next((one for one in definition.guardrails if one.metric.name == metric.name), None)


def _check_slice(catalogue: Catalogue, definition: Definition, dimension: Dimension) -> None:
    if dimension.column in definition.slices:
        return
    known = [one.name for one in catalogue.dimensions.values() if one.column in definition.slices]
    told = f"it has {', '.join(known)}" if known else "it has none"
    raise QueryError(
        Code.UNKNOWN_NAME,
        f"{shown(definition.id)} has no slices by {dimension.name}; {told}. Add it to slices there.",
    )
