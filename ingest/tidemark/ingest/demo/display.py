"""How the demo and its check look in a terminal."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from itertools import groupby

from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tidemark.ingest.demo.cast import MICROS
from tidemark.ingest.demo.check import METRICS, Comparison, Number
from tidemark.ingest.demo.ledger import Ledger, Totals
from tidemark.ingest.demo.scenario import Scenario
from tidemark.ingest.replay.batch import Batch
from tidemark.ingest.replay.display import money

_BEATS = 24
_BEAT_MS = 5_000
_BARS = "▁▂▃▄▅▆▇█"
_FAILING, _FAILED = 0.05, 0.95


class Pulse:
    """Clicks and conversions of each campaign, by five seconds, for the sparklines."""

    def __init__(self) -> None:
        self._beats: defaultdict[str, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))

    def note(self, batch: Batch) -> None:
        """Count a batch in."""
        for event in batch.events:
            if event.event in {"click", "conversion"}:
                self._beats[event.campaign_id][event.event_time // _BEAT_MS] += 1

    def line(self, campaign: str, now_ms: int) -> str:
        """The last two minutes, the present five seconds left out; forgets what is older."""
        beats = self._beats[campaign]
        end = now_ms // _BEAT_MS
        for beat in [beat for beat in beats if beat < end - _BEATS]:
            del beats[beat]
        first = min(beats, default=end)
        heights = [beats.get(beat, 0) for beat in range(max(first, end - _BEATS), end)]
        top = max(heights, default=0) or 1
        return "".join(_BARS[height * (len(_BARS) - 1) // top] for height in heights)


def living(scenario: Scenario, ledger: Ledger, pulse: Pulse, now_ms: int) -> Group:
    """The department as it stands."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("campaign", no_wrap=True)
    for name in ("impressions", "clicks", "CTR", "conversions", "CVR", "spend", "revenue"):
        table.add_column(name, justify="right")
    table.add_column("last two minutes", min_width=_BEATS)
    table.add_column("")
    for campaign in scenario.campaigns:
        sums = ledger.totals.get(campaign, Totals())
        table.add_row(
            campaign,
            f"{sums.impressions:,}",
            f"{sums.clicks:,}",
            _rate(sums.clicks, sums.impressions),
            f"{sums.conversions:,}",
            _rate(sums.conversions, sums.clicks),
            f"{sums.spend_micros / MICROS:,.2f}",
            f"{sums.revenue_micros / MICROS:,.2f}",
            Text(pulse.line(campaign, now_ms), style="cyan"),
            _health(scenario, campaign, now_ms),
        )
    elapsed = dt.timedelta(seconds=max(0, now_ms - scenario.start_ms) // 1000)
    line = Text.assemble(
        ("● ", "green"),
        f"{elapsed}  ",
        (f"{ledger.events:,} events accepted", "bold"),
        f"  {scenario.rate:g}/s  ",
        ("Ctrl-C ends", "dim"),
    )
    return Group(table, Text(), line)


def show_start(console: Console, scenario: Scenario, url: str) -> None:
    """Say what begins."""
    console.print(
        f"[bold]A marketing department of {len(scenario.campaigns)} campaigns[/] "
        f"[dim](seed {scenario.seed}, {scenario.rate:g} events/s, to {escape(url)})[/]",
        highlight=False,
    )


def show_end(console: Console, ledger: Ledger, seed: int) -> None:
    """Say what was sent."""
    mark = "[green]✓[/]" if not ledger.refused else "[yellow]![/]"
    console.print(
        f"{mark} {ledger.events:,} events accepted, {len(ledger.refused):,} refused", highlight=False
    )
    for reason, count in _counted(ledger.refused):
        console.print(f"  [red]{count:>7,} times[/] {escape(reason)}", highlight=False)
    console.print(f"  [dim]compare with GraphQL: tidemark demo --check --seed {seed}[/]", highlight=False)


def show_comparison(console: Console, comparison: Comparison) -> None:
    """Print both books side by side, and whether they agree."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("campaign", no_wrap=True)
    for name in METRICS:
        table.add_column(name, justify="right")
    table.add_column("")
    for campaign, group in groupby(comparison.numbers, key=lambda number: number.campaign):
        numbers = list(group)
        agree = all(number.is_equal for number in numbers)
        mark = Text("✓", style="green") if agree else Text("≠", style="bold red")
        table.add_row(campaign, *(_compared(number) for number in numbers), mark)
    console.print(table)
    console.print()
    differing = sum(not number.is_equal for number in comparison.numbers)
    through = f"{comparison.complete_through.astimezone(dt.UTC):%H:%M:%S} UTC"
    if differing:
        console.print(
            f"[red]✗[/] [bold]{differing} of {len(comparison.numbers)} numbers differ[/] "
            "(the demo's own ≠ GraphQL's), "
            f"though the answer says it is complete through {through}",
            highlight=False,
        )
    else:
        console.print(
            f"[green]✓[/] [bold]all {len(comparison.numbers)} numbers are equal[/], "
            f"complete through {through} [dim](after {comparison.waited:.1f} s)[/]",
            highlight=False,
        )


def comparison_json(comparison: Comparison) -> Mapping[str, object]:
    """For machines; money in micros."""
    return {
        "equal": comparison.is_equal,
        "complete_through": comparison.complete_through.isoformat(),
        "waited_seconds": round(comparison.waited, 3),
        "numbers": [
            {
                "campaign": number.campaign,
                "metric": number.metric,
                "expected": number.expected,
                "answered": number.answered,
            }
            for number in comparison.numbers
        ],
    }


def _health(scenario: Scenario, campaign: str, now_ms: int) -> Text:
    decline = scenario.decline(now_ms) if campaign == scenario.failing else 0.0
    if decline > _FAILED:
        return Text("failing", style="bold red")
    if decline > _FAILING:
        is_worse = scenario.decline(now_ms - 1000) < decline
        return Text("getting worse" if is_worse else "recovering", style="yellow")
    return Text("")


def _compared(number: Number) -> Text:
    expected, answered = _shown(number, number.expected), _shown(number, number.answered)
    if number.is_equal:
        return Text(expected)
    return Text(f"{expected} ≠ {answered}", style="bold red")


def _shown(number: Number, value: int) -> str:
    return money(value) if number.metric in {"spend", "revenue"} else f"{value:,}"


def _rate(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "-"


def _counted(reasons: list[str]) -> list[tuple[str, int]]:
    return sorted(((reason, reasons.count(reason)) for reason in set(reasons)), key=lambda item: -item[1])[:5]
