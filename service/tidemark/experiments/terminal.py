"""An experiment as people want to read it in a terminal: verdicts in words, figures, intervals over time."""

from collections.abc import Iterator, Mapping, Sequence
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
    "TOO_FEW_CONVERSIONS": "in an arm too few users did it (25, or 100 of means and ratios)",
    "NO_DENOMINATOR": "there is nothing to divide by",
    "NO_VARIANCE": "all users of an arm are alike",
    "SAMPLE_RATIO_MISMATCH": "users do not split as the weights say",
    "WEIGHTS_CHANGED": "the weights changed, so the arms' users are of other days",
    "LIFT_UNBOUNDED": "the control's mean is too near to 0 for a percentage",
    "LIFT_UNSETTLED": "the difference decides, not the percentage",
    "EMPTY_INTERSECTION": "the effect changes with time",
    "LIFT_EMPTY_INTERSECTION": "the percentage changes with time",
    "BOTH_SIDES": "it was shown to be better, and at another time worse",
    "REBUILDING": "the numbers are being counted anew; these are the ones before, or not whole",
    "UNDECLARED_VARIANT": "some users saw a variant that the definition does not have",
}
Row = Mapping[str, Any]


def render(told: Body, width: int) -> RenderableType:
    """All of it: what it is, the verdicts, the figures, the intervals over time, the split, what is left."""
    metrics = {one["name"]: one for one in told["metrics"]}
    parts: list[RenderableType] = [
        Text.assemble((told["name"], "bold"), f"  {told['id']}, {told['status'].lower()}", _since(told)),
        Text(),
    ]
    if not any(one["slice"] for one in told["results"]):
        parts += [_verdict(one, metrics[one["metric"]]) for one in told["results"]]
        parts.append(Text())
    parts += [_table(told["results"], metrics), Text()]
    for one in told["series"] or ():
        parts += _chart(one, metrics[one["metric"]], width)
    parts += [_split(told), *_remaining(told, metrics), *_notes(told), watermark(told["freshness"])]
    return Group(*parts)


def sentence(result: Row, metric: Row) -> str:
    """What a result means for somebody who has to decide."""
    who, what = result["variant"], metric["label"]
    effect, verdict = _effect(result, metric), result["verdict"]
    match verdict:
        case "BETTER" | "WORSE":
            breached = result["guardrail"] == "BREACHED"
            advice = "but its guardrail is breached" if breached else "it is safe to stop"
            return f"{who}: {what} is {effect}. That is {verdict.lower()}; {advice}."
        case "NOT_ENOUGH_DATA":
            why = "; ".join(_REASONS.get(code, code) for code in result["reasons"])
            return f"{who}: {what} has too little data yet ({why}); wait."
        case "INVALID":
            codes = [
                code for code in ("SAMPLE_RATIO_MISMATCH", "WEIGHTS_CHANGED") if code in result["reasons"]
            ]
            why = " and ".join(_REASONS[code] for code in codes)
            return f"{who}: {what} has no verdict that can be trusted, since {why}."
    return f"{who}: {what} is not shown to differ yet, {effect}; look again whenever you like."


def _effect(result: Row, metric: Row) -> str:
    """``4.1 % higher, between 1.2 % and 7.1 % higher``; in units where there is no percentage."""
    found, unit = result["lift"], "fraction"
    if found is None:
        found, unit = result["difference"], metric["unit"]
    if found is None:
        return "but how much is not known"
    value, lower, upper = found["value"], found["lower"], found["upper"]
    if lower is None or upper is None:
        return _way(value, unit)
    if lower * upper > 0:
        low, high = sorted((abs(lower), abs(upper)))
        return f"{_way(value, unit)}, between {human(low, unit)} and {_way(upper, unit, high)}"
    return f"between {_way(lower, unit)} and {_way(upper, unit)}"


def _way(value: float, unit: str | None, size: float | None = None) -> str:
    return f"{human(abs(value) if size is None else size, unit)} {'higher' if value >= 0 else 'lower'}"


def _verdict(result: Row, metric: Row) -> Text:
    told = Text(sentence(result, metric), _STYLES.get(result["verdict"], ""))
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
            _NONE if p_value is None else f"{p_value:.2g}",
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
    if split["ok"]:
        return Text(f"users: {users}; they split as the weights say (p {split['pValue']:.2g})", "dim")
    expected = ", ".join(f"{one:,.0f}" for one in split["expected"])
    return Text(
        f"users: {users}; expected {expected}, p {split['pValue']:.2g}: the split is broken", "bold red"
    )


def _remaining(told: Body, metrics: Mapping[str, Row]) -> Iterator[Text]:
    for one in told["remaining"]:
        name = f"{metrics[one['metric']]['name']}, {one['variant']}"
        if not one["users"]:
            continue
        wait = ""
        if one["lowSeconds"] is not None and one["highSeconds"] is not None:
            wait = f", {one['lowSeconds'] / 86_400:.1f} to {one['highSeconds'] / 86_400:.1f} days"
        finds = one["minimumDetectableLift"]
        lift = "" if finds is None else f"; they find a lift of {human(finds, 'fraction')}"
        yield Text(f"{name}: {one['users']:,.0f} users to go by the plan{wait}{lift}", "dim")


def _notes(told: Body) -> Iterator[Text]:
    if told["excludedUsers"]:
        yield Text(f"{told['excludedUsers']:,.0f} users saw several variants and count nowhere", "yellow")
    for code in dict.fromkeys(code for one in told["results"] for code in one["reasons"]):
        yield Text(f"{code}: {_REASONS.get(code, code)}", "yellow")


def _since(told: Body) -> str:
    return f" since {told['startedAt'][:16].replace('T', ' ')} UTC" if told["startedAt"] else ""
