"""The dashboard benchmark's figures as text: pure, measurements in, Markdown out."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard_panels import PANELS
from dashboard_viewers import PanelSeen, Seen
from load_events import Loaded

AIM_P50_MS, AIM_P99_MS = 25.0, 150.0
"""What the cache off may cost a viewer, over all panels."""

_LEAST_OF_RATE = 0.97
LIVE = "A dashboard under load"
GROWTH = "Cost against growth"


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds spent in a second of wall clock: by the service, and by all of the cluster's processes."""

    service: float
    cluster: float


@dataclass(frozen=True, slots=True)
class Live:
    """One run under load.

    Attributes:
        cache: Whether the cache was on.
        timed: What the viewers saw in the seconds that count.
        priced: What they saw in a shorter pass that asks for the cost too.
        alone: CPU while events came in and nobody asked.
        busy: CPU in the seconds that count.
        seconds: How many those were.
        stream_rate: Events a second that the collector accepted.
    """

    cache: bool
    timed: Seen
    priced: Seen
    alone: Cpu
    busy: Cpu
    seconds: float
    stream_rate: float


@dataclass(frozen=True, slots=True)
class Idle:
    """One size's run without a stream."""

    loaded: Loaded
    timed: Seen
    priced: Seen


def at(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of ``values`` does not exceed; NaN of none."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else math.nan


def waits(seen: Seen) -> list[float]:
    """All panels' milliseconds."""
    return [wait for panel in seen.panels for wait in panel.waited_ms]


def complaints(run: Live, rate: int) -> list[str]:
    """What is not as it should be, a sentence each; ``rate`` is the stream's, events a second."""
    found = []
    p50, p99 = at(waits(run.timed), 0.5), at(waits(run.timed), 0.99)
    if not run.cache and not (p50 <= AIM_P50_MS and p99 <= AIM_P99_MS):
        found.append(
            f"Without the cache p50 is {p50:.1f} ms (aim {AIM_P50_MS:.0f}),"
            f" p99 {p99:.1f} ms (aim {AIM_P99_MS:.0f})."
        )
    if run.stream_rate < _LEAST_OF_RATE * rate:
        found.append(f"The collector took {run.stream_rate:,.0f} events/s of {rate:,} that were due.")
    return found


def loaded_line(loaded: Loaded) -> str:
    """What stands in the tables."""
    return (
        f"{loaded.events:,} events of {loaded.campaigns:,} campaigns in 30 days,"
        f" {loaded.minute_rows:,} minute rows, {loaded.data_bytes / 1e6:,.0f} MB;"
        f" loaded in {loaded.seconds:.0f} s."
    )


def live_section(loaded: Loaded, runs: Sequence[Live], bare: Sequence[Sequence[float]], machine: str) -> str:
    """A paragraph, a table and the CPU for each run."""
    return "\n\n".join([f"{loaded_line(loaded)} {machine}", *(_live(run, bare) for run in runs)])


def _live(run: Live, bare: Sequence[Sequence[float]]) -> str:
    rows = [rows for panel in run.priced.panels for rows in panel.rows_read]
    lines = [
        "| panel | p50 ms | p95 ms | p99 ms | max ms | rows read | bare SELECT p50 ms | p50 to bare |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
        *(
            _line(panel.name, seen.waited_ms, priced.rows_read, alone)
            for panel, seen, priced, alone in zip(
                PANELS, run.timed.panels, run.priced.panels, bare, strict=True
            )
        ),
        _line("all", waits(run.timed), rows, [taken for panel in bare for taken in panel]),
    ]
    return f"**Cache {'on' if run.cache else 'off'}.** {_beside(run)}\n\n" + "\n".join(lines)


def _line(name: str, waited: Sequence[float], rows_read: Sequence[float], bare: Sequence[float]) -> str:
    shares = " | ".join(f"{at(waited, share):.1f}" for share in (0.5, 0.95, 0.99, 1))
    ratio = at(waited, 0.5) / at(bare, 0.5)
    return f"| {name} | {shares} | {_mean(rows_read):,.0f} | {at(bare, 0.5):.1f} | {ratio:.2f} |"


def _beside(run: Live) -> str:
    """What else the run showed, in a paragraph."""
    timed, busy, alone = run.timed, run.busy, run.alone
    asked = len(waits(timed))
    lags = [lag for panel in timed.panels for lag in panel.lag_ms]
    hits = sum(panel.cache_hits for panel in run.priced.panels) / max(1, len(waits(run.priced)))
    own_ms = (busy.service - alone.service) * run.seconds / max(1, asked) * 1000
    return (
        f"{asked:,} answers in {run.seconds:.0f} s beside {run.stream_rate:,.0f} events/s,"
        f" {sum(timed.errors.values())} errors; the answers lag p50 {at(lags, 0.5):,.0f} ms,"
        f" p99 {at(lags, 0.99):,.0f} ms behind; {hits:.0%} cache hits."
        f" CPU: {own_ms:.1f} ms of the service a query (in all {busy.service:.2f} cores,"
        f" {alone.service:.2f} with the stream alone), the whole cluster {busy.cluster:.2f} cores"
        f" ({alone.cluster:.2f} with the stream alone); the viewers"
        f" themselves {timed.cpu_seconds / max(1, asked) * 1000:.2f} ms a query;"
        f" {timed.reconnects} connections made anew."
    )


def growth_section(runs: Sequence[Idle], machine: str) -> str:
    """A row a panel, a column a size: p50 / p99 ms and rows read."""
    lines = [
        f"Viewers only, cache off: p50 / p99 in ms, and rows read by an average answer. {machine}",
        "",
        *(f"* {loaded_line(run.loaded)}" for run in runs),
        "",
        "| panel | answered from |" + "".join(f" {run.loaded.events / 1e6:g} M events |" for run in runs),
        "|---|---|" + "--:|" * len(runs),
    ]
    for index, panel in enumerate(PANELS):
        cells = "".join(f" {_cell(run.timed.panels[index], run.priced.panels[index])} |" for run in runs)
        sources = runs[-1].timed.panels[index].sources
        lines.append(f"| {panel.name} | {max(sources, key=sources.__getitem__, default='')} |{cells}")
    whole = "".join(f" {at(waits(run.timed), 0.5):.1f} / {at(waits(run.timed), 0.99):.1f} |" for run in runs)
    return "\n".join([*lines, f"| all | |{whole}"])


def with_section(text: str, heading: str, body: str) -> str:
    """The document with the section's body replaced, or with the section at its end."""
    section = f"## {heading}\n\n{body}\n"
    pattern = re.compile(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if pattern.search(text):
        return pattern.sub(lambda found: section + ("\n" if found.end() < len(text) else ""), text)
    return f"{text.rstrip()}\n\n{section}"


def _cell(timed: PanelSeen, priced: PanelSeen) -> str:
    p50, p99 = at(timed.waited_ms, 0.5), at(timed.waited_ms, 0.99)
    return f"{p50:.1f} / {p99:.1f}, {_mean(priced.rows_read):,.0f} rows"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
