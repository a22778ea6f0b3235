"""An experiment as people want to read it in a terminal: verdicts in words, figures, intervals over time."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tidemark.query.client import Body
from tidemark.query.terminal import human, name_text, watermark

_BARS = "▁▂▃▄▅▆▇█"
_WIDEST = 60
_NONE = "–"  # noqa: RUF001 - an en dash is meant
_STYLES = {"BETTER": "green", "WORSE": "red", "INVALID": "bold red", "SAFE": "green", "BREACHED": "red"}
_REASONS = {
    "NO_USERS": "an arm has no users",
    "TOO_FEW_USERS": "an arm has fewer than 100 users",
    "TOO_FEW_CONVERSIONS": "in an arm too few users did it",
    "NO_DENOMINATOR": "there is nothing to divide by",
    "NO_VARIANCE": "all users of an arm are alike",
    "SAMPLE_RATIO_MISMATCH": "users do not split as the weights say",
    "WEIGHTS_CHANGED": "the weights changed, so the arms' users are of different days",
    "LIFT_UNBOUNDED": "the control's mean is too near to 0 for a percentage",
    "LIFT_UNSETTLED": "the difference decides, not the percentage",
    "EMPTY_INTERSECTION": "the effect changes with time",
    "LIFT_EMPTY_INTERSECTION": "the percentage changes with time",
    "BOTH_SIDES": "it was shown to be better, and at another time worse",
    "REBUILDING": "the numbers are being counted anew; these are the ones before, or not whole",
    "UNDECLARED_VARIANT": "some users saw a variant that the definition does not have",
}
_MISSING = ("NO_USERS", "TOO_FEW_USERS", "TOO_FEW_CONVERSIONS", "NO_DENOMINATOR", "NO_VARIANCE")
_SPOILT = ("NO_USERS", "SAMPLE_RATIO_MISMATCH", "WEIGHTS_CHANGED")
_MORE = {
    "TOO_FEW_CONVERSIONS": " (25 are needed, 100 of means and ratios)",
    "WEIGHTS_CHANGED": "; what was known until then stands, ask for that time with --at",
}
_WORSE: Mapping[str | None, str] = {None: "; it is safe to stop", "SAFE": ", but within its margin"}
_DAY, _HOUR = 86_400, 3_600
Row = Mapping[str, Any]


def render(told: Body, width: int) -> RenderableType:
    """All of it: what it is, the verdicts, the figures, the intervals over time, the split, what is left."""
    metrics = {one["name"]: one for one in told["metrics"]}
    parts: list[RenderableType] = [*_head(told), Text()]
    whole = [one for one in told["results"] if not one["slice"]]
    if whole:
        parts += [_verdict(one, metrics, whole) for one in whole]
        parts.append(Text())
    parts += [_table(told["results"], metrics), Text()]
    for one in told["series"] or ():
        parts += _chart(one, metrics[one["metric"]], width)
    undecided = {(one["metric"], one["variant"]) for one in whole if one["verdict"] == "UNDECIDED"}
    left = _remaining(told, metrics, undecided)
    parts += [_split(told), *left, *_notes(told), watermark(told["freshness"])]
    return Group(*parts)


def sentence(result: Row, metric: Row, breached: Sequence[str] = (), unsure: Sequence[str] = ()) -> str:
    """What a result means for somebody who has to decide.

    ``breached`` and ``unsure`` are the labels of guardrails of the same variant that are not safe.
    """
    who, what, codes = result["variant"], metric["label"], result["reasons"]
    match result["verdict"]:
        case "BETTER":
            advice = "; it is safe to stop"
            if breached:
                advice = f", but a guardrail is breached: {', '.join(breached)}"
            elif unsure:
                advice = f"; it is safe to stop once these are shown to be safe: {', '.join(unsure)}"
            return f"{who}: {what} is {_effect(result, metric)}. That is better{advice}."
        case "WORSE":
            advice = _WORSE.get(result["guardrail"], "")
            return f"{who}: {what} is {_effect(result, metric)}. That is worse{advice}."
        case "NOT_ENOUGH_DATA":
            cure = "see that both arms are shown and send their exposures" if "NO_USERS" in codes else "wait"
            return f"{who}: {what} has too little data yet, since {_why(codes, _MISSING)}; {cure}."
        case "INVALID":
            is_mixed = "WEIGHTS_CHANGED" in codes
            cure = "begin another experiment for the new weights" if is_mixed else "find out why first"
            return f"{who}: {what} has no verdict that can be trusted, since {_why(codes, _SPOILT)}; {cure}."
    if "BOTH_SIDES" in codes:
        return f"{who}: {what} gets no verdict, since {_REASONS['BOTH_SIDES']}; see how it went with --at."
    return (
        f"{who}: {what} is not shown to differ yet{_possible(result, metric)}; look again whenever you like."
    )


def _why(codes: Sequence[str], told: Sequence[str]) -> str:
    return " and ".join(_REASONS[code] for code in told if code in codes)


def _possible(result: Row, metric: Row) -> str:
    """What is not excluded; empty where there is no interval."""
    found, unit = (result["lift"], "fraction") if result["lift"] else (result["difference"], metric["unit"])
    if found is None or found["lower"] is None or found["upper"] is None:
        return ""
    return f", anything between {_way(found['lower'], unit)} and {_way(found['upper'], unit)} is possible"


def _effect(result: Row, metric: Row) -> str:
    """``4.1 % higher, between 1.2 % and 7.1 % higher``; in units where there is no percentage."""
    found, unit = result["lift"], "fraction"
    if found is None:
        found, unit = result["difference"], metric["unit"]
    if found is None:
        return "different by an amount that changes with time"
    value, lower, upper = found["value"], found["lower"], found["upper"]
    if lower is None or upper is None:
        return _way(value, unit)
    low, high = sorted((abs(lower), abs(upper)))
    bounds = f"between {human(low, unit)} and {_way(upper, unit, high)}"
    if lower <= value <= upper:
        return f"{_way(value, unit)}, {bounds}"
    return f"{bounds} by all looks so far, {_way(value, unit)} by this one"


def _way(value: float, unit: str | None, size: float | None = None) -> str:
    return f"{human(abs(value) if size is None else size, unit)} {'higher' if value >= 0 else 'lower'}"


def _verdict(result: Row, metrics: Mapping[str, Row], whole: Sequence[Row]) -> Text:
    def labels(state: str) -> list[str]:
        rows = (one for one in whole if one["variant"] == result["variant"] and one["guardrail"] == state)
        return [metrics[one["metric"]]["label"] for one in rows]

    words = sentence(result, metrics[result["metric"]], labels("BREACHED"), labels("UNDECIDED"))
    told = Text(words, _STYLES.get(result["verdict"], ""))
    if result["guardrail"]:
        told.append(f" Guardrail: {result['guardrail'].lower()}.", _STYLES.get(result["guardrail"], ""))
    return told


def _table(results: Sequence[Row], metrics: Mapping[str, Row]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    labels = [label["name"] for label in results[0]["slice"]] if results else []
    for header in ("metric", "variant", *labels):
        table.add_column(header, overflow="fold", max_width=40)
    for header in ("users", "control", "treatment", "lift", "between", "p", "verdict"):
        table.add_column(header, justify="right", no_wrap=True)
    for one in results:
        unit = metrics[one["metric"]]["unit"]
        lift, p_value = one["lift"], one["pValue"]
        verdict = one["verdict"].lower().replace("_", " ")
        if one["guardrail"]:
            verdict += f", {one['guardrail'].lower()}"
        table.add_row(
            one["metric"],
            one["variant"],
            *(name_text(label["value"]) for label in one["slice"]),
            f"{one['control']['users'] + one['treatment']['users']:,.0f}",
            human(one["control"]["mean"], unit),
            human(one["treatment"]["mean"], unit),
            human(lift["value"] if lift else None, "fraction"),
            f"{human(lift['lower'], 'fraction')} … {human(lift['upper'], 'fraction')}" if lift else _NONE,
            _NONE if p_value is None else _probability(p_value),
            Text(verdict, _STYLES.get(one["verdict"], "")),
        )
    return table


def _chart(series: Row, metric: Row, width: int) -> Iterator[Text]:
    """The interval of the lift over time: its upper bound above its lower one, on one scale."""
    name = f"{metric['name']}, {series['variant']}"
    known = [value for bound in ("lower", "upper") for value in series[bound] if value is not None]
    if not known:
        return
    low, high = min([0.0, *known]), max([0.0, *known])
    room = max(8, min(_WIDEST, width - 30))
    yield Text(f"lift of {name}, {human(low, 'fraction')} to {human(high, 'fraction')}", "dim")
    for bound in ("upper", "lower"):
        yield Text.assemble((f"{bound}  ", "dim"), (_bars(series[bound], low, high, room), "cyan"))
    yield Text()


def _bars(values: Sequence[float | None], low: float, high: float, width: int) -> str:
    """A bar a point, of more than ``width`` the last of neighbours; blank where there is no value."""
    if len(values) > width:
        edges = [len(values) * number // width for number in range(width + 1)]
        values = [values[end - 1] for _, end in pairwise(edges)]
    step = (high - low) / (len(_BARS) - 1) or 1
    return "".join(" " if value is None else _BARS[round((value - low) / step)] for value in values)


def _split(told: Body) -> Text:
    users = ", ".join(
        f"{one['key']}{'*' if one['isControl'] else ''} {one['users']:,.0f} ({100 * one['weight']:.3g} %)"
        for one in told["variants"]
    )
    split = told["sampleRatio"]
    observed, expected = (
        ", ".join(f"{one:,.0f}" for one in split[name]) for name in ("observed", "expected")
    )
    chance = _probability(split["pValue"])
    if not split["ok"]:
        return Text(
            f"users: {users}; the split is broken: {observed} came, {expected} were expected (p {chance})",
            "bold red",
        )
    if not any(split["observed"]):
        return Text(f"users: {users}; nobody came yet", "dim")
    return Text(f"users: {users}; they split as the weights say (p {chance})", "dim")


def _remaining(
    told: Body, metrics: Mapping[str, Row], undecided: Collection[tuple[str, str]]
) -> Iterator[Text]:
    for one in told["remaining"]:
        name = f"{metrics[one['metric']]['name']}, {one['variant']}"
        finds = one["minimumDetectableLift"]
        shown = None if finds is None else f"a lift of {human(finds, 'fraction')} would be seen, 4 times in 5"
        if one["users"] and told["status"] == "STOPPED":
            yield Text(f"{name}: {one['users']:,.0f} users fewer than planned", "dim")
        elif one["users"]:
            wait = ""
            if one["lowSeconds"] is not None and one["highSeconds"] is not None:
                wait = f", in {_span(one['lowSeconds'], one['highSeconds'])}"
            lift = "" if shown is None else f"; with them {shown}"
            yield Text(f"{name}: {one['users']:,.0f} more users by the plan{wait}{lift}", "dim")
        elif one["users"] == 0 and (one["metric"], one["variant"]) in undecided:
            lift = "" if shown is None else f"; with so many {shown}"
            yield Text(f"{name}: as many users as planned have come{lift}", "dim")


def _span(low: float, high: float) -> str:
    """``7.5 to 30 hours``, ``3.2 to 41 days``."""
    size, unit = (_HOUR, "hours") if high < 2 * _DAY else (_DAY, "days")
    return f"{_short(low / size)} to {_short(high / size)} {unit}"


def _short(number: float) -> str:
    return f"{number:,.1f}" if number < 10 else f"{number:,.0f}"  # noqa: PLR2004


def _probability(value: float) -> str:
    return "below 1e-299" if value < 1e-299 else f"{value:.2g}"  # noqa: PLR2004 - 1e-300 is the least


def _notes(told: Body) -> Iterator[Text]:
    if told["excludedUsers"]:
        yield Text(f"{told['excludedUsers']:,.0f} users saw several variants and count nowhere", "yellow")
    for code in dict.fromkeys(code for one in told["results"] for code in one["reasons"]):
        if code != "REBUILDING":
            yield Text(f"{code}: {_REASONS.get(code, code)}{_MORE.get(code, '')}", "yellow")


def _head(told: Body) -> Iterator[Text]:
    """What it is, of which instant, and whether its numbers are to be waited for."""
    since = f" since {_instant(told['startedAt'])}" if told["startedAt"] else ""
    head = Text.assemble((told["name"], "bold"), f"  {told['id']}, {told['status'].lower()}{since}")
    if told["at"]:
        head.append(f"; as of {_instant(told['at'])}", "bold")
    yield head
    if told["isRebuilding"]:
        yield Text(f"REBUILDING: {_REASONS['REBUILDING']}: wait before you decide", "yellow")


def _instant(at: str) -> str:
    return f"{at[:16].replace('T', ' ')} UTC"
