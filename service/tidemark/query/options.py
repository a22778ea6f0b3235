"""The options of a question on the command line, and the words that they are for the service."""

from collections.abc import Sequence
from typing import Annotated

import typer

Words = list[tuple[str, str]]

Metrics = Annotated[str, typer.Option("--metrics", "-m", help="What to measure: clicks,ctr,spend.")]
By = Annotated[str, typer.Option("--by", "-b", help="What to slice by: campaign,country.")]
Last = Annotated[str | None, typer.Option(help="The last 90s, 15m, 1h, 7d or 2w (default: 1h).")]
Start = Annotated[
    str | None, typer.Option("--from", help="2026-11-23 or 2026-11-23T12:00, in --tz unless it says more.")
]
End = Annotated[str | None, typer.Option("--to", help="The end of the range, itself not part of it.")]
Zone = Annotated[
    str | None, typer.Option("--tz", help="Europe/Berlin: days and buckets follow it (default: UTC).")
]
Bucket = Annotated[
    str | None, typer.Option("--grain", "-g", help="minute, five-minutes, hour, day, week, month.")
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        "-w",
        help="campaign=a,b  campaign!=a,b  campaign^=begin  campaign*=part; all of them hold.",
    ),
]
Before = Annotated[
    str | None, typer.Option("--compare", help="With the period, day or week before: period, day, week.")
]
Top = Annotated[int | None, typer.Option("--top", help="Only so many of the first of --by, and the rest.")]
TopBy = Annotated[
    str | None, typer.Option("--top-by", help="The metric that decides (default: the first of --metrics).")
]
Other = Annotated[bool, typer.Option("--other/--no-other", help="Show the rest as (other).")]
Having = Annotated[
    list[str] | None, typer.Option("--having", help="clicks>=10 or ctr<=0.5; all of them hold.")
]
Order = Annotated[str | None, typer.Option("--order", help="-clicks,campaign: descending with a minus.")]
Most = Annotated[
    int | None,
    typer.Option("--limit", help="The most lines, or rows with --json and --csv (default: 1000)."),
]
Url = Annotated[str | None, typer.Option("--url", help="The service (default: the local one).")]


def words_of(
    *,
    metrics: str,
    by: str,
    last: str | None,
    start: str | None,
    end: str | None,
    zone: str | None,
    grain: str | None,
    where: Sequence[str] | None,
    compare: str | None,
    top: int | None,
    top_by: str | None,
    other: bool,
    having: Sequence[str] | None,
    order: str | None,
    limit: int | None,
) -> Words:
    """The words of these options; the service reads them (`tidemark.query.words`)."""
    given = {
        "metrics": metrics,
        "by": by or None,
        "last": last,
        "from": start,
        "to": end,
        "tz": zone,
        "grain": grain,
        "compare": compare,
        "top": top,
        "top-by": top_by,
        "other": None if other else "false",
        "order": order,
        "limit": limit,
    }
    return [
        *((name, str(value)) for name, value in given.items() if value is not None),
        *(("where", text) for text in where or ()),
        *(("having", text) for text in having or ()),
    ]
