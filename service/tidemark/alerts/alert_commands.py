"""``tidemark alerts``: what fires; say who looks after it, be quiet for a while, send again.

All of it is asked of the service, which alone writes down what people say.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from tidemark.alerts.options import Json
from tidemark.query import options
from tidemark.query.commands import failure, service

app = typer.Typer(help="What fires, and who is told.", no_args_is_help=True)

By = Annotated[str, typer.Option("--by", help="Your name.")]
Found = dict[str, Any]
_ID_LENGTH = 36
_STYLES = {"FIRING": "red", "STALE": "yellow", "PENDING": "yellow", "RESOLVED": "green", "INACTIVE": "dim"}
_ALERTS = """query($states: [AlertState!]) { alerts(states: $states) {
    id rule state severity value threshold summary since acknowledgedBy labels { name value } } }"""
_ACKNOWLEDGE = """mutation($alert: ID!, $by: String!) {
    acknowledge(alert: $alert, by: $by) { rule acknowledgedBy } }"""
_SILENCES = "{ silences { id matchers startsAt endsAt reason by } }"
_SILENCE = """mutation($matchers: [String!]!, $seconds: Int!, $reason: String!, $by: String!) {
    silence(matchers: $matchers, seconds: $seconds, reason: $reason, by: $by) { id matchers endsAt } }"""
_UNSILENCE = "mutation($silence: ID!) { unsilence(silence: $silence) { matchers } }"
_DEAD = """query($first: Int!) { deadNotifications(first: $first) {
    id receiver error attempts createdAt diedAt alerts { id rule state summary } } }"""
_REPLAY = "mutation($notifications: [ID!]) { replay(notifications: $notifications) }"


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
    nothing = "No alert." if state else "No alert fires, none did lately."
    rows = (
        (
            f"[{_STYLES[one['state']]}]{one['state'].lower()}[/]",
            one["severity"].lower(),
            _plain(one["summary"] or one["rule"]),
            _local(one["since"]),
            _plain(one["acknowledgedBy"] or ""),
            one["id"] or "",
        )
        for one in found
    )
    _show(found, ("state", "severity", "what", "since", "by", "id"), rows, nothing, as_json=as_json)


@app.command()
def ack(
    alert: Annotated[str, typer.Argument(help="Its id, as `list` shows it.")],
    by: By,
    url: options.Url = None,
) -> None:
    """Say that you look after an alert; it is repeated no more."""
    with service(url) as client:
        found = client.graphql(_ACKNOWLEDGE, {"alert": alert, "by": by})["acknowledge"]
    typer.echo(f"{found['acknowledgedBy']} looks after {found['rule']}.")


@app.command()
def silence(
    matchers: Annotated[list[str], typer.Argument(help="label=value or label!=value; all must hold.")],
    lasts: Annotated[str, typer.Option("--for", help="How long: 30m, 2h, 7d.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    by: By,
    url: options.Url = None,
) -> None:
    """Tell nobody of some alerts for a while; they are recorded all the same."""
    from tidemark.query.errors import QueryError  # noqa: PLC0415 - help is quick
    from tidemark.query.words import seconds_in  # noqa: PLC0415

    try:
        seconds = seconds_in(lasts)
    except QueryError:
        raise failure(f"--for {lasts[:40]} cannot be read; write 30m, 2h or 7d.") from None
    given = {"matchers": matchers, "seconds": seconds, "reason": reason, "by": by}
    with service(url) as client:
        made = client.graphql(_SILENCE, given)["silence"]
    typer.echo(f"Silent until {_local(made['endsAt'])}: {', '.join(made['matchers'])}.")
    typer.echo(f"`tidemark alerts unsilence {made['id']}` ends it.")


@app.command()
def silences(url: options.Url = None, *, as_json: Json = False) -> None:
    """Show the silences in force, by their ends."""
    with service(url) as client:
        found = client.graphql(_SILENCES, {})["silences"]
    rows = (
        (
            _plain(", ".join(one["matchers"])),
            _local(one["endsAt"]),
            _plain(one["reason"]),
            _plain(one["by"]),
            one["id"],
        )
        for one in found
    )
    _show(found, ("what", "until", "why", "by", "id"), rows, "Nothing is silenced.", as_json=as_json)


@app.command()
def unsilence(
    named: Annotated[str, typer.Argument(metavar="SILENCE", help="Its id, as `silences` shows it.")],
    url: options.Url = None,
) -> None:
    """End a silence now; what still fires is told within seconds."""
    with service(url) as client:
        found = client.graphql(_UNSILENCE, {"silence": named})["unsilence"]
    typer.echo(f"Told again: {', '.join(found['matchers'])}.")


@app.command()
def dead(
    first: Annotated[int, typer.Option("--first", help="How many, the newest first.")] = 100,
    url: options.Url = None,
    *,
    as_json: Json = False,
) -> None:
    """Show what no receiver took: who was to be told, of what, why it failed and when."""
    with service(url) as client:
        found = client.graphql(_DEAD, {"first": first})["deadNotifications"]
    rows = (
        (
            one["receiver"],
            _plain("; ".join(about["summary"] or about["rule"] for about in one["alerts"])),
            _plain(one["error"]),
            _local(one["diedAt"] or one["createdAt"]),
            one["id"],
        )
        for one in found
    )
    _show(found, ("who", "what", "why", "when", "id"), rows, "No notification is dead.", as_json=as_json)


@app.command()
def replay(
    notifications: Annotated[
        list[str] | None, typer.Argument(help="Ids, as `dead` shows them; none: all that are dead.")
    ] = None,
    url: options.Url = None,
) -> None:
    """Send again what no receiver took, with the ids it had."""
    with service(url) as client:
        count = client.graphql(_REPLAY, {"notifications": notifications or None})["replay"]
    typer.echo(f"{count} notifications are sent again.")


def _show(
    found: list[Found],
    columns: tuple[str, ...],
    rows: Iterable[tuple[str, ...]],
    nothing: str,
    *,
    as_json: bool,
) -> None:
    """As one JSON document, as a table, or in a sentence that there is nothing."""
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    if not found:
        typer.echo(nothing)
        return
    from rich.table import Table  # noqa: PLC0415 - help is quick

    table = Table(*columns[:-1])
    table.add_column(columns[-1], no_wrap=True, min_width=_ID_LENGTH)  # to be copied whole
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)


def _plain(text: str) -> str:
    """Somebody else's text: no markup."""
    from rich.markup import escape  # noqa: PLC0415 - help is quick

    return escape(text)


def _local(instant: str) -> str:
    return datetime.fromisoformat(instant).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
