"""Which receivers are told what, and as how many notifications. Pure: the same in, the same out, ids too."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tidemark.alerts import payload
from tidemark.alerts.alert import Alert, Told, ids
from tidemark.alerts.identity import notification_id, repeat_id
from tidemark.alerts.matcher import Silence, matches
from tidemark.alerts.receiver import Notification, Receiver, ReceiverKind
from tidemark.alerts.series import Kind

Pair = tuple[str, str]
"""An alert's id and a receiver's name."""


@dataclass(frozen=True, slots=True)
class LastTold:
    """When a receiver was last told that an alert fires.

    Attributes:
        at_ms: Unix ms of the wall clock.
        repeats: how often it was repeated.
    """

    at_ms: int
    repeats: int


@dataclass(frozen=True, slots=True)
class Router:
    """The receivers that there are.

    Attributes:
        receivers: each name once.
        external_url: where people find the service; notifications link to it.
    """

    receivers: tuple[Receiver, ...]
    external_url: str

    def changes(
        self,
        at_ms: int,
        told: Sequence[Told],
        silences: Sequence[Silence],
        known: AbstractSet[Pair],
        now_ms: int,
    ) -> list[Notification]:
        """What is said about the changes of a tick.

        An alert that fires under a silence is not told; its end is told to those who were told that it fires.
        Alertmanager knows an alert by its labels alone, so that of one that has ended it is told no more: it
        would take that for the end of the one that may fire now.

        Args:
            at_ms: the tick.
            told: the changes, in order.
            silences: all that may be in force.
            known: who was told before which alert fires.
            now_ms: Unix ms of the wall clock, for the silences and for Alertmanager.
        """
        quiet = {one.alert.id for one in told if _is_silenced(one.alert, silences, now_ms)}
        notifications = []
        for receiver in self.receivers:
            due: dict[str, Told] = {}
            for one in told:
                alert = one.alert
                if one.kind is Kind.FIRED:
                    is_due = alert.id not in quiet and matches(receiver.matchers, alert.labels)
                else:
                    is_due = (
                        receiver.send_resolved
                        and ((alert.id, receiver.name) in known or alert.id in due)
                        and not (receiver.kind is ReceiverKind.ALERTMANAGER and _had_ended(one))
                    )
                if is_due:
                    due[alert.id] = one
            for key, labels, group in _groups(receiver, due.values()):
                kinds = [(one.alert.id, one.kind) for one in group]
                named = notification_id(receiver.name, key, at_ms, kinds)
                notifications.append(self._notification(receiver, named, key, labels, group, now_ms))
        return notifications

    def repeats(
        self,
        firing: Sequence[Alert],
        silences: Sequence[Silence],
        last: Mapping[Pair, LastTold],
        waiting: AbstractSet[tuple[str, str]],
        now_ms: int,
    ) -> list[Notification]:
        """What is said again, or now that a silence is over or a receiver is new.

        An acknowledged alert is not repeated, but to Alertmanager, which would take it for resolved.

        Args:
            firing: all alerts that fire.
            silences: all that may be in force.
            last: when who was told of which.
            waiting: receivers and group keys of which a notification has not been taken yet; it comes first.
            now_ms: Unix ms of the wall clock.
        """
        notifications = []
        loud = [one for one in firing if not _is_silenced(one, silences, now_ms)]
        for receiver in self.receivers:
            due = [one for one in loud if _is_due(receiver, one, last.get((one.id, receiver.name)), now_ms)]
            for key, labels, group in _groups(receiver, [Told(one, Kind.FIRED) for one in due]):
                if (receiver.name, key) in waiting:
                    continue
                before = {one.alert.id: last.get((one.alert.id, receiver.name)) for one in group}
                counts = {one: was.repeats + 1 if was else 0 for one, was in before.items()}
                named = repeat_id(receiver.name, key, counts)
                notifications.append(
                    self._notification(receiver, named, key, labels, group, now_ms, is_repeat=True)
                )
        return notifications

    def _notification(
        self,
        receiver: Receiver,
        named: str,
        key: str,
        labels: Mapping[str, str],
        group: Sequence[Told],
        now_ms: int,
        *,
        is_repeat: bool = False,
    ) -> Notification:
        match receiver.kind:
            case ReceiverKind.WEBHOOK:
                sent = payload.webhook(receiver.name, key, labels, group, self.external_url)
            case ReceiverKind.ALERTMANAGER:
                sent = payload.alertmanager(group, self.external_url, now_ms)
            case ReceiverKind.APPRISE:
                sent = payload.message(group)
        alerts = ids(one.alert for one in group)
        return Notification(named, receiver.name, key, alerts, sent, is_repeat)


def _is_due(receiver: Receiver, alert: Alert, last: LastTold | None, now_ms: int) -> bool:
    if alert.acknowledgement is not None and receiver.kind is not ReceiverKind.ALERTMANAGER:
        return False
    if last is None:
        return matches(receiver.matchers, alert.labels)
    return receiver.repeat_ms is not None and now_ms - last.at_ms >= receiver.repeat_ms


def _had_ended(told: Told) -> bool:
    """Whether it corrects what ended before; a correction that ends an alert ends it at its own tick."""
    return told.kind is Kind.CORRECTED and told.alert.resolved_ms != told.alert.corrected_ms


def _is_silenced(alert: Alert, silences: Iterable[Silence], now_ms: int) -> bool:
    return any(silence.covers(alert.labels, now_ms) for silence in silences)


def _groups(receiver: Receiver, told: Iterable[Told]) -> Iterator[tuple[str, dict[str, str], list[Told]]]:
    """Key, labels and members of each group, in the order of their first members.

    Key and labels are as Alertmanager makes them: a label that the alert does not have is left out.
    """
    groups: dict[str, tuple[dict[str, str], list[Told]]] = {}
    for one in told:
        labels = {name: value for name in sorted(receiver.group_by) if (value := one.alert.labels.get(name))}
        inside = ", ".join(
            f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items()
        )
        groups.setdefault(f"{{}}:{{{inside}}}", (labels, []))[1].append(one)
    for key, (labels, members) in groups.items():
        yield key, labels, members
