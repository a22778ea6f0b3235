"""Annotations: texts with ``{{ name }}`` in them, filled in with what is known of a series.

A template is data, not a program: names and nothing else, no filters, conditions or loops, so that it can
neither hang nor reach anything. (Jinja's sandbox would allow them, and then have to forbid them again.) Names
are checked when it is read; numbers are written as people read them, by their unit.
"""

import math
import re
from collections.abc import Mapping

from tidemark.query.catalogue import Unit

MAX_CHARACTERS = 1_000
"""Of a template, and of what comes of it."""
UNKNOWN = "unknown"
"""What stands for a number that is not there."""
NONE = "(none)"
"""What stands for an empty label: events without a campaign, say."""

_FIELD = re.compile(r"\{\{ ?([A-Za-z_][A-Za-z0-9_.]{0,99}) ?\}\}")
_BRACES = re.compile(r"\{\{.{0,40}|\}\}|\{%.{0,40}|\{#.{0,40}", re.DOTALL)
_DIGITS = 3
_SMALL, _LARGE = 1e-4, 1e15


def fields(template: str) -> tuple[str, ...]:
    """The names in it, each once.

    Raises:
        ValueError: there are braces that hold no name; the message is the rest of a sentence.
    """
    if stray := _BRACES.search(_FIELD.sub("", template)):
        raise ValueError(f"has {stray[0]!r}; a template has {{{{ name }}}} and nothing else in double braces")
    return tuple(dict.fromkeys(_FIELD.findall(template)))


def fill(template: str, texts: Mapping[str, str]) -> str:
    """The template with texts in place of names, on one line, cut at ``MAX_CHARACTERS``.

    Raises:
        KeyError: a name has no text.
    """
    filled = _FIELD.sub(lambda field: texts[field[1]], template)
    # labels come from events, that is from anybody
    plain = "".join(character if character.isprintable() else " " for character in filled)
    return plain if len(plain) <= MAX_CHARACTERS else f"{plain[: MAX_CHARACTERS - 1]}…"


def written(number: float | None, unit: Unit | None, currency: str) -> str:
    """A number as people read it: ``1,234``, ``0.0123``, ``12.3 %``, ``1,234.50 USD``."""
    if number is None or math.isnan(number):
        return UNKNOWN
    shown = 100 * number if unit is Unit.FRACTION else number
    if math.isinf(shown):
        return "∞" if shown > 0 else "-∞"
    if unit is Unit.CURRENCY:
        return f"{shown:,.2f} {currency}" if abs(shown) < _LARGE else f"{shown:.3g} {currency}"
    return f"{_short(shown)} %" if unit is Unit.FRACTION else _short(shown)


def _short(number: float) -> str:
    """Three digits at least: whole from 100 on, with an exponent where it is very large or small."""
    if not number:
        return "0"
    if not _SMALL <= abs(number) < _LARGE:
        return f"{number:.3g}"
    decimals = max(_DIGITS - 1 - math.floor(math.log10(abs(number))), 0)
    text = f"{number:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text
