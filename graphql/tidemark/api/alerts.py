"""Alerts: what fires, what may soon, and what did; and what people say about them."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import strawberry
from graphql import GraphQLResolveInfo

from tidemark.alerts import matcher, serving
from tidemark.alerts.rule import Severity
from tidemark.alerts.shown import AlertState, Shown
from tidemark.api.context import Context
from tidemark.api.experiments import Label
from tidemark.api.fields import field, list_of
from tidemark.desk.feed import Tidings
from tidemark.query.instant import from_ms

Info = GraphQLResolveInfo[Context]
_DEAD: Final = 100

strawberry.enum(AlertState)
strawberry.enum(Severity)


@strawberry.type(description="What a rule says of one series.")
class Alert:
    """See `tidemark.alerts.shown.Shown`."""

    id: strawberry.ID | None = strawberry.field(
        description="By which it is acknowledged; null of one that never fired."
    )
    rule: str
    labels: list[Label]
    state: AlertState
    severity: Severity
    value: float | None
    threshold: float | None = strawberry.field(description="null where the condition has no single one.")
    summary: str
    since: datetime
    complete_through: datetime | None = strawberry.field(
        description="The data clock the decision was taken on."
    )
    acknowledged_by: str | None

    @classmethod
    def of(cls, shown: Shown) -> "Alert":
        """The API's form."""
        return cls(
            id=strawberry.ID(shown.id) if shown.id else None,
            rule=shown.rule,
            labels=[Label(name=name, value=value) for name, value in shown.labels.items()],
            state=shown.state,
            severity=shown.severity,
            value=shown.value,
            threshold=shown.threshold,
            summary=shown.summary,
            since=from_ms(shown.since_ms),
            complete_through=None if shown.decided_ms is None else from_ms(shown.decided_ms),
            acknowledged_by=shown.acknowledged_by,
        )


@strawberry.type(
    description="That nobody is told of some alerts for a while; they are recorded all the same."
)
class Silence:
    """See `tidemark.alerts.matcher.Silence`; instants are of the wall clock."""

    id: strawberry.ID
    matchers: list[str] = strawberry.field(description="label=value or label!=value; all must hold.")
    starts_at: datetime
    ends_at: datetime
    reason: str
    by: str

    @classmethod
    def of(cls, silence: matcher.Silence) -> "Silence":
        """The API's form."""
        return cls(
            id=strawberry.ID(silence.id),
            matchers=list(map(str, silence.matchers)),
            starts_at=from_ms(silence.starts_ms),
            ends_at=from_ms(silence.ends_ms),
            reason=silence.reason,
            by=silence.by,
        )


@strawberry.type(description="A notification that its receiver did not take, and that is not tried again.")
class DeadNotification:
    """See `tidemark.alerts.serving.Dead`; instants are of the wall clock."""

    id: strawberry.ID = strawberry.field(description="By which it is replayed; a webhook's webhook-id.")
    receiver: str = strawberry.field(description="Who was to be told.")
    alerts: list[Alert] = strawberry.field(
        description="What of, as they are now; those that were forgotten since are left out."
    )
    error: str = strawberry.field(description="Why it died.")
    attempts: int
    created_at: datetime
    died_at: datetime | None

    @classmethod
    def of(cls, dead: serving.Dead) -> "DeadNotification":
        """The API's form."""
        posted = dead.posted
        return cls(
            id=strawberry.ID(posted.notification.id),
            receiver=posted.notification.receiver,
            alerts=list(map(Alert.of, dead.alerts)),
            error=posted.error,
            attempts=posted.attempts,
            created_at=from_ms(posted.created_ms),
            died_at=None if posted.ended_ms is None else from_ms(posted.ended_ms),
        )


_STATES: Final = {"states": list_of(AlertState) | None}
QUERY: Final = (
    field(
        "alerts",
        list_of(Alert),
        "At most 1,000, what fires first; without states all but INACTIVE.",
        arguments=_STATES,
    ),
    field("silences", list_of(Silence), "Those in force, by their ends."),
    field(
        "deadNotifications",
        list_of(DeadNotification),
        "What no receiver took, the newest first, until it is replayed or forgotten; at most 1,000.",
        arguments={"first": (int, _DEAD)},
    ),
)
MUTATION: Final = (
    field(
        "acknowledge",
        Alert,
        "Say who looks after an alert; it is repeated no more, but to Alertmanager.",
        arguments={"alert": strawberry.ID, "by": str},
    ),
    field(
        "silence",
        Silence,
        "Tell nobody of the alerts that all matchers match, for so many seconds or until then.",
        arguments={
            "matchers": list[str],
            "reason": str,
            "by": str,
            "seconds": int | None,
            "until": datetime | None,
        },
    ),
    field(
        "unsilence",
        Silence,
        "End a silence now; what still fires is told within seconds.",
        arguments={"silence": strawberry.ID},
    ),
    field(
        "replay",
        int,
        "Send dead notifications again, with the ids they had: these, or all. How many there were.",
        arguments={"notifications": list[strawberry.ID] | None},
    ),
)
SUBSCRIPTION: Final = (
    field(
        "alerts",
        Alert,
        "Each alert in these states (at most 1,000; without states all but INACTIVE), then each whose state, "
        "value, summary or acknowledgement changes; one that leaves the states comes once more.",
        arguments=_STATES,
    ),
)


async def _alerts(_root: object, info: Info, states: Sequence[AlertState] | None = None) -> list[Alert]:
    found = await info.context.desk.tend(lambda one: one.alerts(states), info.context.caller)
    return [Alert.of(one) for one in found[: serving.MOST]]


async def _silences(_root: object, info: Info) -> list[Silence]:
    found = await info.context.desk.tend(lambda one: one.silences(), info.context.caller)
    return [Silence.of(one) for one in found]


async def _dead(_root: object, info: Info, first: int) -> list[DeadNotification]:
    found = await info.context.desk.tend(lambda one: one.dead(first), info.context.caller)
    return [DeadNotification.of(one) for one in found]


async def _acknowledge(_root: object, info: Info, alert: str, by: str) -> Alert:
    desk, caller = info.context.desk, info.context.caller
    return Alert.of(await desk.tend(lambda one: one.acknowledge(alert, by), caller, writes=True))


async def _silence(
    _root: object,
    info: Info,
    matchers: Sequence[str],
    reason: str,
    by: str,
    seconds: int | None = None,
    until: datetime | None = None,
) -> Silence:
    made = await info.context.desk.tend(
        lambda one: one.silence(matchers, seconds, until, reason, by), info.context.caller, writes=True
    )
    return Silence.of(made)


async def _unsilence(_root: object, info: Info, silence: str) -> Silence:
    desk, caller = info.context.desk, info.context.caller
    return Silence.of(await desk.tend(lambda one: one.unsilence(silence), caller, writes=True))


async def _replay(_root: object, info: Info, notifications: Sequence[str] | None = None) -> int:
    desk, caller = info.context.desk, info.context.caller
    return await desk.tend(lambda one: one.replay(notifications), caller, writes=True)


def follow(_root: object, info: Info, states: Sequence[AlertState] | None = None) -> AsyncIterator[Tidings]:
    """What the subscription `alerts` yields."""
    wanted = set(AlertState) - {AlertState.INACTIVE} if states is None else states
    return info.context.desk.follow(wanted, info.context.caller)


def told(tidings: Tidings, _info: object, **_: object) -> Alert | Exception:
    """One of those, as the API gives it; an error is that of its response."""
    return tidings if isinstance(tidings, Exception) else Alert.of(tidings)


QUERIES: Mapping[str, Callable[..., Any]] = {
    "alerts": _alerts,
    "silences": _silences,
    "deadNotifications": _dead,
}
MUTATIONS: Mapping[str, Callable[..., Any]] = {
    "acknowledge": _acknowledge,
    "silence": _silence,
    "unsilence": _unsilence,
    "replay": _replay,
}
