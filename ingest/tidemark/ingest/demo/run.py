"""A run of the demo: events go out as they become due, until somebody ends it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from tidemark.ingest.demo.ledger import MINUTE_MS, Ledger, Run
from tidemark.ingest.demo.scenario import Scenario
from tidemark.ingest.replay.batch import MOST_EVENTS, Batch, Sleep, batch_of
from tidemark.ingest.replay.sender import Answer, Sender, deliver

PATIENCE_SECONDS = 300.0
"""How long the department waits for a collector that is away."""
_TICK_SECONDS = 0.1
_LONGEST_UNSAVED_MS = round(PATIENCE_SECONDS * 1000) + MINUTE_MS
"""The books are saved with every answer, and without one a run ends after its patience."""
Now = Callable[[], int]
"""The wall clock, Unix ms."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The edges a run works with.

    Attributes:
        now: the wall clock, Unix ms.
        sleep: waits for so many seconds.
        stopping: whether the run shall end.
        answered: called with each batch and its answer once it is in the ledger.
    """

    now: Now
    stopping: Callable[[], bool]
    answered: Callable[[Batch, Answer], None]
    sleep: Sleep = asyncio.sleep


async def perform(
    scenario: Scenario, sender: Sender, ledger: Ledger, stage: Stage, *, duration: float | None
) -> None:
    """Send the scenario's events as they become due, each until it is answered.

    Args:
        scenario: the events.
        sender: where they go.
        ledger: counts what was accepted.
        stage: the edges.
        duration: seconds after which the run ends; None: when it is told to.

    Raises:
        DeliveryError: the collector took events no more.
    """

    def answered(batch: Batch, answer: Answer) -> None:
        ledger.note_answer(batch, answer, stage.now())
        stage.answered(batch, answer)

    last = None if duration is None else scenario.due(scenario.start_ms + round(duration * 1000))
    await deliver(_batches(scenario, stage, last), sender, answered=answered)


async def _batches(scenario: Scenario, stage: Stage, last: int | None) -> AsyncIterator[Batch]:
    sent = 0
    while not stage.stopping() and sent != last:
        due = scenario.due(stage.now())
        until = min(due if last is None else min(due, last), sent + MOST_EVENTS)
        if until > sent:
            yield batch_of((number, scenario.event(number)) for number in range(sent, until))
            sent = until
        else:
            await stage.sleep(_TICK_SECONDS)


def seconds_to_wait(earlier: Run | None, now_ms: int) -> float:
    """How long a new run of the same seed has to wait.

    A run that was killed may have left events in the present minute that nobody counted; the next minute is
    nobody's yet.
    """
    if earlier is None or earlier.ended:
        return 0.0
    minute_ms = now_ms - now_ms % MINUTE_MS
    could_have_sent_ms = earlier.saved_ms + _LONGEST_UNSAVED_MS
    return (minute_ms + MINUTE_MS - now_ms) / 1000 if could_have_sent_ms > minute_ms else 0.0
