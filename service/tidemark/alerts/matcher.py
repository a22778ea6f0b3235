"""Matchers on labels: ``severity=critical``, ``campaign!=test-*``; and silences made of them.

No regular expressions: people who may silence an alert could write one that never ends.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MAX_MATCHER = 300
"""Characters of one."""
MAX_STARS = 3
MAX_MATCHERS = 10
"""Of one silence or receiver."""
MAX_REASON = 500
MAX_NAME = 100
_MATCHER = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.]*)\s*(!?=)\s*(.*?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on one label; a label that an alert does not have is empty.

    Attributes:
        label: its name.
        value: what it must be; ``*`` stands for any characters.
        is_equal: False where it must not be that.
    """

    label: str
    value: str
    is_equal: bool = True

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the condition holds."""
        pattern = ".*".join(map(re.escape, self.value.split("*")))
        found = re.fullmatch(pattern, labels.get(self.label, ""), re.DOTALL) is not None
        return found is self.is_equal

    def __str__(self) -> str:
        return f"{self.label}{'=' if self.is_equal else '!='}{self.value}"


@dataclass(frozen=True, slots=True)
class Silence:
    """That nobody is told of some alerts for a while. They are recorded all the same.

    Attributes:
        id: of it.
        matchers: all must match.
        starts_ms: from then on, Unix ms of the wall clock.
        ends_ms: until then.
        reason: why.
        by: who said so.
    """

    id: str
    matchers: tuple[Matcher, ...]
    starts_ms: int
    ends_ms: int
    reason: str
    by: str

    def covers(self, labels: Mapping[str, str], now_ms: int) -> bool:
        """Whether an alert with these labels is silenced now."""
        return self.starts_ms <= now_ms < self.ends_ms and matches(self.matchers, labels)


def parse(text: str) -> Matcher:
    """The matcher that a text says.

    Raises:
        ValueError: it is none; the message is one sentence.
    """
    found = _MATCHER.fullmatch(text) if len(text) <= MAX_MATCHER else None
    if not found:
        raise ValueError(
            f"{text[:60]!r} is no matcher; write label=value or label!=value, up to {MAX_MATCHER} characters"
        )
    label, operator, value = found.groups()
    if value.startswith("~"):
        raise ValueError(
            f"{text[:60]!r} is a regular expression; write label=value, where * stands for any characters"
        )
    if len(value) >= 2 and value[0] == value[-1] == '"':  # noqa: PLR2004 - two quotes
        value = value[1:-1]
    if value.count("*") > MAX_STARS:
        raise ValueError(f"{text[:60]!r} has more than {MAX_STARS} stars; leave some out")
    return Matcher(label, value, operator == "=")


def matches(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether all conditions hold."""
    return all(matcher.matches(labels) for matcher in matchers)
