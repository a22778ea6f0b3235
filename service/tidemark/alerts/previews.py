"""Previews as the service makes them: of a rule that is declared, one at a time, a step at a time."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from anyio import to_thread

from tidemark.alerts import campaigns
from tidemark.alerts.ask import Asker
from tidemark.alerts.asking import Asking
from tidemark.alerts.check import check
from tidemark.alerts.past import Past, ticks
from tidemark.alerts.preview import Preview, preview
from tidemark.alerts.query import known_of
from tidemark.alerts.rolling import Health, Metrics, Rolling, rolls
from tidemark.alerts.rule import ExperimentQuery, HealthQuery, MetricsQuery, Rule
from tidemark.declared.problem import Problem, nearest
from tidemark.declared.values import as_length
from tidemark.experiments.definition import Status
from tidemark.query.database import Database
from tidemark.query.errors import Code, QueryError
from tidemark.query.instant import DAY_MS, format_instant, from_ms, to_ms
from tidemark.query.selection import Selection, sums_of
from tidemark.query.source import Source

MOST_MS = 31 * DAY_MS
"""So at most 44,640 ticks."""
MOST_SECONDS = 120.0
_RETRY_MS = 5_000
_BEGINNING = """
SELECT count() > 0, toInt64(toUnixTimestamp(min(minute))) * 1000 FROM tidemark.campaign_minute
SETTINGS max_execution_time = 10, max_threads = 1
"""
T = TypeVar("T")


class Read(Protocol):
    """Runs blocking work on the database, in its turn among all questions."""

    def __call__(self, work: Callable[[Database], T]) -> Awaitable[T]:
        """What it finds; `QueryError` where it is refused."""
        ...


class Previews:
    """Judges the past with rules that nobody has switched on."""

    def __init__(
        self, asker: Asker, catalogue: Path, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._asker, self._root, self._monotonic = asker, catalogue, monotonic
        self._is_busy = False

    def rule(self, name: str, content: bytes) -> Rule:
        """The rule of this name in a file of rules; reads the catalogue, so it blocks.

        Raises:
            QueryError: the file is wrong, or there is no such rule in it.
        """
        found = check("the file", content, known_of(self._root), {})
        problems = [one for one in found if isinstance(one, Problem)]
        if problems:
            more = f" (and {len(problems) - 1:,} more)" if len(problems) > 1 else ""
            raise QueryError(Code.BAD_PARAMETER, f"{problems[0]}{more}.")
        rules = {one.name: one for one in found if isinstance(one, Rule)}
        if name not in rules:
            told = f"There is no alert {name[:100]} in the file; {nearest(name, rules)}"
            raise QueryError(Code.UNKNOWN_NAME, told)
        return rules[name]

    async def run(self, rule: Rule, last_ms: int, read: Read) -> AsyncGenerator[float | Preview, None]:
        """How much of the work is done, again and again, and at the end what would have been told.

        Closing it ends the work; what it reads meanwhile ends with ``read``.

        Args:
            rule: Of which.
            last_ms: How far back from where data is complete.
            read: Runs each step.

        Raises:
            QueryError: there is no such past, another preview is under way, or it would take too long.
        """
        _check_last(rule, last_ms)
        if self._is_busy:
            raise QueryError(
                Code.TOO_MANY_QUERIES,
                "Another preview is under way, and there is one at a time; ask again when it has ended.",
                limit=1,
                requested=2,
                retryAfterMs=_RETRY_MS,
            )
        self._is_busy = True
        try:
            async with aclosing(self._made(rule, last_ms, read)) as news:
                async for one in news:
                    yield one
        finally:
            self._is_busy = False

    async def _made(self, rule: Rule, last_ms: int, read: Read) -> AsyncGenerator[float | Preview, None]:
        until = self._monotonic() + MOST_SECONDS
        past, wanted = await read(partial(self._past, rule, last_ms))
        share = 0.0
        while share < 1:
            yield share
            share = await read(past.step)
            if self._monotonic() > until:
                raise _too_slow(share)
        found = await to_thread.run_sync(preview, rule, past.record.history, abandon_on_cancel=True)
        yield replace(found, series=past.record.series, asked_ms=wanted[0])

    def _past(self, rule: Rule, last_ms: int, database: Database) -> tuple[Past, range]:
        """The past as far as there is one, and the ticks that were asked for."""
        complete = self._asker.complete(rule)
        if complete is None:
            raise QueryError(Code.BAD_RANGE, "No data is complete yet, so there is no past to judge.")
        known = campaigns.load(self._root / campaigns.FILE).by_id
        complete_ms = to_ms(complete)
        wanted = ticks(rule, last_ms, complete_ms, floor_ms=0, first_ms=0)
        first_ms = self._first_ms(rule, database)
        found = ticks(rule, last_ms, complete_ms, floor_ms=self._floor_ms(rule), first_ms=first_ms)
        if not found:
            raise QueryError(
                Code.BAD_RANGE,
                f"There is no past for {rule.name} to judge: data begins at "
                f"{format_instant(from_ms(first_ms))}, and not all that a window looks at is kept.",
            )
        asker = self._asker
        if not rolls(rule, asker):
            return Asking(asker, rule, known, found), wanted
        is_health = isinstance(rule.query, HealthQuery)
        source = Health(asker, rule) if is_health else Metrics(asker, rule, known, found)
        return Rolling(rule, source, found, asker.most), wanted

    def _first_ms(self, rule: Rule, database: Database) -> int:
        """Where there is something to judge: the first minute of all, or the start of an experiment."""
        if isinstance(rule.query, ExperimentQuery):
            running = self._asker.experiments.all(Status.RUNNING)
            starts = [
                one.definition.start_ms or 0
                for one in running
                if rule.query.experiment in {None, one.definition.id}
            ]
            if not starts:
                told = "No experiment that the rule looks at is running, so there is no past to judge."
                raise QueryError(Code.NOT_STARTED, told)
            return min(starts)
        is_any, first_ms = (column[0] for column in database.query(_BEGINNING).columns)
        if not is_any:
            raise QueryError(Code.BAD_RANGE, "No event has come yet, so there is no past to judge.")
        return int(first_ms)

    def _floor_ms(self, rule: Rule) -> int:
        """Since when all is kept that a rule looks at."""
        answerer, query = self._asker.answerer, rule.query
        kept = answerer.kept(answerer.freshness().now)
        match query:
            case ExperimentQuery():
                return 0
            case HealthQuery():
                source = Source.CAMPAIGN_MINUTE
            case MetricsQuery():
                catalogue = self._asker.catalogue
                dimensions = tuple(catalogue.dimensions[name] for name in query.dimensions)
                sums = sums_of(catalogue.metrics[name] for name in query.metrics)
                chosen = Selection(dimensions, query.where, sums, has_buckets=False, has_previous=False)
                source = Source.EVENTS if chosen.needs_raw else Source.CAMPAIGN_MINUTE
        return kept.since(source) or 0


def _check_last(rule: Rule, last_ms: int) -> None:
    if isinstance(rule.query, HealthQuery) and "data_lag_seconds" in rule.query.figures:
        raise QueryError(
            Code.BAD_PARAMETER,
            "data_lag_seconds has no past: how late data was is not kept, so this rule cannot be previewed.",
        )
    if not rule.every_ms <= last_ms <= MOST_MS:
        raise QueryError(
            Code.BAD_RANGE,
            f"last must be from {as_length(rule.every_ms)}, which is the rule's every, to "
            f"{as_length(MOST_MS)}; write 7d, say.",
        )


def _too_slow(share: float) -> QueryError:
    return QueryError(
        Code.QUERY_TIMEOUT,
        f"After {MOST_SECONDS:.0f} s {share:.0%} of the past was judged, and a preview takes no longer; ask "
        "for a shorter last.",
        limit=MOST_SECONDS,
    )
