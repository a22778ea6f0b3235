"""The rules that ``alert_ticks`` judges: the shipped ones with other slices, windows and thresholds.

Each is judged every minute. Those on experiments and on Tidemark itself are left out.
"""

import shutil
from collections.abc import Iterator, Sequence
from itertools import combinations, cycle, islice, product
from pathlib import Path

import population

CAMPAIGNS, ADS = 50, 8
CATALOGUE = Path(__file__).resolve().parents[1] / "catalogue"
WIDE = 10_000
_A_FILE = 100
"""Rules in one file, which may not be large."""

_SHIPPED = (
    ("[SPEND, CONVERSIONS]", "15m 5m 30m", "", "SPEND > {hundreds}00 and SPEND > 100 * CONVERSIONS"),
    ("[SPEND]", "day", "", "SPEND > {hundreds}0% * budget"),
    ("[SPEND]", "day", "", "elapsed >= 25% and SPEND > {hundreds}0% * budget * elapsed"),
    ("[CTR, IMPRESSIONS]", "1h 30m", "week", "change_upper.CTR < 0 and change.CTR < -{hundreds}%"),
    ("[CVR, CLICKS]", "1h 30m", "week", "change_upper.CVR < 0 and change.CVR < -{hundreds}%"),
    ("[CLICKS, IMPRESSIONS]", "10m 5m", "period", "CLICKS == 0 and previous.CLICKS > {hundreds}"),
    ("[CONVERSIONS, CLICKS]", "10m 5m", "period", "CONVERSIONS == 0 and previous.CONVERSIONS > {hundreds}"),
    ("[SPEND]", "1h", "", "SPEND > {hundreds}00"),
)  # fmt: skip
"""Metrics, windows, comparison and condition: what a rule in catalogue/alerts asks."""


def shared(count: int) -> list[str]:
    """Rules of which many look at the same slice: by channel, by country, or everything."""
    some = [f"country={','.join(population.COUNTRIES[first::3])}" for first in range(3)]
    slices = ["", "source=web,server", *(f"channel!={one}" for one in population.CHANNELS), *some]
    return list(islice(_rules(cycle(slices)), count))


def own(count: int) -> list[str]:
    """Rules of which each looks at a slice of its own."""
    pairs = combinations(population.COUNTRIES, 2)
    slices = (
        f'["country!={one},{other}", "channel!={channel}"]'
        for (one, other), channel in product(pairs, population.CHANNELS)
    )
    return list(islice(_rules(slices), count))


def wide(condition: str, more: str = "") -> list[str]:
    """One rule with a series for each of 10,000 campaigns; ``more`` is a line of it, such as its ``for``."""
    return [
        f"""\
      - alert: Wide
        query: {{metrics: [SPEND], dimensions: [CAMPAIGN], where: "channel=wide", window: 5m}}
        when: {condition}
        {more}
        max_instances: {WIDE}
        annotations: {{summary: "{{{{ campaign_name }}}} spends {{{{ SPEND }}}}"}}
"""
    ]


def write(folder: Path, rules: Sequence[str]) -> None:
    """A catalogue with these rules and no others; each campaign has a budget."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(
        CATALOGUE, folder, ignore=shutil.ignore_patterns("alerts", "campaigns.yaml", "experiments")
    )
    (folder / "campaigns.yaml").write_text(
        "".join(
            f"- {{id: campaign-{number}, name: Campaign {number}, daily_budget: {2_000 + 100 * number}}}\n"
            for number in range(CAMPAIGNS)
        )
    )
    (folder / "alerts").mkdir()
    for first in range(0, len(rules), _A_FILE):
        text = "".join(rules[first : first + _A_FILE])
        head = f"groups:\n  - name: Rules {first}\n    every: 1m\n    rules:\n"
        (folder / "alerts" / f"rules{first:04}.yaml").write_text(head + text)


def _rules(slices: Iterator[str]) -> Iterator[str]:
    for number, where in enumerate(slices):
        metrics, windows, compare, when = _SHIPPED[number % len(_SHIPPED)]
        turn = number // len(_SHIPPED)
        every = windows.split()
        window = every[turn % len(every)]
        parts = [f"metrics: {metrics}", "dimensions: [CAMPAIGN]", f"window: {window}"]
        parts += [f"where: {where}"] if where.startswith("[") else [f'where: "{where}"'] if where else []
        parts += [f"compare: {compare}"] if compare else []
        yield f"""\
      - alert: Rule{number}
        query: {{{", ".join(parts)}}}
        when: {when.format(hundreds=10 + turn % 60)}
        annotations: {{summary: "{{{{ campaign_name }}}}", description: "{{{{ campaign_owner }}}}"}}
"""
