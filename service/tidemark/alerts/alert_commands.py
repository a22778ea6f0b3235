"""``tidemark alerts``: what fires; say who looks after it, be quiet for a while, send again."""

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from tidemark.query import options
from tidemark.query.commands import failure, service

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = typer.Typer(help="What fires, and who is told.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON document for machines.")]
By = Annotated[str, typer.Option("--by", help="Your name.")]
_STYLES = {"FIRING": "red", "STALE": "yellow", "PENDING": "yellow", "RESOLVED": "green", "INACTIVE": "dim"}
_ALERTS = """query($states: [AlertState!]) { alerts(states: $states) {
    id rule state severity value threshold summary since acknowledgedBy labels { name value } } }"""


@app.command("list")
def list_(
    state: Annotated[
        list[str] | None,
        typer.Option("--state", "-s", help="Only firing, pending, stale, resolved or inactive ones."),
    ] = None,
    url: options.Url = None,
    *,
    as_json: Json = False,
) -> None:
    """Show alerts, what fires first; rules of which nothing is to be said only with --state inactive."""
    with service(url) as client:
        states = [one.upper() for one in state] if state else None
        found = client.graphql(_ALERTS, {"states": states})["alerts"]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    elif not found:
        typer.echo("No alert." if state else "No alert fires, none did lately.")
    else:
        Console(highlight=False).print(_table(found))


@app.command()
def ack(alert: Annotated[str, typer.Argument(help="Its id, as `list` shows it.")], by: By) -> None:
    """Say that you look after an alert; it is repeated no more."""
    from tidemark.alerts.alert import Acknowledgement  # noqa: PLC0415 - help is quick
    from tidemark.alerts.store.records import Records  # noqa: PLC0415

    try:
        found = Records(_store()).acknowledge(alert, Acknowledgement(by, _now_ms()))
    except ValueError as error:
        raise failure(str(error)) from None
    typer.echo(f"{by} looks after {found.rule}.")


@app.command()
def silence(
    matchers: Annotated[list[str], typer.Argument(help="label=value or label!=value; all must hold.")],
    lasts: Annotated[str, typer.Option("--for", help="How long: 30m, 2h, 7d.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    by: By,
) -> None:
    """Tell nobody of some alerts for a while; they are recorded all the same."""
    from uuid import uuid4  # noqa: PLC0415 - help is quick

    from tidemark.alerts.matcher import Silence, parse  # noqa: PLC0415
    from tidemark.alerts.store.records import Records  # noqa: PLC0415
    from tidemark.query.errors import QueryError  # noqa: PLC0415
    from tidemark.query.instant import format_instant, from_ms  # noqa: PLC0415
    from tidemark.query.words import seconds_in  # noqa: PLC0415

    now_ms = _now_ms()
    try:
        until_ms = now_ms + seconds_in(lasts) * 1000
    except QueryError:
        raise failure(f"--for {lasts[:40]} cannot be read; write 30m, 2h or 7d.") from None
    try:
        made = Silence(str(uuid4()), tuple(map(parse, matchers)), now_ms, until_ms, reason, by)
        Records(_store()).silence(made)
    except ValueError as error:
        raise failure(str(error)) from None
    typer.echo(f"Silent until {format_instant(from_ms(until_ms))}: {', '.join(map(str, made.matchers))}.")


@app.command()
def replay(
    notifications: Annotated[list[str] | None, typer.Argument(help="Ids; none: all that are dead.")] = None,
) -> None:
    """Send again what no receiver took, with the ids it had."""
    from tidemark.alerts.store.outbox import Outbox  # noqa: PLC0415 - help is quick

    count = Outbox(_store()).replay(notifications or None, _now_ms())
    typer.echo(f"{count} notifications are sent again.")


def _table(found: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - rich is imported here only
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table("state", "severity", "what", "since", "by", "id")
    for one in found:
        table.add_row(
            f"[{_STYLES[one['state']]}]{one['state'].lower()}[/]",
            one["severity"].lower(),
            escape(one["summary"] or one["rule"]),
            "" if one["since"] is None else _local(one["since"]),
            escape(one["acknowledgedBy"] or ""),
            one["id"] or "",
        )
    return table


def _local(instant: str) -> str:
    return datetime.fromisoformat(instant).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _store() -> "Engine":
    from tidemark.alerts.store.engine import connect  # noqa: PLC0415 - help is quick
    from tidemark.alerts.store.migrate import upgrade  # noqa: PLC0415
    from tidemark.settings import settings  # noqa: PLC0415

    engine = connect(settings().alerts_store)
    upgrade(engine)
    return engine


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
