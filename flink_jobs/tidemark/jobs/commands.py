"""``tidemark jobs``: submit, status and stop."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tidemark.jobs.rest import Flink
    from tidemark.settings import Settings

app = typer.Typer(help="The Flink jobs.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="the job's name")]
Json = Annotated[bool, typer.Option("--json", help="one JSON document for machines")]
_PATIENCE = 90.0


@app.command()
def submit(name: Name = "campaign") -> None:
    """Let a job run (again).

    From its newest complete checkpoint, by the keeper that `tidemark up` started.
    """
    from tidemark.jobs.keeper import stop_file  # noqa: PLC0415

    stop_file(_settings().home, _known(name)).unlink(missing_ok=True)
    with _reachable():
        _await(name, alive=True)
    typer.echo(f"{name} runs.")


@app.command()
def stop(
    name: Name = "campaign",
    *,
    forget: Annotated[
        bool, typer.Option("--forget", help="throw its state away: it then starts from the first offset")
    ] = False,
) -> None:
    """End a job and leave it ended; its checkpoints stay, unless --forget is given."""
    import shutil  # noqa: PLC0415

    from tidemark.jobs.keeper import stop_file  # noqa: PLC0415

    marker = stop_file(_settings().home, _known(name))
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()
    flink = _flink()
    with _reachable():
        for run in flink.runs():
            if run.name == name and run.alive:
                flink.cancel(run.id)
        _await(name, alive=False)
    if forget:
        for folder in marker.parent.glob(f"checkpoints/{name}-*"):
            shutil.rmtree(folder)
    typer.echo(f"{name} is stopped{', its state thrown away' if forget else ''}.")


@app.command()
def status(*, as_json: Json = False) -> None:
    """Each job: its state, restarts and newest checkpoint. Exit code 1 unless all run."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    with _reachable():
        rows = [_row(name) for name in _names()]
    if as_json:
        typer.echo(json.dumps(rows))
    else:
        table = Table("job", "state", "restarts", "checkpoints", "newest")
        for row in rows:
            age = row["newest_checkpoint_seconds_ago"]
            table.add_row(
                str(row["name"]),
                str(row["state"]),
                str(row["restarts"]),
                str(row["checkpoints"]),
                "none yet" if age is None else f"{age} s ago",
            )
        Console().print(table)
    if any(row["state"] != "RUNNING" for row in rows):
        raise typer.Exit(1)


def _row(name: str) -> dict[str, object]:
    flink = _flink()
    run = next((run for run in flink.runs() if run.name == name), None)
    if run is None:
        return {
            "name": name,
            "state": "NOT SUBMITTED",
            "restarts": 0,
            "checkpoints": 0,
            "newest_checkpoint_seconds_ago": None,
        }
    progress = flink.progress(run.id)
    age = None if progress.newest_ms is None else round(time.time() - progress.newest_ms / 1000, 1)
    return {
        "name": name,
        "state": run.state,
        "restarts": flink.restarts(run.id),
        "checkpoints": progress.completed,
        "newest_checkpoint_seconds_ago": age,
    }


def _await(name: str, *, alive: bool) -> None:
    from rich.console import Console  # noqa: PLC0415

    flink, limit = _flink(), time.monotonic() + _PATIENCE
    with Console(stderr=True).status(f"waiting for {name} to {'run' if alive else 'end'}"):
        while any(run.name == name and run.alive for run in flink.runs()) != alive:
            if time.monotonic() > limit:
                end = "run" if alive else "end"
                typer.echo(
                    f"{name} did not {end} within {_PATIENCE:.0f} s; see `tidemark logs jobs`.", err=True
                )
                raise typer.Exit(1)
            time.sleep(0.3)


def _known(name: str) -> str:
    if name not in _names():
        typer.echo(f"There is no job {name}; there are: {', '.join(_names())}.", err=True)
        raise typer.Exit(2)
    return name


def _names() -> list[str]:
    from pathlib import Path  # noqa: PLC0415

    from tidemark.jobs.definition import jobs  # noqa: PLC0415

    return [job.name for job in jobs(_settings(), Path())]


def _settings() -> "Settings":
    from tidemark.settings import settings  # noqa: PLC0415

    return settings()


def _flink() -> "Flink":
    from tidemark.jobs.rest import Flink  # noqa: PLC0415

    return Flink(_settings().flink_url)


@contextmanager
def _reachable() -> Iterator[None]:
    """One sentence instead of a traceback where Flink does not answer."""
    from tidemark.jobs.rest import FlinkUnreachableError  # noqa: PLC0415

    try:
        yield
    except FlinkUnreachableError as error:
        typer.echo(f"{error}. Is the cluster up? `tidemark status` tells, `tidemark up` starts it.", err=True)
        raise typer.Exit(1) from error
