"""The answers to batches of questions, by as few queries as will do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from tidemark.alerts import batch as batches
from tidemark.alerts import question as questions
from tidemark.alerts.batch import Asked, Batch
from tidemark.alerts.cells import BeyondError, Cells
from tidemark.alerts.ticks import span
from tidemark.freshness import Freshness
from tidemark.query.answer import Answerer
from tidemark.query.catalogue import Catalogue
from tidemark.query.errors import QueryError
from tidemark.query.frame import Frame
from tidemark.query.instant import MINUTE_MS, from_ms, to_ms
from tidemark.query.plan import Plan
from tidemark.query.request import Request
from tidemark.query.selection import sums_of
from tidemark.query.shape import shape

Span = tuple[int, int]
_MOVING_MS = 5 * MINUTE_MS
"""Before the newest minutes of a window that is filling events seldom come; those are seen a minute later."""


@dataclass(frozen=True, slots=True)
class Source:
    """The cells of a range, and what an answer from them says of it."""

    cells: Cells
    plan: Plan
    freshness: Freshness


@dataclass(slots=True)
class Settled:
    """What windows that are filling hold up to an instant (Unix ms): kept until it moves, each minute."""

    until_ms: int = 0
    sources: dict[object, Source | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answers:
    """Asks; each call blocks.

    Attributes:
        answerer: of questions.
        catalogue: by which rules were read.
        most: of rows that one question may have.
        settled: kept from call to call.
    """

    answerer: Answerer
    catalogue: Catalogue
    most: int
    settled: Settled

    def all(self, every: Sequence[Batch], tick_ms: int) -> Iterator[tuple[Asked, Frame]]:
        """To every question of the batches at a tick.

        Raises:
            QueryError: a question took too long or too much memory; the answers to all others were told.
        """
        waiting, failure = [*every], None
        complete = self.answerer.freshness().complete_through
        if complete is not None and to_ms(complete) < tick_ms:
            until_ms = to_ms(complete) // MINUTE_MS * MINUTE_MS - _MOVING_MS
            waiting, filling = self._filling(every, until_ms, tick_ms)
            for batch, source in filling:
                yield from self._told(batch, source, tick_ms)
        while waiting:
            batch = waiting.pop()
            try:
                if len(batch) == 1:
                    yield batch[0], self.answerer.answer(self._request(batch[0], tick_ms))
                elif found := self._source(batch, span(batch[0].question.window, tick_ms)):
                    yield from self._told(batch, found, tick_ms)
                else:
                    waiting += batches.halves(batch)
            except QueryError as error:
                failure = error
        if failure is not None:
            raise failure

    def _filling(
        self, every: Sequence[Batch], until_ms: int, tick_ms: int
    ) -> tuple[list[Batch], list[tuple[Batch, Source]]]:
        """Those that have to be asked as a whole, and others with what is kept and the newest minutes.

        Looks come every two seconds, and most of a day does not change between them. The newest minutes of
        all windows are one query.
        """
        if self.settled.until_ms != until_ms:
            self.settled.until_ms = until_ms
            self.settled.sources.clear()
        whole, kept = [], []
        for batch in every:
            source = self._kept(batch, span(batch[0].question.window, tick_ms)[0])
            if source is None:
                whole.append(batch)
            else:
                kept.append((batch, source))
        together = tuple(asked for batch, _ in kept for asked in batch)
        newest = self._source(together, (until_ms, tick_ms)) if together else None
        if newest is None:
            return [*every], []
        return whole, [
            (batch, replace(source, cells=source.cells.joined(newest.cells))) for batch, source in kept
        ]

    def _kept(self, batch: Batch, start_ms: int) -> Source | None:
        """What a window holds up to where it is settled; None where that cannot be kept."""
        until_ms, first = self.settled.until_ms, batch[0]
        if first.question.compare is not None or not first.has_cells or start_ms >= until_ms:
            return None
        key = start_ms, tuple((asked.question, asked.events) for asked in batch)
        if key not in self.settled.sources:
            self.settled.sources[key] = self._source(batch, (start_ms, until_ms))
        return self.settled.sources[key]

    def _source(self, batch: Batch, between: Span) -> Source | None:
        """The cells of a batch; None where they are too many, or take too long: halves may do."""
        request = batches.request(batch, self.catalogue, (from_ms(between[0]), from_ms(between[1])))
        try:
            prepared = self.answerer.prepare(request, self.answerer.freshness())
            frame = self.answerer.run(prepared)
            return None if frame.truncated else Source(Cells.of(frame), prepared.plan, prepared.freshness)
        except (QueryError, BeyondError):
            return None

    def _told(self, batch: Batch, source: Source, tick_ms: int) -> Iterator[tuple[Asked, Frame]]:
        """What each question would have been answered by itself; by the same code, but for the sums."""
        for asked in batch:
            request = self._request(asked, tick_ms)
            plan = replace(
                source.plan,
                resolved=replace(source.plan.resolved, request=request),
                sums=sums_of(request.metrics),
            )
            found = source.cells.answer(request.dimensions, request.where, asked.events, plan.sums)
            yield asked, shape(plan, found, source.freshness, self.answerer.currency)

    def _request(self, asked: Asked, tick_ms: int) -> Request:
        start_ms, end_ms = span(asked.question.window, tick_ms)
        between = from_ms(start_ms), from_ms(end_ms)
        return questions.request(asked.question, asked.rules, self.catalogue, between, self.most)
