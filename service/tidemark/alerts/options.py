"""Options that the commands of rules and alerts share."""

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        file_okay=False,
        help="Where the rules lie.",
        show_default="alerts in the catalogue",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document for machines.")]
