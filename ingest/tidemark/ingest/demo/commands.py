"""``tidemark demo``: its options; what it does stands in the session."""

from typing import Annotated

import typer

from tidemark.ingest.demo.cast import CAMPAIGNS

_SEED = 1
_RATE = 50.0
_CAMPAIGNS = 6


def demo(
    seed: Annotated[
        int, typer.Option(min=0, help="Chooses what is left to chance; part of the campaigns' ids.")
    ] = _SEED,
    rate: Annotated[float, typer.Option(min=0.1, max=20_000, help="Events a second.")] = _RATE,
    duration: Annotated[
        float | None,
        typer.Option(min=0.1, help="Seconds until it ends.", show_default="runs until Ctrl-C"),
    ] = None,
    campaigns: Annotated[
        int, typer.Option(min=1, max=len(CAMPAIGNS), help="How many campaigns there are.")
    ] = _CAMPAIGNS,
    url: Annotated[
        str, typer.Option(help="The collector's address.", show_default="the local collector")
    ] = "",
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Compare the last run's totals with GraphQL; with --duration, run first and then compare.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the run, or the check, as JSON.")] = False,
) -> None:
    """Play a living marketing department that knows its own totals.

    Campaigns over several channels, countries and devices with a daily
    rhythm, spend, one A/B test, and one campaign that begins to fail
    after a minute. An alert tells it after three to five minutes; it is
    mended after seven, and the alert resolves after nine to twelve.

    `tidemark demo` runs until Ctrl-C; `tidemark demo --check` then compares
    its totals with GraphQL; `tidemark demo --duration 30 --check` does both.

    Ends with 0, or with 1 when numbers differ or it could not go on.
    """
    from tidemark.ingest.demo.session import Options, run_session  # noqa: PLC0415 - help is quick
    from tidemark.settings import settings  # noqa: PLC0415

    options = Options(
        seed=seed,
        rate=rate,
        duration=duration,
        campaigns=campaigns,
        collector=(url or settings().collector_url).rstrip("/"),
        service=settings().service_url,
        home=settings().home,
        check=check,
        as_json=as_json,
    )
    raise typer.Exit(run_session(options))
