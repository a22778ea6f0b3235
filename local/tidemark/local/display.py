"""What the cluster's commands print. Pure: text and rich renderables from values."""

import json
from collections.abc import Sequence

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tidemark.local.layout import Layout
from tidemark.local.verdict import Verdict, seconds
from tidemark.settings import Settings


def status_table(verdicts: Sequence[Verdict]) -> Group:
    """One line a part, and a sentence below that sums them up."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("part", no_wrap=True)
    table.add_column("process", no_wrap=True)
    table.add_column("for", no_wrap=True, justify="right")
    table.add_column("does its work", ratio=1)
    for verdict in verdicts:
        colour = "green" if verdict.well else "red"
        table.add_row(
            f"[{colour}]{'✓' if verdict.well else '✗'}[/] {verdict.part}",
            verdict.state,
            seconds(verdict.seconds) if verdict.pid else "",
            escape(verdict.says) if verdict.well else f"[red]{escape(verdict.says)}[/]",
        )
    ill = [verdict.part for verdict in verdicts if not verdict.well]
    end = Text(f"Not well: {', '.join(ill)}.", style="red") if ill else Text("All is well.", style="green")
    return Group(table, Text(), end)


def status_json(verdicts: Sequence[Verdict]) -> str:
    """``{"well": …, "parts": [{"part", "well", "state", "pid", "seconds", "says"}]}``."""
    parts = [
        {
            "part": verdict.part,
            "well": verdict.well,
            "state": verdict.state,
            "pid": verdict.pid,
            "seconds": round(verdict.seconds, 1),
            "says": verdict.says,
        }
        for verdict in verdicts
    ]
    return json.dumps({"well": all(verdict.well for verdict in verdicts), "parts": parts}, indent=2)


def where_all_is(settings: Settings, layout: Layout) -> str:
    """Addresses, folders, and one line each to send an event and to ask, to be pasted as they stand."""
    return f"""\
  Ask         {settings.service_url}/graphql
  Send        {settings.collector_url}/v1/events
  Kafka       {settings.bootstrap}
  Registry    {settings.registry_url}
  Flink       {settings.flink_url}
  Data, logs  {layout.home}

Send an event:
  {send_line(settings)}
Ask for the last hour, by campaign:
  {ask_line(settings)}

`tidemark status` says how all of it does, `tidemark down` ends it."""


def send_line(settings: Settings) -> str:
    """A shell line that sends a click of this moment."""
    event = (
        '{"event_id":"click-\'$(date +%s%N)\'","event":"click","event_time":\'$(date +%s000)\','
        '"campaign_id":"spring","channel":"search","country":"DE"}'
    )
    return f"curl -sS {settings.collector_url}/v1/events -d '{event}'"


def ask_line(settings: Settings) -> str:
    """A shell line that asks for the clicks of the last hour by campaign."""
    query = (
        "{metrics(query:{metrics:[CLICKS],dimensions:[CAMPAIGN],range:{lastSeconds:3600}})"
        "{rows{campaign values{clicks}} freshness{completeThrough auditedThrough}}}"
    )
    body = json.dumps({"query": query}, separators=(",", ":"))
    return f"curl -sS {settings.service_url}/graphql -H 'content-type: application/json' -d '{body}'"
