"""Who is told what, and in what words."""

import json
from dataclasses import replace
from typing import Any

from alert_story import CHAT, HOOK, MANAGER, MINUTE, alert, router
from tidemark.alerts.alert import Acknowledgement, Alert, Told
from tidemark.alerts.matcher import Matcher, Silence, parse
from tidemark.alerts.receiver import Notification
from tidemark.alerts.routing import LastTold
from tidemark.alerts.rule import Severity
from tidemark.alerts.series import Kind

NOBODY: frozenset[tuple[str, str]] = frozenset()
SILENCE = Silence("s", (Matcher("campaign", "sum*"),), 0, 10_000, "known", "ann")


def told(one: Alert, kind: Kind = Kind.FIRED) -> Told:
    ended = {} if kind is Kind.FIRED else {"resolved_ms": 2 * MINUTE}
    if kind is Kind.CORRECTED:
        ended |= {"corrected_ms": 3 * MINUTE}
    return Told(replace(one, **ended), kind)  # type: ignore[arg-type]


def body(notification: Notification) -> Any:
    return json.loads(notification.payload)


def test_changes_of_a_tick_with_the_same_group_key_are_one_notification() -> None:
    both = [told(alert("summer")), told(alert("winter"))]
    (one,) = router(HOOK).changes(MINUTE, both, [], NOBODY, 0)
    assert one.alerts == tuple(each.alert.id for each in both)
    by_campaign = replace(HOOK, group_by=("campaign",))
    assert len(router(by_campaign).changes(MINUTE, both, [], NOBODY, 0)) == 2
    assert one.group_key == '{}:{alertname="Spend"}'


def test_ids_are_the_same_whenever_the_tick_is_judged_and_differ_by_receiver_tick_and_kind() -> None:
    one = [told(alert())]
    known = {(alert().id, "hook"), (alert().id, "chat")}
    again = [router(HOOK, CHAT).changes(MINUTE, one, [], NOBODY, now)[0].id for now in (0, 9_999_999)]
    assert again[0] == again[1]
    ids = {
        *again,
        router(CHAT).changes(MINUTE, one, [], NOBODY, 0)[0].id,
        router(HOOK).changes(2 * MINUTE, one, [], NOBODY, 0)[0].id,
        router(HOOK).changes(MINUTE, [told(alert(), Kind.RESOLVED)], [], known, 0)[0].id,
        router(HOOK).changes(MINUTE, [told(alert(), Kind.CORRECTED)], [], known, 0)[0].id,
    }
    assert len(ids) == 5


def test_matchers_choose_the_alerts_that_a_receiver_is_told_of() -> None:
    critical = replace(HOOK, matchers=(parse("severity=critical"), parse("campaign!=test-*")))
    every = [
        told(alert("summer", severity=Severity.CRITICAL)),
        told(alert("test-1", severity=Severity.CRITICAL)),
        told(alert("winter")),
    ]
    (one,) = router(critical).changes(MINUTE, every, [], NOBODY, 0)
    assert one.alerts == (every[0].alert.id,)


def test_an_end_is_told_to_those_who_were_told_that_it_fires_and_want_to_know() -> None:
    end = [told(alert(), Kind.RESOLVED)]
    assert router(HOOK).changes(MINUTE, end, [], NOBODY, 0) == []
    known = {(alert().id, "hook")}
    assert len(router(HOOK, CHAT).changes(MINUTE, end, [], known, 0)) == 1
    assert router(replace(HOOK, send_resolved=False)).changes(MINUTE, end, [], known, 0) == []


def test_a_silenced_alert_is_not_told_but_its_end_is_to_those_who_know_it() -> None:
    both = [told(alert("summer")), told(alert("winter"))]
    (one,) = router(HOOK).changes(MINUTE, both, [SILENCE], NOBODY, 5_000)
    assert one.alerts == (both[1].alert.id,)
    assert router(HOOK).changes(MINUTE, both[:1], [SILENCE], NOBODY, 10_000) != []
    end = [told(alert("summer"), Kind.RESOLVED)]
    assert len(router(HOOK).changes(MINUTE, end, [SILENCE], {(alert("summer").id, "hook")}, 5_000)) == 1


def test_what_fires_is_told_again_after_the_interval_with_an_id_that_counts() -> None:
    one = alert()
    say = router(CHAT).repeats
    first = {(one.id, "chat"): LastTold(0, 0)}
    assert say([one], [], first, NOBODY, 999) == []
    (second,) = say([one], [], first, NOBODY, 1000)
    assert second.is_repeat
    assert say([one], [], first, NOBODY, 5000)[0].id == second.id
    (third,) = say([one], [], {(one.id, "chat"): LastTold(1000, 1)}, NOBODY, 2000)
    assert third.id != second.id
    assert router(HOOK).repeats([one], [], {(one.id, "hook"): LastTold(0, 0)}, NOBODY, 10**12) == []


def test_a_repetition_waits_for_what_has_not_been_taken() -> None:
    waiting = {("chat", '{}:{alertname="Spend"}')}
    assert router(CHAT).repeats([alert()], [], {(alert().id, "chat"): LastTold(0, 0)}, waiting, 5000) == []


def test_an_alert_is_told_when_its_silence_is_over_and_to_a_receiver_that_is_new() -> None:
    silence = replace(SILENCE, ends_ms=100)
    assert router(HOOK).repeats([alert()], [silence], {}, NOBODY, 99) == []
    assert len(router(HOOK).repeats([alert()], [silence], {}, NOBODY, 100)) == 1


def test_an_acknowledged_alert_is_repeated_to_alertmanager_only() -> None:
    one = replace(alert(), acknowledgement=Acknowledgement("ann", 0))
    last = {(one.id, "chat"): LastTold(0, 0), (one.id, "manager"): LastTold(0, 0)}
    (only,) = router(CHAT, MANAGER).repeats([one], [], last, NOBODY, 5000)
    assert only.receiver == "manager"


def test_a_webhook_has_alertmanagers_fourth_payload() -> None:
    every = [
        told(alert("summer")),
        told(replace(alert("winter"), reason="late data"), Kind.CORRECTED),
    ]
    known = {(alert("winter").id, "hook")}
    sent = body(router(HOOK).changes(MINUTE, every, [], known, 0)[0])
    assert sent == {
        "version": "4",
        "groupKey": '{}:{alertname="Spend"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "hook",
        "groupLabels": {"alertname": "Spend"},
        "commonLabels": {"alertname": "Spend", "severity": "warning", "team": "growth"},
        "commonAnnotations": {"description": "more than it may"},
        "externalURL": "https://tidemark.test",
        "alerts": sent["alerts"],
    }
    firing, corrected = sent["alerts"]
    assert firing == {
        "status": "firing",
        "labels": {"alertname": "Spend", "campaign": "summer", "severity": "warning", "team": "growth"},
        "annotations": {"summary": "summer spends", "description": "more than it may"},
        "startsAt": "1970-01-01T00:01:00.000Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://tidemark.test",
        "fingerprint": firing["fingerprint"],
    }
    assert corrected["status"] == "resolved"
    assert corrected["endsAt"] == "1970-01-01T00:02:00.000Z"
    assert corrected["annotations"]["reason"] == "late data"


def test_a_webhook_with_too_many_alerts_counts_those_that_it_leaves_out() -> None:
    every = [told(alert(f"c{number}")) for number in range(1003)]
    sent = body(router(HOOK).changes(MINUTE, every, [], NOBODY, 0)[0])
    assert (len(sent["alerts"]), sent["truncatedAlerts"]) == (1000, 3)


def test_alertmanager_is_given_an_end_only_when_there_is_one() -> None:
    (firing,) = body(router(MANAGER).changes(MINUTE, [told(alert())], [], NOBODY, MINUTE)[0])
    assert "endsAt" not in firing
    assert firing["startsAt"] == "1970-01-01T00:01:00.000Z"
    known = {(alert().id, "manager")}
    (ended,) = body(router(MANAGER).changes(MINUTE, [told(alert(), Kind.RESOLVED)], [], known, MINUTE)[0])
    assert ended["endsAt"] == "1970-01-01T00:02:00.000Z"
    assert ended["labels"]["alertname"] == "Spend"


def test_to_alertmanager_no_alert_begins_later_than_now() -> None:
    (firing,) = body(router(MANAGER).changes(MINUTE, [told(alert())], [], NOBODY, 1_500)[0])
    assert firing["startsAt"] == "1970-01-01T00:00:01.500Z"
    (again,) = router(MANAGER).repeats([alert()], [], {}, NOBODY, 10**12)
    assert body(again)[0]["startsAt"] == "1970-01-01T00:01:00.000Z"


def test_alertmanager_is_told_of_a_correction_only_where_it_ends_the_alert() -> None:
    known = {(alert().id, one) for one in ("hook", "manager")}
    ends = told(alert(), Kind.CORRECTED)
    ends = replace(ends, alert=replace(ends.alert, corrected_ms=ends.alert.resolved_ms))
    both = router(HOOK, MANAGER).changes(3 * MINUTE, [ends], [], known, 0)
    assert [one.receiver for one in both] == ["hook", "manager"]
    ended = replace(ends, alert=replace(ends.alert, corrected_ms=MINUTE))
    (only,) = router(HOOK, MANAGER).changes(3 * MINUTE, [ended], [], known, 0)
    assert only.receiver == "hook"


def test_a_group_has_alertmanagers_key_and_no_label_that_the_alert_has_not() -> None:
    hook = replace(HOOK, group_by=("severity", "owner", "campaign"))
    sent = body(router(hook).changes(MINUTE, [told(alert('the "größe"'))], [], NOBODY, 0)[0])
    assert sent["groupLabels"] == {"campaign": 'the "größe"', "severity": "warning"}
    assert sent["groupKey"] == '{}:{campaign="the \\"größe\\"", severity="warning"}'


def test_an_alerts_fingerprint_is_the_one_that_alertmanager_gives_it() -> None:
    (sent,) = body(router(HOOK).changes(MINUTE, [told(alert("größe"))], [], NOBODY, 0)[0])["alerts"]
    assert sent["fingerprint"] == "28b718a046a0bdc2"


def test_people_are_told_in_words() -> None:
    sent = body(router(CHAT).changes(MINUTE, [told(alert())], [], NOBODY, 0)[0])
    assert sent == {
        "title": "FIRING: summer spends",
        "body": "[firing, warning] summer spends\nmore than it may\n"
        "campaign summer; since 1970-01-01 00:01 (the data's clock, UTC)",
        "type": "warning",
    }


def test_a_message_about_many_says_how_many_and_lists_some() -> None:
    known = {(alert("c0").id, "chat")}
    every = [told(alert("c0"), Kind.RESOLVED), *(told(alert(f"c{number}")) for number in range(1, 31))]
    sent = body(router(CHAT).changes(MINUTE, every, [], known, 0)[0])
    assert sent["title"] == "30 firing, 1 resolved: Spend"
    assert sent["body"].endswith("… and 11 more")
    assert sent["type"] == "warning"
