"""Who is told of alerts, and how. As read from operators' configuration, all of it checked."""

from dataclasses import dataclass, field
from enum import StrEnum

from tidemark.alerts.matcher import Matcher


class ReceiverKind(StrEnum):
    """What is spoken to it."""

    ALERTMANAGER = "alertmanager"
    WEBHOOK = "webhook"
    APPRISE = "apprise"


@dataclass(frozen=True, slots=True)
class Receiver:
    """One receiver. Its URLs may hold secrets, so that it never shows them.

    Attributes:
        name: unique.
        kind: what is spoken to it.
        urls: one; of Alertmanagers that work together all, the API's path left out.
        keys: of webhooks: what they are signed with, the newest first; one signature each.
        matchers: it is told of alerts that match all of these.
        group_by: labels; changes of a tick whose values of these are the same come as one notification.
        repeat_ms: a firing alert is told again after so long on the wall clock; None: never.
        send_resolved: whether it is told of ends, too.
    """

    name: str
    kind: ReceiverKind
    urls: tuple[str, ...] = field(repr=False)
    keys: tuple[bytes, ...] = field(default=(), repr=False)
    matchers: tuple[Matcher, ...] = ()
    group_by: tuple[str, ...] = ("alertname",)
    repeat_ms: int | None = None
    send_resolved: bool = True


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing that one receiver is told: a row of the outbox.

    Attributes:
        id: UUID; the ``webhook-id``, the same however often it is sent.
        receiver: the receiver's name.
        group_key: notifications of a receiver with the same one are sent in order.
        alerts: ids of those that it tells of.
        payload: what is sent, text.
        is_repeat: whether it only says again what was said.
    """

    id: str
    receiver: str
    group_key: str
    alerts: tuple[str, ...]
    payload: str
    is_repeat: bool = False
