"""How a replay looks in a terminal."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from tidemark.ingest.replay.replay import Watch
from tidemark.ingest.replay.report import Reasons, Report
from tidemark.ingest.replay.rows import Rows
from tidemark.ingest.replay.sender import Notice

_SHOWN_REASONS = 5
_MICROS = 1_000_000


def show_notice(console: Console, notice: Notice) -> None:
    """Print a notice on a line of its own."""
    mark = "[green]✓[/]" if notice.good else "[yellow]![/]"
    console.print(f"{mark} {escape(notice.text)}", highlight=False, soft_wrap=True)


def show_problem(console: Console, problem: str) -> None:
    """Print why the command failed."""
    console.print(f"[red]✗[/] {escape(problem)}", highlight=False, soft_wrap=True)


@contextmanager
def progress(console: Console, title: str, report: Report) -> Iterator[Watch]:
    """A bar over the bytes of the file, with what was accepted so far; nothing where no person looks."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[state]}"),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(title, total=None, state="")

        def watch(rows: Rows) -> None:
            state = f"{report.accepted:,} accepted" if report.accepted else f"row {report.rows:,}"
            if report.rejected.count or report.unreadable.count:
                state += f", [red]{report.rejected.count + report.unreadable.count:,} refused[/]"
            bar.update(task, completed=rows.position(), total=rows.size, state=state)

        yield watch


def show_shift(console: Console, newest_ms: int, shift_ms: int) -> None:
    """Say what was moved, and how far."""
    newest = dt.datetime.fromtimestamp(newest_ms / 1000, dt.UTC)
    distance = dt.timedelta(seconds=shift_ms // 1000)
    console.print(
        f"  newest event {newest:%Y-%m-%d %H:%M} UTC, moved to now by {distance}; "
        "[dim]original_time stays the file's[/]",
        highlight=False,
        soft_wrap=True,
    )


def show_summary(console: Console, report: Report, *, title: str) -> None:
    """Print what became of the file."""
    table = Table(
        title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False
    )
    table.add_column("event")
    has_spend = any(sums.cost_micros for sums in report.by_event.values())
    has_revenue = any(sums.value_micros for sums in report.by_event.values())
    names = ["events", "quantity", *(["spend"] if has_spend else []), *(["revenue"] if has_revenue else [])]
    for name in names:
        table.add_column(name, justify="right")
    for name, sums in sorted(report.by_event.items(), key=lambda item: -item[1].events):
        cells = [f"{sums.events:,}", f"{sums.quantity:,}"]
        cells += [money(sums.cost_micros) if sums.cost_micros else ""] if has_spend else []
        cells += [money(sums.value_micros) if sums.value_micros else ""] if has_revenue else []
        table.add_row(escape(name), *cells)
    console.print()
    if report.by_event:
        console.print(table)
        console.print()
    mark = "[green]✓[/]" if report.is_clean else "[yellow]![/]"
    parts = [
        f"{report.rows:,} rows",
        f"{report.sent:,} events sent",
        f"[bold]{report.accepted:,} accepted[/]",
        _counted(report.rejected, "rejected"),
        *([_counted(report.unreadable, "unreadable")] if report.unreadable.count else []),
        f"{report.events_per_second:,.0f} events/s",
        f"{report.seconds:.1f} s",
        *([f"{report.retries:,} requests sent again"] if report.retries else []),
    ]
    console.print(f"{mark} " + " [dim]·[/] ".join(parts), highlight=False, soft_wrap=True)
    _show_reasons(console, report.rejected, "The collector rejected")
    _show_reasons(console, report.unreadable, "Not sent, since the map does not fit")


def money(micros: int) -> str:
    """Micros as currency units, every digit kept: ``58,705.229957``."""
    text = f"{Decimal(micros) / _MICROS:,.6f}"
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"


def _counted(reasons: Reasons, word: str) -> str:
    return f"[red]{reasons.count:,} {word}[/]" if reasons.count else f"0 {word}"


def _show_reasons(console: Console, reasons: Reasons, title: str) -> None:
    if not reasons.count:
        return
    console.print(f"\n[bold]{title}[/]")
    ordered = reasons.most_frequent()
    for text, reason in ordered[:_SHOWN_REASONS]:
        example = f": {escape(repr(reason.example))}" if reason.example else ""
        console.print(
            f"  [red]{reason.count:>7,} times[/] {escape(text)} "
            f"[dim](first in row {reason.first_row:,}{example})[/]",
            highlight=False,
            soft_wrap=True,
        )
    if len(ordered) > _SHOWN_REASONS:
        console.print(f"  [dim]and {len(ordered) - _SHOWN_REASONS} more reasons; --json shows them[/]")
