"""The command ``tidemark``: every part's commands under one name."""

from typing import Annotated

import typer

from tidemark.alerts.alert_commands import app as alerts
from tidemark.alerts.commands import app as rules
from tidemark.experiments.commands import app as experiments
from tidemark.experiments.show import experiment
from tidemark.ingest.demo.commands import demo
from tidemark.ingest.replay.commands import replay
from tidemark.jobs.commands import app as jobs
from tidemark.local.commands import down, logs, restart, status, up
from tidemark.query.commands import explain, query
from tidemark.rejected.commands import rejected

app = typer.Typer(
    name="tidemark",
    help="Real-time metrics for campaigns and A/B tests that say how far they are complete.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - help is quick

        typer.echo(f"tidemark {version('tidemark')}")
        raise typer.Exit


@app.callback()
def main(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Real-time metrics for campaigns and A/B tests that say how far they are complete."""


_CLUSTER, _EVENTS = "The local cluster", "Events and questions"
app.command(rich_help_panel=_CLUSTER)(up)
app.command(rich_help_panel=_CLUSTER)(down)
app.command(rich_help_panel=_CLUSTER)(restart)
app.command(rich_help_panel=_CLUSTER)(status)
app.command(rich_help_panel=_CLUSTER)(logs)
app.add_typer(jobs, name="jobs", rich_help_panel=_CLUSTER)
app.command(rich_help_panel=_EVENTS)(replay)
app.command(rich_help_panel=_EVENTS)(demo)
app.command(rich_help_panel=_EVENTS)(query)
app.command(rich_help_panel=_EVENTS)(explain)
app.command(rich_help_panel=_EVENTS)(rejected)
app.command(rich_help_panel=_EVENTS)(experiment)
app.add_typer(experiments, name="experiments", rich_help_panel=_EVENTS)
app.add_typer(rules, name="rules", rich_help_panel=_EVENTS)
app.add_typer(alerts, name="alerts", rich_help_panel=_EVENTS)
