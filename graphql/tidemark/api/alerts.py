"""The type Alert: what fires, what may soon, and what did."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import strawberry
from graphql import GraphQLResolveInfo

from tidemark.alerts.rule import Severity
from tidemark.alerts.serving import AlertState, Shown
from tidemark.api.context import Context
from tidemark.api.experiments import Label
from tidemark.query.instant import from_ms

Info = GraphQLResolveInfo[Context]
MOST: Final = 1_000

strawberry.enum(AlertState)
strawberry.enum(Severity)


@strawberry.type(description="What a rule says of one series.")
class Alert:
    """See `tidemark.alerts.serving.Shown`."""

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


async def alerts(_root: object, info: Info, states: Sequence[AlertState] | None = None) -> list[Alert]:
    """The alerts in these states, what fires first."""
    found = await info.context.desk.alerts(states, info.context.caller)
    return [Alert.of(one) for one in found[:MOST]]
