"""Values over time in a line, as ``promtool test rules`` writes them: ``0 100 250x5 _ 10+5x3``.

Source: Prometheus, "Unit testing for rules", of ``values``. Words (``WORSE UNDECIDEDx2``) are for verdicts;
``stale`` and histograms there are none, since a value that is missing is missing.
"""

import re

MAX_SAMPLES = 20_000
"""Of one series: two weeks of minutes."""
Samples = tuple[float | str | None, ...]
"""A value a tick, from the first; None where there is none. All of them numbers, or all of them words."""
_HELP = "write numbers such as 5, 5x3, 5+2x3, 5-2x3, words such as WORSE or WORSEx3, or _ and _x3 for none"
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_ITEM = re.compile(
    rf"(?:(?P<none>_)|(?P<word>[A-Z][A-Z_]*)|(?P<first>{_NUMBER})(?P<step>[+-](?:\d+\.?\d*|\.\d+))?)"
    r"(?:x(?P<times>\d{1,9}))?",
    re.ASCII,
)


class NotationError(ValueError):
    """A line is none of this notation; the message is a sentence that goes on after what it is of."""


def parse(line: str) -> Samples:
    """The values of a line.

    ``ax3`` is ``a`` and three more, ``a+bx3`` goes on by ``b`` three times, ``_x3`` is three missing ones.

    Raises:
        NotationError: it is not written so, mixes words and numbers, or has too many values.
    """
    found: list[float | str | None] = []
    for item in line.split():
        match = _ITEM.fullmatch(item)
        if match is None or (match["step"] and not match["times"]):
            raise NotationError(f"has {item[:40]!r}; {_HELP}")
        first = 1 if match["none"] and match["times"] else 0  # _x3 is three, 5x3 is four
        places = range(first, int(match["times"] or 0) + 1)
        if len(found) + len(places) > MAX_SAMPLES:
            raise NotationError(f"has more than {MAX_SAMPLES:,} values; shorten it")
        found += (_value(match, place) for place in places)
    if not found:
        raise NotationError(f"is empty; {_HELP}")
    if len({type(one) for one in found if one is not None}) > 1:
        raise NotationError("has words and numbers; leave one of the kinds out")
    return tuple(found)


def _value(match: re.Match[str], place: int) -> float | str | None:
    if match["none"]:
        return None
    if match["word"]:
        return match["word"]
    return float(match["first"]) + float(match["step"] or 0) * place
