"""A question in words, as the command line and the plain HTTP doors take it: ``by=campaign``, ``last=7d``."""

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tidemark.query.catalogue import Catalogue, field_of
from tidemark.query.errors import Code, QueryError
from tidemark.query.grain import Grain
from tidemark.query.instant import format_instant, parse_instant
from tidemark.query.limits import DEFAULT_LIMITS, Limits
from tidemark.query.parse import parse_request
from tidemark.query.request import DEFAULT_LIMIT, Compare, Request, TimeRange
from tidemark.query.suggestion import HavingAsked, OrderAsked, TopAsked


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a question: what it means, a value of it, and whether it may stand there several times."""

    name: str
    meaning: str
    example: str
    repeats: bool = False


WORDS = (
    Word("metrics", "What to measure.", "clicks,ctr"),
    Word("by", "What to slice by.", "campaign,country"),
    Word("last", "The last 90s, 15m, 1h, 7d or 2w up to now; an hour where no range is given.", "7d"),
    Word("from", "The beginning: a day, a local time of tz, or RFC 3339 with an offset.", "2026-11-01"),
    Word("to", "The end, itself not part of the range.", "2026-12-01"),
    Word("tz", "Time zone (IANA) that days and buckets follow; UTC without it.", "Europe/Berlin"),
    Word("grain", "A row a bucket: minute, five-minutes, hour, day, week or month.", "day"),
    Word(
        "where",
        "Only events with campaign=a,b (one of them), campaign!=a,b (none of them), campaign^=a,b (begins "
        "with one) or campaign*=a,b (contains one). All conditions hold.",
        "campaign^=sum",
        repeats=True,
    ),
    Word("compare", "With the period, day or week before: adds previous.* and change.*.", "week"),
    Word("top", "Only so many values of the first of by, the rest in one row.", "5"),
    Word("top-by", "The metric that decides which; the first of metrics without it.", "spend"),
    Word("other", "false leaves the row of the rest out.", "false"),
    Word("having", "Only rows with clicks>=10 or ctr<=0.5.", "clicks>=10", repeats=True),
    Word(
        "order",
        "Ascending by metrics, dimensions of by or bucket; descending with a minus.",
        "-clicks,campaign",
    ),
    Word("limit", f"The most rows; {DEFAULT_LIMIT:,} without it.", "100"),
)
_KNOWN = {word.name: word for word in WORDS}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LAST = re.compile(r"(\d{1,9})([smhdw])", re.ASCII)
_CONDITION = re.compile(r"\s*([A-Za-z][A-Za-z0-9_-]*)\s*([!^*]?=)(.*)", re.DOTALL)
_OPERATORS = {"=": "IN", "!=": "NOT_IN", "^=": "PREFIX", "*=": "CONTAINS"}
_HAVING = re.compile(
    r"\s*([A-Za-z][A-Za-z0-9_-]*)\s*([<>]=)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*", re.ASCII
)
_NUMBER = re.compile(r"-?\d{1,9}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LOCAL = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?", re.ASCII)
# a plus that nobody escaped is a blank in the query of an address
_LOST_PLUS = re.compile(r"(.*\d\d:\d\d(?::\d\d(?:\.\d+)?)?) (\d\d:\d\d)", re.ASCII)
_SEVERAL = frozenset(word.name for word in WORDS if word.repeats)
_SUGGESTED = {"timezone": "tz", "dimensions": "by", "orderBy": "order"}
_NEAR = 0.6  # how alike names must be to be suggested; difflib's own default


def read(catalogue: Catalogue, words: Iterable[tuple[str, str]], limits: Limits = DEFAULT_LIMITS) -> Request:
    """The question that these words ask, in any order; names in lower case, camel case, or as in the enum.

    Raises:
        QueryError: a word is unknown, stands there twice or cannot be read, or the question cannot be asked.
    """
    given: dict[str, list[str]] = {}
    for name, value in words:
        if name not in _KNOWN:
            raise _unknown("word", name, list(_KNOWN), Code.BAD_PARAMETER)
        given.setdefault(name, []).append(value)
        if len(given[name]) > 1 and not _KNOWN[name].repeats:
            raise QueryError(
                Code.BAD_PARAMETER,
                f"{name} stands there twice; give it once, with commas between its values.",
            )
    one = {name: values[0].strip() for name, values in given.items()}
    zone = zone_in(one.get("tz") or "UTC")
    metrics = tuple(_metric(catalogue, name) for name in listed(one.get("metrics", "")))
    grain = one.get("grain")
    compare = one.get("compare")
    return parse_request(
        catalogue,
        metrics=metrics,
        dimensions=tuple(dimension_in(catalogue, name) for name in listed(one.get("by", ""))),
        where=tuple(condition_in(catalogue, text) for text in given.get("where", ())),
        time_range=_range(one.get("last"), one.get("from"), one.get("to"), zone),
        grain=_known("grain", grain, list(Grain)) if grain else None,
        timezone=zone.key,
        compare=f"PREVIOUS_{_known('comparison', compare, _COMPARISONS)}" if compare else None,
        top=_top(catalogue, one, metrics),
        having=tuple(_having(catalogue, text) for text in given.get("having", ())),
        order_by=tuple(_order(catalogue, text) for text in listed(one.get("order", ""))),
        limit=_number("limit", one["limit"], Code.BAD_LIMIT) if "limit" in one else DEFAULT_LIMIT,
        limits=limits,
    )


def suggested(suggestion: Mapping[str, object]) -> dict[str, str]:
    """A refusal's suggestion, which is a part of a GraphQL question, in words: ``{"last": "7d"}``.

    An empty word is to be left out. Words that may stand there several times are not suggested.
    """
    found: dict[str, str] = {}
    for key, value in suggestion.items():
        if value is None:
            found[_SUGGESTED.get(key, key)] = ""  # as if it were not there
        elif key == "top" and isinstance(value, Mapping):
            found |= {"top": str(value["n"]), "top-by": field_of(value["by"])}
            found |= {} if value["other"] else {"other": "false"}
        elif key == "orderBy" and isinstance(value, Sequence):
            found["order"] = ",".join(map(_key, value))
        elif key in _SEVERAL:
            continue
        elif key == "range" and isinstance(value, Mapping):
            for end, instant in value.items():
                found |= {"last": _span(int(instant))} if end == "lastSeconds" else {end: str(instant)}
        elif isinstance(value, str):
            found[_SUGGESTED.get(key, key)] = (
                value.lower().replace("_", "-") if value in Grain.__members__ else value
            )
        elif isinstance(value, Sequence) and all(isinstance(name, str) for name in value):
            found[_SUGGESTED.get(key, key)] = ",".join(field_of(name) for name in value)
        else:
            found[_SUGGESTED.get(key, key)] = json.dumps(value)
    return found


def _key(order: Mapping[str, object]) -> str:
    name = field_of(str(order.get("metric") or order.get("dimension") or "bucket"))
    return f"-{name}" if order["direction"] == "DESC" else name


def _span(seconds: int) -> str:
    unit = max((unit for unit in _SECONDS if seconds % _SECONDS[unit] == 0), key=_SECONDS.__getitem__)
    return f"{seconds // _SECONDS[unit]}{unit}"


_COMPARISONS = [one.removeprefix("PREVIOUS_") for one in Compare]


def listed(text: str) -> list[str]:
    """The names between commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _plain(name: str) -> str:
    """What is left of a name when its way of writing is taken away: ``utmsource`` of ``UTM_SOURCE``."""
    return name.replace("_", "").replace("-", "").lower()


def _known(what: str, name: str, names: Sequence[str]) -> str:
    """The one of ``names`` that is meant."""
    if name in names:
        return name
    for known in names:
        if _plain(known) == _plain(name):
            return known
    raise _unknown(what, name, [known.lower().replace("_", "-") for known in names], Code.UNKNOWN_NAME)


def _metric(catalogue: Catalogue, name: str) -> str:
    return _found("metric", name, list(catalogue.metrics))


def dimension_in(catalogue: Catalogue, name: str) -> str:
    """The dimension that is meant, as in the enum.

    Raises:
        QueryError: there is none.
    """
    return _found("dimension", name, list(catalogue.dimensions))


def _found(what: str, name: str, names: Sequence[str]) -> str:
    try:
        return _known(what, name, names)
    except QueryError:  # told by the names that answers have, not by those of the enum
        raise _unknown(what, name, [field_of(known) for known in names], Code.UNKNOWN_NAME) from None


def _unknown(what: str, name: str, names: Sequence[str], code: Code) -> QueryError:
    near = get_close_matches(name.lower(), names, n=1, cutoff=_NEAR)
    meant = f"did you mean {near[0]}? There" if near else "there"
    separator = ":" if near else ";"
    return QueryError(code, f"There is no {what} {name[:100]}{separator} {meant} are {', '.join(names)}.")


def _number(word: str, text: str, code: Code) -> int:
    if not _NUMBER.fullmatch(text):
        raise QueryError(code, f"{word} {text[:40]!r} cannot be read; write a whole number such as 100.")
    return int(text)


def condition_in(catalogue: Catalogue, text: str) -> tuple[str, str, list[str]]:
    """A condition such as ``country=DE,FR``: dimension, operator, values.

    Raises:
        QueryError: it cannot be read, or there is no such dimension.
    """
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise QueryError(
            Code.BAD_CONDITION,
            f"where {text[:100]!r} cannot be read; write campaign=a,b, campaign!=a,b, campaign^=a (begins "
            "with) or campaign*=a (contains).",
        )
    name, operator, values = found.groups()
    # commas within a value stand in quotes: campaign="a,b",c
    try:
        given = next(csv.reader([values]), []) or [""]
    except csv.Error as error:
        raise QueryError(Code.BAD_CONDITION, f"where {text[:100]!r} cannot be read: {error}.") from error
    return dimension_in(catalogue, name), _OPERATORS[operator], given


def _top(catalogue: Catalogue, one: Mapping[str, str], metrics: Sequence[str]) -> TopAsked | None:
    if not one.get("top"):
        for word in ("top-by", "other"):
            if word in one:
                raise QueryError(
                    Code.BAD_TOP, f"{word} stands there without top; add top=5, or leave it out."
                )
        return None
    by = _metric(catalogue, one["top-by"]) if "top-by" in one else next(iter(metrics), None)
    if by is None:
        raise QueryError(Code.BAD_TOP, "top needs a metric that decides; name one with top-by or metrics.")
    other = one.get("other", "true")
    if other not in ("true", "false"):
        raise QueryError(Code.BAD_TOP, f"other {other[:40]!r} cannot be read; write true or false.")
    return _number("top", one["top"], Code.BAD_TOP), by, other == "true"


def _having(catalogue: Catalogue, text: str) -> HavingAsked:
    found = _HAVING.fullmatch(text)
    if found is None:
        raise QueryError(
            Code.BAD_HAVING, f"having {text[:100]!r} cannot be read; write clicks>=10 or ctr<=0.5."
        )
    name, comparison, bound = _metric(catalogue, found[1]), found[2], float(found[3])
    return (name, bound, None) if comparison == ">=" else (name, None, bound)


def _order(catalogue: Catalogue, text: str) -> OrderAsked:
    name, direction = text.lstrip("-"), "DESC" if text.startswith("-") else "ASC"
    if _plain(name) == "bucket":
        return None, None, True, direction
    for dimension in catalogue.dimensions:
        if _plain(dimension) == _plain(name):
            return None, dimension, False, direction
    try:
        return _metric(catalogue, name), None, False, direction
    except QueryError:
        both = ["bucket", *map(field_of, catalogue.metrics), *map(field_of, catalogue.dimensions)]
        raise _unknown("key to order by called", name, both, Code.BAD_ORDER) from None


def zone_in(name: str) -> ZoneInfo:
    """The time zone of this name.

    Raises:
        QueryError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (
        ZoneInfoNotFoundError,
        ValueError,
        OSError,
    ):  # a name may be a path of the system's that is no zone
        raise QueryError(
            Code.UNKNOWN_TIMEZONE,
            f"There is no time zone {name[:100]}; write an IANA name such as Europe/Berlin or UTC.",
            suggestion={"timezone": "UTC"},
        ) from None


def _range(last: str | None, start: str | None, end: str | None, zone: ZoneInfo) -> TimeRange:
    if start is None and end is None:
        return TimeRange(last_seconds=seconds_in(last or "1h"))
    if last is not None:
        raise QueryError(Code.BAD_RANGE, "last stands beside from or to; give last alone, or from and to.")
    if start is None or end is None:
        missing = "to" if start else "from"
        raise QueryError(Code.BAD_RANGE, f"{missing} is missing; give from and to, or last.")
    return TimeRange(instant_in("from", start, zone), instant_in("to", end, zone))


def seconds_in(text: str) -> int:
    """A length of time, ``90s``, ``15m``, ``1h``, ``7d``, ``2w``.

    Raises:
        QueryError: it is none.
    """
    found = _LAST.fullmatch(text.lower())
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds < 2**31:
        raise QueryError(
            Code.BAD_RANGE,
            f"last {text[:40]!r} cannot be read; write 90s, 15m, 1h, 7d or 2w, up to 3,500w.",
            suggestion={"range": {"lastSeconds": 3600}},
        )
    return seconds


def instant_in(word: str, text: str, zone: ZoneInfo) -> datetime:
    """A day or a wall clock's time is one of the zone; where the clock skips it, that of the clock before.

    Raises:
        QueryError: it is no time.
    """
    if lost := _LOST_PLUS.fullmatch(text):
        text = f"{lost[1]}+{lost[2]}"
    try:
        if _DAY.fullmatch(text) or _LOCAL.fullmatch(text):
            local = datetime.fromisoformat(text.upper()).replace(tzinfo=zone)
            return parse_instant(format_instant(local))
        return parse_instant(text)
    except (ValueError, OverflowError):
        raise QueryError(
            Code.BAD_RANGE,
            f"{word} {text[:40]!r} is no time; write 2026-11-23, 2026-11-23T12:00 ({zone.key}) or "
            "2026-11-23T12:00:00+01:00.",
        ) from None
