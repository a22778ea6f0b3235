"""``tidemark rejected``: the newest dead letters."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer


def rejected(
    *,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=1000, help="how many, the newest first")
    ] = 20,
    url: Annotated[str | None, typer.Option(help="the service")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document for machines")] = False,
) -> None:
    """What was refused: when, where its bytes lie, which field, and why."""
    import httpx  # noqa: PLC0415 - heavy imports only where they are used
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from tidemark.settings import settings  # noqa: PLC0415

    service = url or settings().service_url
    try:
        answer = httpx.get(f"{service}/rejected", params={"limit": limit}, timeout=30)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        typer.echo(
            f"The service at {service} does not answer ({error}); is it up? `tidemark status` tells.",
            err=True,
        )
        raise typer.Exit(1) from error
    letters = answer.json()["rejected"]
    if as_json:
        typer.echo(json.dumps(letters))
        return
    if not letters:
        typer.echo("Nothing was refused.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("when (UTC)", "door", "where", "field", "reason", "bytes"):
        table.add_column(
            heading, overflow="ellipsis" if heading == "bytes" else "fold", no_wrap=heading == "bytes"
        )
    for letter in letters:
        table.add_row(
            f"{datetime.fromtimestamp(letter['at'] / 1000, UTC):%Y-%m-%d %H:%M:%S}",
            letter["door"],
            f"{letter['topic']}/{letter['partition']}/{letter['offset']}",
            letter["field"],
            letter["reason"],
            letter["raw"][:200],
        )
    Console().print(table)
