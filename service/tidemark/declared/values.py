"""Single values: a reader takes a YAML node and gives a value, or says what is wrong.

They read the text as it stands in the file: a variant called ``on`` is no boolean and an id ``007`` no
number.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

from tidemark.declared.entry import MistakeError, Node, scalar
from tidemark.declared.problem import nearest, shown
from tidemark.query.instant import DAY_MS, END_MS, FIRST_MS, HOUR_MS, MINUTE_MS, parse_instant, to_ms

T = TypeVar("T")
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_WHOLE = re.compile(r"\d[\d_]{0,29}", re.ASCII)
_NUMBER = re.compile(r"([+-]?\d(?:_?\d){0,18}(?:\.\d{1,9})?)\s?(%?)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LENGTH = re.compile(r"(\d{1,9})\s?(m|h|d|w)", re.ASCII)
_UNITS_MS = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}
_MICROS = 1_000_000
_MAX_INT64 = 2**63 - 1  # what the engines' sums of a user hold


def text(most: int) -> Callable[[Node], str]:
    """A text for people: blanks and line breaks in a row are one blank."""

    def read(node: Node) -> str:
        value = " ".join(scalar(node).split())
        return _checked(node, value, most)

    return read


def key(most: int) -> Callable[[Node], str]:
    """A text that events carry, as it is."""

    def read(node: Node) -> str:
        value = scalar(node)
        if value != value.strip():
            raise MistakeError(node, f"is {value[:60]!r}; no event carries blanks around it: take them away")
        return _checked(node, value, most)

    return read


def _checked(node: Node, value: str, most: int) -> str:
    if len(value) > most:
        raise MistakeError(node, f"has {len(value):,} characters; there may be at most {most:,}: shorten it")
    if not value.isprintable():
        raise MistakeError(node, f"is {shown(value)}; it has a character that cannot be printed: take it out")
    return value


def name(most: int) -> Callable[[Node], str]:
    """A name of ours."""

    def read(node: Node) -> str:
        value = scalar(node)
        if len(value) > most or not _NAME.fullmatch(value):
            raise MistakeError(
                node,
                f"is {shown(value)}; it must be 1 to {most} lower-case letters, digits and underscores, a "
                "letter first, such as order_value",
            )
        return value

    return read


def whole(least: int, most: int) -> Callable[[Node], int]:
    """A whole number; ``40_000`` is one."""

    def read(node: Node) -> int:
        value = scalar(node)
        number = int(value.replace("_", "")) if _WHOLE.fullmatch(value) else -1
        if not least <= number <= most:
            raise MistakeError(
                node, f"is {shown(value)}; it must be a whole number from {least:,} to {most:,}"
            )
        return number

    return read


def decimal(node: Node) -> Decimal:
    """A number, exactly (28 digits are what ``Decimal`` keeps); ``5 %`` is 0.05."""
    value = scalar(node)
    found = _NUMBER.fullmatch(value)
    if not found:
        raise MistakeError(
            node, f"is {shown(value)}; it must be a number such as 0.05 or 5%, with at most nine decimals"
        )
    return Decimal(found[1]) / (100 if found[2] else 1)


def number(least: float, most: float, *, above: bool = False) -> Callable[[Node], float]:
    """A number within bounds; ``above`` excludes the lower one."""

    def read(node: Node) -> float:
        value = float(decimal(node))
        if not least <= value <= most or (above and value == least):
            bound = "above" if above else "from"
            raise MistakeError(
                node,
                f"is {shown(scalar(node))}; it must be {bound} {plain(least)} "
                f"{'and at most' if above else 'to'} {plain(most)}",
            )
        return value

    return read


def cap(*, is_money: bool) -> Callable[[Node], int]:
    """The most that a user counts: whole, or currency units for money, which are kept in millionths."""

    def read(node: Node) -> int:
        given = decimal(node)
        exact = given * _MICROS if is_money else given
        if not 0 < exact <= _MAX_INT64 or exact != exact.to_integral_value():
            allowed = "at most six decimals, in currency units" if is_money else "no decimals"
            most = _MAX_INT64 // _MICROS if is_money else _MAX_INT64
            raise MistakeError(
                node,
                f"is {shown(scalar(node))}; it must be a number above 0 and at most {most:,}, with {allowed}",
            )
        return int(exact)

    return read


def instant(node: Node) -> int:
    """An instant in Unix ms; a day is its midnight in UTC."""
    value = scalar(node)
    try:
        at = to_ms(parse_instant(f"{value}T00:00:00Z" if _DAY.fullmatch(value) else value))
    except ValueError:
        raise MistakeError(
            node, f"is {shown(value)}; it must be a day such as 2026-11-23 (UTC) or an instant such as "
            "2026-11-23T12:00:00Z",
        ) from None  # fmt: skip
    if not FIRST_MS <= at < END_MS:
        raise MistakeError(node, f"is {shown(value)}; events are from 2000 to 2100: choose a time in between")
    return at


def length(most_ms: int) -> Callable[[Node], int]:
    """A length of time in ms: ``90m``, ``12h``, ``7d``, ``2w``."""

    def read(node: Node) -> int:
        value = scalar(node)
        found = _LENGTH.fullmatch(value)
        length_ms = int(found[1]) * _UNITS_MS[found[2]] if found else 0
        if not 0 < length_ms <= most_ms:
            raise MistakeError(
                node,
                f"is {shown(value)}; it must be a length such as 90m, 12h, 7d or 2w, at most "
                f"{most_ms // DAY_MS}d",
            )
        return length_ms

    return read


def as_length(length_ms: int) -> str:
    """Whole minutes as ``length`` reads them: ``90m``, ``12h``, ``7d``."""
    unit = next(unit for unit in ("d", "h", "m") if length_ms % _UNITS_MS[unit] == 0)
    return f"{length_ms // _UNITS_MS[unit]}{unit}"


def choice(what: str, choices: Mapping[str, T]) -> Callable[[Node], T]:
    """What a word stands for; capitals do not matter."""

    def read(node: Node) -> T:
        value = scalar(node)
        if value.lower() not in choices:
            raise MistakeError(node, f"is {shown(value)}, which is no {what}; {nearest(value, choices)}")
        return choices[value.lower()]

    return read


def one_of(what: str, known: Sequence[str]) -> Callable[[Node], str]:
    """A name that is known, as it is."""

    def read(node: Node) -> str:
        value = scalar(node)
        if value not in known:
            raise MistakeError(node, f"is {shown(value)}, which is no {what}; {nearest(value, known)}")
        return value

    return read


def plain(number: float) -> str:
    """The number without an exponent."""
    return f"{Decimal(repr(number)).normalize():f}"


def maybe(reader: Callable[[Node], T]) -> Callable[[Node], T | None]:
    """The same reader, where None stands for what cannot be read."""
    return reader
