"""The type Experiment: what was declared, and what its users did, by treatment against the control."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Final, TypeVar

import strawberry
from graphql import GraphQLResolveInfo
from strawberry.tools import create_type
from strawberry.types import get_object_definition
from strawberry.utils.str_converters import to_camel_case

from tidemark.api.context import Context
from tidemark.api.fields import field, list_of
from tidemark.api.question import Enums, conditions_of
from tidemark.api.scalars import Values
from tidemark.api.types import Freshness, Grain
from tidemark.experiments import result
from tidemark.experiments.definition import Status
from tidemark.experiments.experiment import Experiment
from tidemark.query.database import Database
from tidemark.query.grain import Grain as Width
from tidemark.query.instant import from_ms
from tidemark.stats import sampleratio

EXPERIMENT: Final = "Experiment"
Info = GraphQLResolveInfo[Context]
Conditions = Sequence[Mapping[str, Any]]
T = TypeVar("T")


class ExperimentStatus(Enum):
    """Whether an experiment counts."""

    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    DRAFT = "DRAFT"


strawberry.enum(ExperimentStatus)
strawberry.enum(result.Decision, name="Verdict")
strawberry.enum(result.Safety, name="Guardrail")


@strawberry.type
class Label:
    """A dimension's value."""

    name: str
    value: str


@strawberry.type
class Variant:
    """One arm; the weight is its part of first exposures now."""

    key: str
    weight: float
    is_control: bool
    users: float


@strawberry.type(description="Is the split the one that was asked for? Always valid, so it may be watched.")
class SampleRatio:
    """Users by variant, in the order of the definition."""

    ok: bool
    p_value: float
    chi_square_p_value: float
    expected: list[float]
    observed: list[float]

    @classmethod
    def of(cls, split: sampleratio.SampleRatio) -> "SampleRatio":
        """The API's form of the test of one slice."""
        return cls(
            ok=bool(split.ok[0]),
            p_value=float(split.p_value[0]),
            chi_square_p_value=float(split.chi_square_p_value[0]),
            expected=split.expected[0].tolist(),
            observed=split.observed[0].tolist(),
        )


@strawberry.type
class Interval:
    """A `tidemark.experiments.result.Interval` is read in its place, as are those of the types below."""

    value: float
    lower: float | None
    upper: float | None


@strawberry.type
class Arm:
    """One variant's users."""

    key: str
    users: float
    mean: float | None
    standard_deviation: float | None
    conversions: float | None


@strawberry.type
class Adjusted:
    """Corrected together."""

    holm: float | None
    benjamini_hochberg: float | None
    e_bh_rejected: bool = strawberry.field(name="eBHRejected")


@strawberry.type
class FixedHorizon:
    """One look."""

    p_value: float
    lift: Interval | None
    statistic: float
    degrees_of_freedom: float | None


@strawberry.type
class Bayesian:
    """The posterior."""

    chance_to_win: float
    expected_loss: float
    prior: str


@strawberry.type
class Result:
    """One metric of one treatment in one slice."""

    metric: str
    variant: str
    slice: list[Label] = strawberry.field(description="The values of by; empty without.")
    control: Arm
    treatment: Arm
    lift: Interval | None = strawberry.field(
        description="Relative to the control's mean; null with a reason code while it is unbounded."
    )
    difference: Interval | None
    p_value: float | None = strawberry.field(
        description="Always valid: may be looked at any time; running minimum."
    )
    e_value: float | None
    adjusted: Adjusted | None = strawberry.field(
        description="Within this experiment's goal metrics, variants and the slices of by."
    )
    verdict: result.Decision
    reasons: list[str] = strawberry.field(
        description="Why there is no verdict, or why not to trust one: machine-readable codes."
    )
    guardrail: result.Safety | None
    fixed_horizon: FixedHorizon | None = strawberry.field(
        description="Fixed-horizon figures; valid only if looked at once, at the planned end."
    )
    bayesian: Bayesian | None = strawberry.field(description="Not protected against peeking.")
    method: str


@strawberry.type
class Series:
    """Columns; value, lower and upper are of the lift."""

    at: Values
    value: Values
    lower: Values
    upper: Values
    p_value: Values
    control_users: Values
    treatment_users: Values


@strawberry.type(
    description="How long until a decision, at the arrival rate of the last hour and of the last day."
)
class Remaining:
    """Of one metric and treatment."""

    users: float | None
    low_seconds: float | None
    high_seconds: float | None
    minimum_detectable_lift: float | None
    reasons: list[str] = strawberry.field(
        description="Those of the result; the figures are null where no users bring a verdict any more."
    )


def experiment_type(enums: Enums, condition: type) -> type:
    """The type Experiment, read from a `tidemark.experiments.experiment.Experiment`."""
    conditions: tuple[Any, list[Any]] = (list_of(condition), [])
    return create_type(
        EXPERIMENT,
        [
            field("id", strawberry.ID),
            field("name", str),
            field("status", ExperimentStatus),
            field("startedAt", datetime | None, "null for drafts."),
            field("alpha", float),
            field(
                "plannedUsers",
                float,
                "The sample size the boundary is tuned for; fixed at the start.",
            ),
            field("variants", list[Variant]),
            field("sampleRatio", SampleRatio, arguments={"slice": conditions, "at": datetime | None}),
            field(
                "results",
                list[Result],
                "Every treatment against the control. slice, by: dimensions frozen at a user's first "
                "exposure; by: one result a value, corrected together.",
                arguments={
                    "metrics": list[str] | None,
                    "slice": conditions,
                    "by": (list_of(enums.dimension), []),
                    "at": datetime | None,
                },
            ),
            field(
                "series",
                Series,
                "The always-valid interval minute by minute: what a rolling chart shows.",
                arguments={
                    "metric": str,
                    "variant": str,
                    "slice": conditions,
                    "grain": (Grain, Width.MINUTE),
                    "from": datetime | None,
                    "to": datetime | None,
                },
            ),
            field(
                "remaining",
                Remaining,
                arguments={"metric": str, "variant": str, "at": datetime | None},
            ),
            field(
                "excludedUsers",
                float,
                "Users seen in more than one variant; they are counted here and nowhere else.",
            ),
            field(
                "isRebuilding",
                bool,
                "Whether numbers are those of the definition before, or not whole yet (REBUILDING).",
            ),
            field("freshness", Freshness),
        ],
    )


def _read(info: Info, work: Callable[[Database], T]) -> Any:  # noqa: ANN401 - an awaitable of T
    return info.context.desk.read(work, info.context.caller)


def _find(_root: object, info: Info, id: str) -> Experiment | None:  # noqa: A002 - its name in GraphQL
    return info.context.desk.experiment(id)


def _all(_root: object, info: Info, status: ExperimentStatus | None = None) -> list[Experiment]:
    return info.context.desk.experiments(Status[status.name] if status else None)


async def _variants(one: Experiment, info: Info) -> list[Variant]:
    users = (await _read(info, one.users)).by_variant
    shares = one.shares()
    return [
        Variant(key=each.key, weight=shares[each.key], is_control=each.is_control, users=users[each.key])
        for each in one.definition.variants
    ]


async def _excluded(one: Experiment, info: Info) -> float:
    excluded: float = (await _read(info, one.users)).excluded
    return excluded


async def _sample_ratio(
    one: Experiment,
    info: Info,
    slice: Conditions = (),  # noqa: A002 - its name in GraphQL
    at: datetime | None = None,
) -> SampleRatio:
    where = conditions_of(slice)
    return SampleRatio.of(await _read(info, lambda database: one.sample_ratio(database, where=where, at=at)))


def _results(
    one: Experiment,
    info: Info,
    slice: Conditions = (),  # noqa: A002 - its name in GraphQL
    by: Sequence[Enum] = (),
    metrics: Sequence[str] | None = None,
    at: datetime | None = None,
) -> Any:  # noqa: ANN401 - an awaitable of results
    where, names = conditions_of(slice), [each.name for each in by]
    return _read(info, lambda database: one.results(database, metrics=metrics, where=where, by=names, at=at))


def _series(one: Experiment, info: Info, metric: str, variant: str, **given: Any) -> Any:  # noqa: ANN401
    where, grain = conditions_of(given.get("slice", ())), Width[given["grain"].name]
    start, end = given.get("from"), given.get("to")
    return _read(
        info,
        lambda database: one.series(
            database, metric=metric, variant=variant, where=where, grain=grain, start=start, end=end
        ),
    )


def _remaining(one: Experiment, info: Info, metric: str, variant: str, at: datetime | None = None) -> Any:  # noqa: ANN401 - an awaitable of what remains
    return _read(info, lambda database: one.remaining(database, metric=metric, variant=variant, at=at))


def _is_rebuilding(one: Experiment, info: Info) -> Any:  # noqa: ANN401 - an awaitable of a bool
    return _read(info, one.is_rebuilding)


def _started(one: Experiment, _info: Info) -> datetime | None:
    definition = one.definition
    is_draft = definition.status is Status.DRAFT or definition.start_ms is None
    return None if is_draft else from_ms(definition.start_ms or 0)


PLAIN: Mapping[str, Mapping[str, str]] = {
    type_.__name__: {
        each.graphql_name or to_camel_case(each.python_name): each.python_name
        for each in get_object_definition(type_, strict=True).fields
    }
    for type_ in (Result, Label, Arm, Interval, Adjusted, FixedHorizon, Bayesian)
}
"""Types whose fields are attributes of what is read in their place; `tidemark.api.execute` reads them so."""
EXPERIMENT_QUERIES: Mapping[str, Callable[..., Any]] = {"experiment": _find, "experiments": _all}
EXPERIMENT_FIELDS: Mapping[str, Callable[..., Any]] = {
    "id": lambda one, _info: one.definition.id,
    "name": lambda one, _info: one.definition.name,
    "status": lambda one, _info: ExperimentStatus[one.definition.status.name],
    "startedAt": _started,
    "alpha": lambda one, _info: one.definition.alpha,
    "plannedUsers": lambda one, _info: float(one.definition.planned_users),
    "variants": _variants,
    "sampleRatio": _sample_ratio,
    "results": _results,
    "series": _series,
    "remaining": _remaining,
    "excludedUsers": _excluded,
    "isRebuilding": _is_rebuilding,
    "freshness": lambda one, _info: Freshness.of(one.freshness, one.freshness.now),
}
