"""One ``tidemark demo`` from its options to its exit code: the edges of the demo put together."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
from rich.console import Console
from rich.live import Live

from tidemark.ingest.demo import display
from tidemark.ingest.demo.check import CheckError, Comparison, check
from tidemark.ingest.demo.ledger import Ledger, LedgerError, Run, alone, load, run_path, save
from tidemark.ingest.demo.run import PATIENCE_SECONDS, Now, Stage, perform, seconds_to_wait
from tidemark.ingest.demo.scenario import Scenario
from tidemark.ingest.replay.batch import Batch, Sleep
from tidemark.ingest.replay.display import show_notice, show_problem
from tidemark.ingest.replay.sender import (
    Answer,
    DeliveryError,
    Notice,
    Sender,
    collector_client,
    is_loopback,
)

GOOD, FAILED = 0, 1
_SAVE_EVERY_MS = 1000
_SHOW_EVERY_MS = 250


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; see ``tidemark demo --help``."""

    seed: int
    rate: float
    duration: float | None
    campaigns: int
    collector: str
    service: str
    home: Path
    check: bool
    as_json: bool


@dataclass(frozen=True, slots=True)
class Edges:
    """What the session touches outside itself.

    Attributes:
        collector: carries requests to the collector; None: the network.
        service: carries requests to the service; None: the network.
        now: the wall clock, Unix ms.
        sleep: waits within a run.
        pause: waits outside of one.
        patience: seconds a batch is sent again before the run is given up.
    """

    collector: httpx.AsyncBaseTransport | None = None
    service: httpx.BaseTransport | None = None
    now: Now = lambda: time.time_ns() // 1_000_000
    sleep: Sleep = asyncio.sleep
    pause: Callable[[float], None] = time.sleep
    patience: float = PATIENCE_SECONDS


def run_session(options: Options, edges: Edges | None = None) -> int:
    """Run the demo, compare it, or both.

    Args:
        options: what is asked.
        edges: what it touches; None: the real ones.

    Returns:
        The exit code.
    """
    screen, edges = Console(stderr=True), edges or Edges()
    comparison: Comparison | None = None
    try:
        with alone(options.home, options.seed):
            if options.check and options.duration is None:
                run = _last_run(options)
            else:
                run = _perform(options, edges, screen)
            if options.check:
                comparison = _compare(options, edges, run, screen)
    except (DeliveryError, LedgerError, CheckError) as error:
        show_problem(screen, str(error))
        return FAILED
    except (KeyboardInterrupt, asyncio.CancelledError):
        show_problem(screen, "Given up before the last answers came: the totals of this run are not known.")
        return FAILED
    if options.as_json:
        answer = {
            "run": msgspec.to_builtins(run),
            "check": display.comparison_json(comparison) if comparison else None,
        }
        sys.stdout.write(json.dumps(answer) + "\n")
    elif comparison:
        display.show_comparison(Console(), comparison)
    return GOOD if comparison is None or comparison.is_equal else FAILED


def _last_run(options: Options) -> Run:
    path = run_path(options.home, options.seed)
    run = load(path)
    if run is None:
        raise LedgerError(
            f"There is no run with seed {options.seed} to compare ({path} is missing): "
            "run `tidemark demo` first."
        )
    return run


def _compare(options: Options, edges: Edges, run: Run, screen: Console) -> Comparison:
    with (
        httpx.Client(
            timeout=10, trust_env=not is_loopback(options.service), transport=edges.service
        ) as client,
        screen.status("Waiting until the answer is complete") as status,
    ):
        return check(
            run,
            client,
            options.service,
            watch=lambda text: status.update(f"Waiting: {text}"),
            sleep=edges.pause,
        )


def _perform(options: Options, edges: Edges, screen: Console) -> Run:
    path = run_path(options.home, options.seed)
    earlier = load(path)
    wait = seconds_to_wait(earlier, edges.now())
    if wait:
        show_notice(
            screen, Notice(f"The last run was killed; the next minute begins in {wait:.0f} s.", good=False)
        )
        edges.pause(wait)
    scenario = Scenario(
        seed=options.seed, start_ms=edges.now(), rate=options.rate, campaigns=options.campaigns
    )
    ledger = Ledger(seed=options.seed, start_ms=scenario.start_ms, rate=options.rate, earlier=earlier)
    display.show_start(screen, scenario, options.collector)
    save(path, ledger.run(ended=False, now_ms=edges.now()))
    asyncio.run(_Performance(options, edges, scenario, ledger, screen).go())
    run = ledger.run(ended=True, now_ms=edges.now())
    save(path, run)
    if not options.as_json:
        display.show_end(screen, ledger, options.seed)
    return run


class _Performance:
    """The run with its terminal and its signals."""

    def __init__(
        self, options: Options, edges: Edges, scenario: Scenario, ledger: Ledger, screen: Console
    ) -> None:
        self._options = options
        self._edges = edges
        self._scenario = scenario
        self._ledger = ledger
        self._screen = screen
        self._pulse = display.Pulse()
        self._stopping = False
        self._saved_ms = 0
        self._shown_ms = 0
        # Drawn from here and not from rich's own thread, which would read the books while they are written.
        self._live = Live(console=screen, auto_refresh=False)

    async def go(self) -> None:
        """Run until the duration is over or somebody interrupts, and the last answer has come."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def interrupted() -> None:
            if self._stopping and task:
                task.cancel()
            elif not self._stopping:
                self._screen.print("Waiting for the last answers; Ctrl-C again ends at once.")
            self._stopping = True

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, interrupted)
        stage = Stage(
            now=self._edges.now,
            sleep=self._edges.sleep,
            stopping=lambda: self._stopping,
            answered=self._answered,
        )
        async with collector_client(self._options.collector, transport=self._edges.collector) as client:
            sender = Sender(
                client,
                self._options.collector,
                notify=lambda notice: show_notice(self._screen, notice),
                patience=self._edges.patience,
                sleep=self._edges.sleep,
            )
            with self._live if self._screen.is_terminal else nullcontext():
                await perform(self._scenario, sender, self._ledger, stage, duration=self._options.duration)

    def _answered(self, batch: Batch, _answer: Answer) -> None:
        self._pulse.note(batch)
        now = self._edges.now()
        if now - self._shown_ms >= _SHOW_EVERY_MS and self._screen.is_terminal:
            self._shown_ms = now
            self._live.update(display.living(self._scenario, self._ledger, self._pulse, now), refresh=True)
        if now - self._saved_ms >= _SAVE_EVERY_MS:
            self._saved_ms = now
            save(run_path(self._options.home, self._options.seed), self._ledger.run(ended=False, now_ms=now))
