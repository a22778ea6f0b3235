"""``tidemark up``, ``down``, ``status`` and ``logs``."""

import json
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tidemark.settings import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from tidemark.local.observe import Condition
    from tidemark.local.part import Part
    from tidemark.settings import Settings

_PATIENCE = 180.0
_STOP_ORDER = ("collector", "jobs", "service", "taskmanager", "jobmanager", "registry", "kafka")


def up() -> None:
    """Start the whole chain and wait until it is ready. Harmless when it runs already."""
    from tidemark.local import fetch, kafka, preflight, supervise  # noqa: PLC0415
    from tidemark.local.cluster import parts  # noqa: PLC0415

    own, console, begun = settings(), _console(), time.monotonic()
    whole = parts(own)
    try:
        if not supervise.is_running(own):
            _end_left_over(own, console)
            machine = preflight.probe(whole, own.home.resolve())
            found = preflight.lacks(machine, whole, to_fetch=fetch.missing(own), brokers=own.brokers)
            if found:
                _fail("\n".join(found))
            with console.status("fetching") as status:
                fetch.fetch(own, lambda name: status.update(f"fetching {name} (once)"))
            with console.status("preparing the folders"):
                _write_files(whole)
                kafka.format_storage(own)
        supervise.start(own, whole)
        _await_ready(own, console)
    except (fetch.FetchError, supervise.SuperviseError, RuntimeError) as error:
        _fail(f"{error}.")
    console.print(f"[green]Tidemark is up[/] after {time.monotonic() - begun:.0f} s.")
    typer.echo(_where(own))


def down() -> None:
    """Stop everything, the collector first; no process is left."""
    from tidemark.local import supervise  # noqa: PLC0415

    own, console = settings(), _console()
    if not supervise.is_running(own) and not supervise.left_over(own):
        console.print("Nothing runs.")
        return
    if supervise.is_running(own):
        names = [process.name for process in supervise.processes(own)]
        for kind in _STOP_ORDER:
            for name in sorted(name for name in names if name.startswith(kind)):
                with console.status(f"stopping {name}"):
                    supervise.stop_part(own, name)
    with console.status("stopping the supervisor"):
        supervise.shut_down(own)
    if remaining := supervise.left_over(own):
        _fail(f"These processes did not end: {', '.join(str(process.pid) for process in remaining)}.")
    console.print("Tidemark is down.")


def status(
    part: Annotated[str | None, typer.Argument(help="one part only")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document for machines")] = False,
) -> None:
    """Does each part live, and does it do its work? Exit code 1 unless all do."""
    from tidemark.local.observe import SuperviseError, conditions  # noqa: PLC0415

    own = settings()
    try:
        seen = conditions(own)
    except SuperviseError as error:
        if as_json:
            typer.echo(json.dumps({"running": False, "parts": []}))
            raise typer.Exit(1) from error
        _fail(f"{error}.")
    chosen = [condition for condition in seen if part in (None, condition.name)]
    if not chosen:
        _fail(f"There is no part {part}; there are: {', '.join(condition.name for condition in seen)}.")
    if as_json:
        typer.echo(json.dumps({"running": True, "parts": [condition.as_json() for condition in chosen]}))
    else:
        _console().print(_table(chosen))
    if not all(condition.works for condition in chosen):
        raise typer.Exit(1)


def logs(
    part: Annotated[str | None, typer.Argument(help="one part only")] = None,
    *,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="how many of each part")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on until Ctrl-C")] = False,
) -> None:
    """The newest lines of a part's log, or of all."""
    from tidemark.local.cluster import parts  # noqa: PLC0415
    from tidemark.local.supervise import log_file  # noqa: PLC0415

    own = settings()
    names = [each.name for each in parts(own)]
    if part is not None and part not in names:
        _fail(f"There is no part {part}; there are: {', '.join(names)}.")
    chosen = names if part is None else [part]
    ends = {}
    for name in chosen:
        file = log_file(own, name)
        if file.exists():
            with file.open(errors="replace") as text:
                for line in deque(text, maxlen=lines):
                    _print_line(name, line, several=part is None)
                ends[name] = text.tell()
    if not ends:
        _fail(f"There are no logs in {own.home / 'logs'}; was it ever started? `tidemark up`")
    try:
        while follow:
            time.sleep(0.3)
            for name, end in ends.items():
                file = log_file(own, name)
                # a log that was rotated begins anew
                ends[name] = _print_from(file.stat().st_size < end, end, name, own, several=part is None)
    except KeyboardInterrupt:
        return


def _print_from(rotated: bool, end: int, name: str, own: "Settings", *, several: bool) -> int:
    from tidemark.local.supervise import log_file  # noqa: PLC0415

    with log_file(own, name).open(errors="replace") as text:
        text.seek(0 if rotated else end)
        for line in text:
            _print_line(name, line, several=several)
        return text.tell()


def _print_line(name: str, line: str, *, several: bool) -> None:
    typer.echo(f"{name:>13} | {line.rstrip()}" if several else line.rstrip())


def _write_files(parts: "Sequence[Part]") -> None:
    for part in parts:
        for path, text in part.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def _end_left_over(own: "Settings", console: "Console") -> None:
    """A supervisor that was killed leaves its parts behind."""
    from tidemark.local import supervise  # noqa: PLC0415

    if supervise.left_over(own):
        with console.status("ending what an earlier run left behind"):
            supervise.shut_down(own)


def _await_ready(own: "Settings", console: "Console") -> None:
    """Wait until every part does its work, or say what does not."""
    from tidemark.local.observe import conditions  # noqa: PLC0415

    until = time.monotonic() + _PATIENCE
    with console.status("starting") as screen:
        while True:
            waiting = [condition for condition in conditions(own) if not condition.works]
            if not waiting:
                return
            if time.monotonic() > until:
                break
            screen.update(f"waiting for {', '.join(condition.name for condition in waiting)}")
            time.sleep(0.3)
    _fail("\n".join(_complaint(own, condition) for condition in waiting))


def _complaint(own: "Settings", condition: "Condition") -> str:
    from tidemark.local.supervise import log_file  # noqa: PLC0415

    file = log_file(own, condition.name)
    last = deque(file.open(errors="replace"), maxlen=5) if file.exists() else ()
    return f"{condition.name} {condition.says}. Its log ({file}) ends with:\n" + "".join(f"    {line}" for line in last)


def _table(seen: "list[Condition]") -> object:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    for heading in ("part", "lives", "works", "for", "what it says"):
        table.add_column(heading, overflow="fold")
    for condition in seen:
        table.add_row(
            condition.name,
            "[green]yes[/]" if condition.lives else "[red]no[/]",
            "[green]yes[/]" if condition.works else "[red]no[/]",
            _duration(condition.up_seconds),
            condition.says,
        )
    return table


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _where(own: "Settings") -> str:
    return f"""
  GraphQL, with an editor for people   {own.service_url}/graphql
  collector                            {own.collector_url}
  Kafka                                {own.bootstrap}
  schema registry                      {own.registry_url}
  Flink                                {own.flink_url}
  logs                                 {own.home / "logs"}

Send an event:
  curl -s {own.collector_url}/v1/events -d '{{"event_id": "hello-'$(date +%s%N)'", "event": "click", "event_time": '$(date +%s000)', "campaign_id": "hello"}}'

Ask for it:
  curl -s {own.service_url}/graphql -H 'Content-Type: application/json' -d '{{"query": "{{ metrics(query: {{metrics: [CLICKS], dimensions: [CAMPAIGN], range: {{lastSeconds: 3600}}}}) {{ rows {{ campaign values {{ clicks }} }} freshness {{ completeThrough lagMs }} }} }}"}}'
"""  # noqa: E501 - each is one line, to be copied


def _console() -> "Console":
    from rich.console import Console  # noqa: PLC0415

    return Console(stderr=True)


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    sys.exit(1)
