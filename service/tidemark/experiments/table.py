"""Definitions as a table in the terminal."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tidemark.experiments.definition import Definition, Status
from tidemark.query.instant import from_ms

_STYLES = {Status.RUNNING: "green", Status.STOPPED: "dim", Status.DRAFT: "yellow"}


def render(definitions: Sequence[Definition]) -> RenderableType:
    """A row an experiment; a sentence where there is none."""
    if not definitions:
        return Text("No experiment is declared; docs/experiments.md says how.")
    table = Table(box=None, pad_edge=False)
    for heading in ("experiment", "status", "from", "until", "variants", "users", "alpha", "goals"):
        is_number = heading in {"users", "alpha"}
        table.add_column(heading, no_wrap=heading == "experiment", justify="right" if is_number else "left")
    for one in definitions:
        table.add_row(
            Text(one.id, "bold"),
            Text(one.status, _STYLES[one.status]),
            _time(one.start_ms),
            _time(one.end_ms),
            Text(_variants(one)),
            f"{one.planned_users:,}",
            f"{one.alpha:.3g}",
            Text(", ".join(goal.name for goal in one.goals)),
        )
    return table


def _variants(definition: Definition) -> str:
    """``control* 50 %, treatment 50 %`` as the newest phase has it; the star is the control's."""
    last = definition.phases[-1].start_ms if definition.phases else 0
    shares = definition.shares_at(last)
    control = definition.control.key
    return ", ".join(
        f"{key}{'*' if key == control else ''} {100 * share:.3g} %" for key, share in shares.items()
    )


def _time(at: int | None) -> str:
    return "" if at is None else f"{from_ms(at):%Y-%m-%d}"
