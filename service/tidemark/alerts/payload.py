"""What receivers are sent.

Alertmanager's webhook payload, version 4, and ``POST /api/v2/alerts`` (prometheus.io/docs/alerting:
"configuration", ``webhook_config``, and "clients"), and text for people.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from tidemark.alerts.alert import Alert, Told
from tidemark.alerts.rule import Severity
from tidemark.alerts.series import Kind, Phase

MAX_ALERTS = 1000
"""Of one webhook; what is more is counted in ``truncatedAlerts``."""
_MAX_LINES = 20
_FNV_START, _FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3  # FNV-1a of 64 bits
_NO_END = "0001-01-01T00:00:00Z"  # Go's zero time, which Alertmanager sends for alerts that fire
_WORDS = {Kind.FIRED: "firing", Kind.RESOLVED: "resolved", Kind.CORRECTED: "corrected"}


def webhook(
    receiver: str, group_key: str, group_labels: Mapping[str, str], told: Sequence[Told], external_url: str
) -> str:
    """The payload of a webhook, JSON: status ``firing`` where one of its alerts fires."""
    sent = told[:MAX_ALERTS]
    body = {
        "version": "4",
        "groupKey": group_key,
        "truncatedAlerts": len(told) - len(sent),
        "status": "firing" if any(_fires(one) for one in told) else "resolved",
        "receiver": receiver,
        "groupLabels": group_labels,
        "commonLabels": _common([one.alert.labels for one in told]),
        "commonAnnotations": _common([_annotations(one.alert) for one in told]),
        "externalURL": external_url,
        "alerts": [
            {
                "status": "firing" if _fires(one) else "resolved",
                "labels": dict(one.alert.labels),
                "annotations": _annotations(one.alert),
                "startsAt": _rfc3339(one.alert.fired_ms),
                "endsAt": _NO_END if one.alert.resolved_ms is None else _rfc3339(one.alert.resolved_ms),
                "generatorURL": external_url,
                "fingerprint": _fingerprint(one.alert.labels),
            }
            for one in sent
        ],
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def alertmanager(told: Sequence[Told], external_url: str, now_ms: int) -> str:
    """The body of ``POST /api/v2/alerts``, JSON.

    An alert that fires has no ``endsAt``: Alertmanager lets it end when it did not hear of it for its
    ``resolve_timeout`` (5 minutes), so it is sent again oftener than that. One whose window is not full yet
    begins now: Alertmanager refuses what begins after that timeout.

    Args:
        told: what is said.
        external_url: where people find the service.
        now_ms: Unix ms of the wall clock.
    """
    alerts = []
    for one in told:
        alert = {
            "labels": dict(one.alert.labels),
            "annotations": _annotations(one.alert),
            "startsAt": _rfc3339(min(one.alert.fired_ms, now_ms)),
            "generatorURL": external_url,
        }
        if one.alert.resolved_ms is not None:
            alert["endsAt"] = _rfc3339(max(one.alert.resolved_ms, one.alert.fired_ms))
        alerts.append(alert)
    return json.dumps(alerts, ensure_ascii=False, separators=(",", ":"))


def message(told: Sequence[Told]) -> str:
    """Text for a chat or a mail, JSON: ``title``, ``body`` and Apprise's ``type``."""
    title = _title(told)
    lines = [_line(one) for one in told[:_MAX_LINES]]
    if len(told) > _MAX_LINES:
        lines.append(f"… and {len(told) - _MAX_LINES:,} more")
    body = {"title": title, "body": "\n\n".join(lines), "type": _type(told)}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _fires(told: Told) -> bool:
    return told.alert.phase is Phase.FIRING


def _title(told: Sequence[Told]) -> str:
    kinds = [_WORDS[one.kind] for one in told]
    if len(told) == 1:
        return f"{kinds[0].upper()}: {told[0].alert.summary}"
    counts = ", ".join(f"{kinds.count(word)} {word}" for word in _WORDS.values() if word in kinds)
    rules = sorted({one.alert.rule for one in told})
    return f"{counts}: {', '.join(rules[:3])}{' …' if len(rules) > 3 else ''}"  # noqa: PLR2004 - as sliced


def _line(told: Told) -> str:
    alert = told.alert
    labels = ", ".join(f"{name} {value}" for name, value in alert.series if value)
    ended = "" if alert.resolved_ms is None else f", until {_minute(alert.resolved_ms)}"
    parts = (
        f"[{_WORDS[told.kind]}, {alert.severity.value.lower()}] {alert.summary}",
        alert.annotations.get("description", ""),
        f"{labels}{'; ' if labels else ''}since {_minute(alert.fired_ms)}{ended} (the data's clock, UTC)",
        f"Why: {alert.reason}" if alert.reason else "",
    )
    return "\n".join(filter(None, parts))


def _type(told: Sequence[Told]) -> str:
    firing = [one.alert.severity for one in told if _fires(one)]
    if not firing:
        return "success"
    if Severity.CRITICAL in firing:
        return "failure"
    return "warning" if Severity.WARNING in firing else "info"


def _annotations(alert: Alert) -> dict[str, str]:
    told = dict(alert.annotations)
    return {**told, "reason": alert.reason} if alert.reason else told


def _common(every: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first, *rest = every
    return {name: value for name, value in first.items() if all(one.get(name) == value for one in rest)}


def _fingerprint(labels: Mapping[str, str]) -> str:
    """What Alertmanager calls an alert: FNV-1a over its labels (prometheus/common, ``LabelSet.Fingerprint``).

    To it a label without a value is none.
    """
    found = _FNV_START
    for name, value in sorted(labels.items()):
        if value:
            for byte in b"%b\xff%b\xff" % (name.encode(), value.encode()):
                found = (found ^ byte) * _FNV_PRIME & 0xFFFFFFFFFFFFFFFF
    return f"{found:016x}"


def _rfc3339(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def _minute(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%d %H:%M}"
