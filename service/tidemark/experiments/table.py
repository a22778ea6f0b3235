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
    for heading in ("experiment", "status", "from", "until", "variants", "users", "goals"):
        folds = heading in {"variants", "goals"}
        table.add_column(
            heading, no_wrap=not folds, overflow="fold", justify="right" if heading == "users" else "left"
        )
    for one in definitions:
        table.add_row(
            Text(one.id, "bold"),
            Text(one.status, _STYLES[one.status]),
            _time(one.start_ms),
            _time(one.end_ms),
            Text(_variants(one)),
            f"{one.planned_users:,}",
            Text("\n".join(goal.name for goal in one.goals)),
        )
    return table


def _variants(definition: Definition) -> str:
    """A line a variant, ``control* 50 %``, as the newest phase has it; the star is the control's."""
    last = definition.phases[-1].start_ms if definition.phases else 0
    control = definition.control.key
    shares = definition.shares_at(last).items()
    return "\n".join(f"{key}{'*' if key == control else ''} {100 * share:.3g} %" for key, share in shares)


def _time(at: int | None) -> str:
    return "" if at is None else f"{from_ms(at):%Y-%m-%d}"
