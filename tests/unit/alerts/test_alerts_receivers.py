"""The receivers' file: what it says, and that each mistake is told on its line without a secret."""

import base64
from collections.abc import Sequence
from pathlib import Path

import pytest

from tidemark.alerts.addresses import Allowed, networks
from tidemark.alerts.matcher import Matcher
from tidemark.alerts.receiver import Receiver, ReceiverKind
from tidemark.alerts.receivers import Surroundings, check, load

KEY = b"0123456789abcdef01234567"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
ENVIRONMENT = {
    "SECRET": SECRET,
    "OLD_AND_NEW": f"{SECRET} {SECRET}",
    "BAD": "whsec_c2hvcnQ=",
    "CHAT": "slack://tokena/tokenb/verysecret",
    "MAIL": "mailtos://me:verysecret@example.org",
    "NO_CHAT": "verysecret://x",
    "HOOK": "https://hook.test/verysecret",
}


async def resolver(host: str, _port: int) -> Sequence[str]:
    return {"hook.test": ["8.8.8.8"], "inside.test": ["10.0.0.1"]}.get(host, [])


AROUND = Surroundings(ENVIRONMENT, Allowed(networks(["127.0.0.0/8"])), resolver)
GOOD = """\
receivers:
  - name: marketing_hook
    kind: webhook
    url: {env: HOOK}
    secret: {env: OLD_AND_NEW}
    matchers: [severity=critical, "campaign!=test-*"]
    group_by: [alertname, campaign]
    repeat_every: 4h
    send_resolved: false
  - name: manager
    kind: alertmanager
    urls: ["http://127.0.0.1:9093/", "https://hook.test:9093"]
  - name: chat
    kind: apprise
    url: {env: CHAT}
"""


def problems(content: str) -> list[str]:
    found = check("receivers.yaml", content.encode(), AROUND)
    return [str(one) for one in found if not isinstance(one, Receiver)]


def test_a_file_says_who_is_told_and_how() -> None:
    assert check("receivers.yaml", GOOD.encode(), AROUND) == [
        Receiver(
            name="marketing_hook",
            kind=ReceiverKind.WEBHOOK,
            urls=("https://hook.test/verysecret",),
            keys=(KEY, KEY),
            matchers=(Matcher("severity", "critical"), Matcher("campaign", "test-*", is_equal=False)),
            group_by=("alertname", "campaign"),
            repeat_ms=4 * 3_600_000,
            send_resolved=False,
        ),
        Receiver(
            name="manager",
            kind=ReceiverKind.ALERTMANAGER,
            urls=("http://127.0.0.1:9093", "https://hook.test:9093"),
            repeat_ms=60_000,
        ),
        Receiver(name="chat", kind=ReceiverKind.APPRISE, urls=("slack://tokena/tokenb/verysecret",)),
    ]


def test_a_receiver_never_shows_its_urls_and_keys() -> None:
    shown = repr(check("receivers.yaml", GOOD.encode(), AROUND))
    assert "verysecret" not in shown
    assert "0123456789" not in shown


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    lying = tmp_path / "secret"
    lying.write_text(f"{SECRET}\n")
    content = GOOD.replace("{env: OLD_AND_NEW}", f"{{file: {lying}}}")
    (hook, *_) = check("receivers.yaml", content.encode(), AROUND)
    assert isinstance(hook, Receiver)
    assert hook.keys == (KEY,)


def test_no_receiver_is_right_and_a_file_that_there_is_not_is_told(tmp_path: Path) -> None:
    assert check("receivers.yaml", b"receivers: []", AROUND) == []
    (problem,) = load(tmp_path / "none.yaml", AROUND)
    assert str(problem) == (
        "none.yaml, line 1: the file cannot be read: No such file or directory; correct that, or set "
        "TIDEMARK_RECEIVERS"
    )
    (tmp_path / "receivers.yaml").write_text(GOOD)
    assert len(load(tmp_path / "receivers.yaml", AROUND)) == 3


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("receivers:", "receiver:", "line 1: there is no key receiver; did you mean receivers?"),
        ("kind: webhook", "kind: webhok", "line 3: kind is webhok, which is no kind; did you mean webhook?"),
        ("name: chat", "name: manager", "line 13: the receiver manager stands there twice; rename one"),
        ("name: chat", "name: My Chat", "line 13: name is My Chat; it must be 1 to 40 lower-case letters"),
        ("{env: HOOK}", "http://hook.test/", "line 4: url may not be called: hook.test would be called by"),
        ("{env: HOOK}", "https://inside.test/", "line 4: url may not be called: inside.test is 10.0.0.1"),
        ("{env: HOOK}", "hook.test", "line 4: url is none of http or https with an ASCII host"),
        ("{env: HOOK}", "{env: NONE}", "line 4: url is in the variable NONE, which is not set; set it"),
        ("{env: HOOK}", "{enf: HOOK}", "line 4: url must be {env: NAME} or {file: /path}; write one of them"),
        ("{env: HOOK}", "{env: A, file: B}", "line 4: url must be {env: NAME} or {file: /path}"),
        ("{env: HOOK}", "{file: /none/such}", "line 4: url is in /none/such, which cannot be read: No such"),
        ("secret: {env: OLD_AND_NEW}", f"secret: {SECRET}", "line 5: secret must not stand in the file"),
        ("{env: OLD_AND_NEW}", "{env: BAD}", "line 5: secret is no whsec_… with base64 of 24 to 64 bytes"),
        ("    secret: {env: OLD_AND_NEW}\n", "", "line 2: secret is missing; write secret: {env: NAME}"),
        ("[severity=critical,", "[severity,", "line 6: 'severity' is no matcher; write label=value"),
        ("[severity=critical,", "[severity=~crit,", "line 6: 'severity=~crit' is a regular expression"),
        ("[alertname, campaign]", "[alert name]", "line 7: group_by has alert name, which is no label"),
        ("4h", "4 hours", "line 8: repeat_every is 4 hours; it must be a length such as 90m"),
        ("send_resolved: false", "send_resolved: perhaps", "line 9: send_resolved is perhaps, which is no"),
        ("kind: alertmanager", "kind: alertmanager\n    repeat_every: 1h", "must be told again within 3m"),
        ("kind: alertmanager", "kind: alertmanager\n    secret: {env: SECRET}", "alertmanager has no secret"),
        ('["http://127.0.0.1:9093/", "https://hook.test:9093"]', "[]", "line 12: urls has none that can be"),
        ("127.0.0.1:9093", "10.0.0.1:9093", "line 12: a URL may not be called: 10.0.0.1 is 10.0.0.1, which"),
        ("{env: CHAT}", "{env: NO_CHAT}", "line 15: url is no URL that Apprise understands"),
        ("    url: {env: CHAT}\n", "", "line 13: url is missing; write url: {env: NAME}, one of Apprise's"),
    ],
)
def test_a_mistake_is_told_on_its_line_without_a_secret(old: str, new: str, told: str) -> None:
    assert old in GOOD
    found = problems(GOOD.replace(old, new, 1))
    assert any(told in one for one in found), found
    assert "verysecret" not in str(found)
    assert base64.b64encode(KEY).decode() not in str(found)


def test_one_mistake_does_not_hide_the_next() -> None:
    broken = (
        GOOD.replace("4h", "never").replace("{env: CHAT}", "{env: NONE}").replace("kind: alert", "kind: x")
    )
    assert len(problems(broken)) >= 3
