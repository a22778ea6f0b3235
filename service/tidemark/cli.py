"""The command line: ``tidemark``. Each command stands with what it commands."""

from importlib.metadata import version
from typing import Annotated

import typer

from tidemark.ingest.demo.commands import demo
from tidemark.ingest.replay.commands import replay
from tidemark.jobs.commands import app as jobs
from tidemark.local.commands import down, logs, status, up
from tidemark.query.commands import query

app = typer.Typer(
    help="Real-time metrics for campaigns and A/B tests that say how far they are complete.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"tidemark {version('tidemark')}")
        raise typer.Exit


@app.callback()
def main(
    *,
    _show: Annotated[
        bool, typer.Option("--version", callback=lambda wanted: _version(wanted=wanted), is_eager=True)
    ] = False,
) -> None:
    """Real-time metrics for campaigns and A/B tests that say how far they are complete."""


for command in (up, down, status, logs, replay, demo, query):
    app.command()(command)
app.add_typer(jobs, name="jobs")
