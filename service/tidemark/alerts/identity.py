"""Names of alerts and notifications that come out the same whenever a tick is judged again."""

import json
from collections.abc import Iterable, Mapping
from uuid import UUID, uuid5

from tidemark.alerts.series import Kind, Labels

_ALERTS = UUID("0e1c7d5e-8f3b-5b61-9f6c-3a5d1d7a0b01")
_NOTIFICATIONS = UUID("0e1c7d5e-8f3b-5b61-9f6c-3a5d1d7a0b02")


def alert_id(fingerprint: str, series: Labels, fired_ms: int) -> str:
    """The id of the alert that a rule's series has from a tick on."""
    return str(uuid5(_ALERTS, canonical([fingerprint, series, fired_ms])))


def notification_id(receiver: str, group_key: str, at_ms: int, told: Iterable[tuple[str, Kind]]) -> str:
    """The id, and ``webhook-id``, of what a receiver is told at a tick about a group.

    Args:
        receiver: its name.
        group_key: of the group.
        at_ms: the tick.
        told: ids of alerts, each with what happened to it.
    """
    return str(uuid5(_NOTIFICATIONS, canonical([receiver, group_key, at_ms, sorted(told)])))


def repeat_id(receiver: str, group_key: str, repeats: Mapping[str, int]) -> str:
    """The id of a repetition: ids of alerts, each with how often it was repeated, this time included."""
    return str(uuid5(_NOTIFICATIONS, canonical([receiver, group_key, sorted(repeats.items())])))


def canonical(value: object) -> str:
    """JSON without blanks, in which equal values have equal texts."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
