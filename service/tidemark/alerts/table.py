"""Rules as a table in the terminal."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tidemark.alerts.rule import Rule, Severity
from tidemark.declared.values import as_length

_STYLES = {Severity.INFO: "dim", Severity.WARNING: "yellow", Severity.CRITICAL: "red"}


def render(rules: Sequence[Rule]) -> RenderableType:
    """A row a rule; a sentence where there is none."""
    if not rules:
        return Text("No rule is declared; write one in catalogue/alerts.")
    table = Table(box=None, pad_edge=False)
    for heading in ("alert", "severity", "judged", "when"):
        table.add_column(heading, no_wrap=heading != "when", overflow="fold")
    for one in rules:
        pace = f"every {as_length(one.every_ms)}{', and at once' if one.is_open else ''}"
        held = f" for {as_length(one.for_ms)}" if one.for_ms else ""
        table.add_row(
            Text(one.name, "bold"),
            Text(one.severity.lower(), _STYLES[one.severity]),
            Text(pace),
            Text(f"{one.when.text}{held}"),
        )
    return table
