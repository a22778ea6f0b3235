"""A plan as people want to read it in a terminal."""

from rich.console import Group, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from tidemark.query.client import Body
from tidemark.query.terminal import before_text, range_text

_WIDEST_VALUE = 200


def render_plan(told: Body) -> RenderableType:
    """The question, the tables that answer, the price, the run if there was one, the SQL, what is bound."""
    resolved, limits, run = told["resolved"], told["limits"], told["run"]
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    buckets = f", {told['buckets']:,} buckets" if told["buckets"] is not None else ""
    facts.add_row("range", Text(f"{range_text(resolved)}{buckets}"))
    if before := before_text(resolved):
        facts.add_row("before", Text(before))
    for number, part in enumerate(told["parts"]):
        of_part = range_text({**resolved, "from": part["from"], "to": part["to"]})
        facts.add_row("" if number else "source", Text(f"{part['source']}: {of_part}"))
    facts.add_row("price", Text(f"{told['price']:,.4g} units: about {told['estimatedRows']:,} rows to read"))
    seconds, megabytes = limits["timeoutMs"] / 1000, limits["memoryBytes"] / 1e6
    facts.add_row("limits", Text(f"{seconds:,.0f} s, {megabytes:,.0f} MB of memory"))
    if run is not None:
        read = f"{run['rowsRead']:,} rows, {run['bytesRead'] / 1e6:,.1f} MB"
        facts.add_row("run", Text(f"{run['elapsedMs']:,.1f} ms, {read} read"))
    sql = Syntax("", "sql", theme="ansi_dark", background_color="default").highlight(told["sql"])
    sql.rstrip()
    bound = Table(box=None, show_header=False, pad_edge=False)
    for one in told["parameters"]:
        value = repr(one["value"])
        short = value if len(value) <= _WIDEST_VALUE else f"{value[:_WIDEST_VALUE]}…"
        bound.add_row(Text(one["name"], "bold"), Text(one["type"], "dim"), Text(short))
    return Group(facts, Text(), sql, Text(), bound)
