"""``tidemark up``, ``down``, ``restart``, ``status``, ``logs``: their options; the session does the work."""

from typing import Annotated

import typer

PartName = Annotated[
    str, typer.Argument(help="A part, such as collector, kafka-1, or kafka for every broker; all without it.")
]


def up() -> None:
    """Start the local cluster and wait until it is ready; harmless when it runs.

    Kafka, the schema registry, Flink, the jobs, the collector and the service,
    each a process of its own that is started again when it dies. What must be
    fetched is fetched first. All of it is written below TIDEMARK_HOME (.tidemark).
    """
    from tidemark.local.session import Session  # noqa: PLC0415 - help is quick

    raise typer.Exit(Session.of_terminal().up())


def down() -> None:
    """End the local cluster in order; its data stays."""
    from tidemark.local.session import Session  # noqa: PLC0415

    raise typer.Exit(Session.of_terminal().down())


def restart(
    part: Annotated[str, typer.Argument(help="A part, such as service; kafka for every broker.")],
) -> None:
    """End a part and start it again, for example the service after a change in the catalogue."""
    from tidemark.local.session import Session  # noqa: PLC0415

    raise typer.Exit(Session.of_terminal().restart(part))


def status(
    part: PartName = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Say of each part whether it lives and does its work; ends with 0 only if all do."""
    from tidemark.local.session import Session  # noqa: PLC0415

    raise typer.Exit(Session.of_terminal().status(part, as_json=as_json))


def logs(
    part: PartName = "",
    *,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many of the last lines.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines are added.")] = False,
) -> None:
    """Show the last lines of the parts' logs; ``supervisord`` is the log of every start and death."""
    from tidemark.local.session import Session  # noqa: PLC0415

    raise typer.Exit(Session.of_terminal().logs(part, lines=lines, follow=follow))
