"""The receivers' file, read and checked: ``catalogue/receivers.yaml``, or what TIDEMARK_RECEIVERS names.

What is secret does not stand in it but in an environment variable or a file: ``{env: NAME}``,
``{file: /run/secrets/name}``. No problem that is told shows a value of these.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import anyio
from yaml import ScalarNode

from tidemark.alerts.addresses import Allowed, Resolve, check_url, resolve
from tidemark.alerts.matcher import MAX_MATCHERS, Matcher, parse
from tidemark.alerts.receiver import Receiver, ReceiverKind
from tidemark.alerts.signature import keys
from tidemark.declared.entry import (
    Document,
    Entry,
    MistakeError,
    Node,
    Sheet,
    compose,
    items,
    line_of,
    scalar,
)
from tidemark.declared.problem import Problem, shown
from tidemark.declared.values import choice, length, maybe, name
from tidemark.query.instant import DAY_MS, MINUTE_MS

MAX_RECEIVERS = 50
MAX_URLS = 8
MAX_GROUP_BY = 10
MAX_REPEAT_MS = 30 * DAY_MS
RESEND_MS = MINUTE_MS
"""How often Alertmanager is told again where nothing is said; it forgets after 5 minutes."""
_MOST_RESEND_MS = 3 * MINUTE_MS
_MAX_SECRET = 8192
_MAX_NAME = 40
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,99}", re.ASCII)
_DOCUMENT = Document("a file of receivers", "five", "a file has one key, receivers; begin with it")
_KINDS = {one.value: one for one in ReceiverKind}
_COMMON = ("name", "kind", "matchers", "group_by", "repeat_every", "send_resolved")
_KEYS = {
    ReceiverKind.ALERTMANAGER: (*_COMMON, "urls"),
    ReceiverKind.WEBHOOK: (*_COMMON, "url", "secret"),
    ReceiverKind.APPRISE: (*_COMMON, "url"),
}
_NO_NODES: list[Node] = []
_NO_MATCHERS: tuple[Matcher, ...] = ()
_NO_KEYS: tuple[bytes, ...] = ()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What receivers are checked against.

    Attributes:
        environment: variables, by name.
        allowed: where webhooks may go.
        resolver: of names.
    """

    environment: Mapping[str, str]
    allowed: Allowed
    resolver: Resolve = resolve


def load(path: Path, around: Surroundings) -> list[Receiver] | list[Problem]:
    """The receivers that a file declares, or all that is wrong with it. Resolves names, so it blocks."""
    try:
        with path.open("rb") as file:
            content = file.read(_DOCUMENT.most + 1)
    except OSError as error:
        told = f"the file cannot be read: {error.strerror}; correct that, or set TIDEMARK_RECEIVERS"
        return [Problem(path.name, 1, told)]
    return check(path.name, content, around)


def check(file: str, content: bytes, around: Surroundings) -> list[Receiver] | list[Problem]:
    """The receivers in the bytes of a file, or everything that is wrong, in the order of the lines."""
    sheet = Sheet(file)
    node = compose(content, sheet, _DOCUMENT)
    found: dict[str, Receiver] = {}
    if node is not None:
        entry = Entry(sheet, node, ("receivers",))
        hint = "write receivers: and below it - name:"
        for one in entry.need("receivers", lambda node: items(node, MAX_RECEIVERS), _NO_NODES, hint):
            try:
                receiver = _receiver(sheet, one, around)
            except MistakeError as mistake:
                sheet.add(mistake.line, f"a receiver {mistake.sentence}")
                continue
            if receiver.name and receiver.name in found:
                sheet.add(line_of(one), f"the receiver {receiver.name} stands there twice; rename one")
            found[receiver.name] = receiver
    return sorted(sheet.problems) if sheet.problems else list(found.values())


def _receiver(sheet: Sheet, node: Node, around: Surroundings) -> Receiver:
    # which keys there may be depends on the kind, so that is read first
    every = tuple(dict.fromkeys(key for keys in _KEYS.values() for key in keys))
    entry = Entry(sheet, node, every)
    kind = entry.need(
        "kind", choice("kind", _KINDS), ReceiverKind.WEBHOOK, f"write one of {', '.join(_KINDS)}"
    )
    for key in every:
        if key in entry and key not in _KEYS[kind]:
            entry.add(key, f"{kind} has no {key}; it has {', '.join(_KEYS[kind])}")
    is_alertmanager = kind is ReceiverKind.ALERTMANAGER
    default = RESEND_MS if is_alertmanager else None
    most = _MOST_RESEND_MS if is_alertmanager else MAX_REPEAT_MS
    return Receiver(
        name=entry.need("name", name(_MAX_NAME), "", "give it one, such as marketing_chat"),
        kind=kind,
        urls=_urls(entry, kind, around),
        keys=entry.need("secret", _secret(around), _NO_KEYS, "write secret: {env: NAME}; webhooks are signed")
        if kind is ReceiverKind.WEBHOOK
        else _NO_KEYS,
        matchers=entry.read("matchers", _matchers(sheet), _NO_MATCHERS),
        group_by=entry.read("group_by", _group_by, ("alertname",)),
        repeat_ms=entry.read("repeat_every", maybe(_resend(most)), default),
        send_resolved=entry.read("send_resolved", _truth, True),
    )


def _urls(entry: Entry, kind: ReceiverKind, around: Surroundings) -> tuple[str, ...]:
    if kind is ReceiverKind.APPRISE:
        hint = "write url: {env: NAME}, one of Apprise's, which hold secrets"
        return (entry.need("url", _apprise(around), "", hint),)
    read = _url(around)
    if kind is ReceiverKind.WEBHOOK:
        return (entry.need("url", read, "", "write url: https://host/path"),)
    found = []
    hint = "write urls: and below it - https://host:9093"
    for node in entry.need("urls", lambda node: items(node, MAX_URLS), _NO_NODES, hint):
        try:
            found.append(read(node).rstrip("/"))
        except MistakeError as mistake:
            entry.sheet.add(mistake.line, f"a URL {mistake.sentence}")
    if "urls" in entry and not found:
        entry.add("urls", "urls has none that can be used; write at least one")
    return tuple(found)


def _resend(most_ms: int) -> Callable[[Node], int]:
    """A length; Alertmanager's is at most what it waits before it takes an alert for resolved."""

    def read(node: Node) -> int:
        found = length(MAX_REPEAT_MS)(node)
        if found > most_ms:
            raise MistakeError(
                node,
                f"is {scalar(node)}; Alertmanager must be told again within {most_ms // MINUTE_MS}m, or it "
                "takes the alert for resolved",
            )
        return found

    return read


def _value(around: Surroundings) -> Callable[[Node], str]:
    """A value that stands there, or in a variable or file that is named: ``{env: …}``, ``{file: …}``."""

    def read(node: Node) -> str:
        return scalar(node) if isinstance(node, ScalarNode) else _hidden(node, around)

    return read


def _hidden(node: Node, around: Surroundings) -> str:
    if isinstance(node, ScalarNode):  # without showing it
        raise MistakeError(node, "must not stand in the file; write {env: NAME} or {file: /path}")
    sheet = Sheet("")
    entry = Entry(sheet, node, ("env", "file"))
    variable, file = entry.read("env", scalar, ""), entry.read("file", scalar, "")
    if sheet.problems or bool(variable) is bool(file):
        raise MistakeError(node, "must be {env: NAME} or {file: /path}; write one of them")
    if variable:
        value = around.environment.get(variable, "")
        if not value.strip():
            raise MistakeError(node, f"is in the variable {shown(variable)}, which is not set; set it")
        return value.strip()
    try:
        with Path(file).open("rb") as opened:
            value = opened.read(_MAX_SECRET).decode("utf-8").strip()
    except (OSError, ValueError) as error:
        told = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8"
        raise MistakeError(node, f"is in {shown(file)}, which cannot be read: {told}; correct that") from None
    if not value:
        raise MistakeError(node, f"is in {shown(file)}, which is empty; write it there")
    return value


def _secret(around: Surroundings) -> Callable[[Node], tuple[bytes, ...]]:
    def read(node: Node) -> tuple[bytes, ...]:
        try:
            return keys(_hidden(node, around))
        except ValueError as error:
            raise MistakeError(node, str(error)) from None

    return read


def _url(around: Surroundings) -> Callable[[Node], str]:
    def read(node: Node) -> str:
        url = _value(around)(node)
        wrong = anyio.run(check_url, url, around.allowed, around.resolver)
        if wrong:
            raise MistakeError(node, wrong)
        return url

    return read


def _apprise(around: Surroundings) -> Callable[[Node], str]:
    def read(node: Node) -> str:
        from apprise import Apprise  # noqa: PLC0415 - takes 44 MB and most of a second

        url = _value(around)(node)
        if Apprise.instantiate(url) is None:
            raise MistakeError(
                node, "is no URL that Apprise understands; see its list of services for what to write"
            )
        return url

    return read


def _matchers(sheet: Sheet) -> Callable[[Node], tuple[Matcher, ...]]:
    def read(node: Node) -> tuple[Matcher, ...]:
        found = []
        for one in items(node, MAX_MATCHERS):
            try:
                found.append(parse(scalar(one)))
            except MistakeError as mistake:
                sheet.add(mistake.line, f"a matcher {mistake.sentence}")
            except ValueError as error:
                sheet.add(line_of(one), str(error))
        return tuple(found)

    return read


def _group_by(node: Node) -> tuple[str, ...]:
    found = [scalar(one) for one in items(node, MAX_GROUP_BY)]
    for one in found:
        if not _LABEL.fullmatch(one):
            raise MistakeError(node, f"has {shown(one)}, which is no label; write names such as campaign")
    return tuple(dict.fromkeys(found))


def _truth(node: Node) -> bool:
    return choice("truth value", {"true": True, "false": False})(node)
