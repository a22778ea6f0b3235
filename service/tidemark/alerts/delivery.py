"""The delivery: a worker a receiver takes what is due from the outbox, sends it, and notes what came of it.

At least once: what was sent and not noted, because the process was killed in between, is sent again with the
same id.
"""

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence

from prometheus_client import Histogram

from tidemark.alerts.post import Post
from tidemark.alerts.receiver import Receiver
from tidemark.alerts.retry import Outcome, RetryPolicy
from tidemark.alerts.routing import Router
from tidemark.alerts.senders import Sender, sender
from tidemark.alerts.store.outbox import Outbox, Posted

log = logging.getLogger("tidemark.alerts.delivery")

_LOOK_SECONDS = 1.0
"""How often the outbox is looked into where nobody says that there is something."""
_REPEAT_SECONDS = 5.0
_POLICY = RetryPolicy()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Delivery:
    """Owns a thread with an event loop in which the workers run; one that hangs holds up no other.

    Attributes:
        seconds: from when a notification was made until its receiver had it, by receiver.
    """

    def __init__(
        self,
        outbox: Outbox,
        router: Router,
        senders: dict[str, Sender],
        policy: RetryPolicy = _POLICY,
        *,
        clock: Callable[[], int] = _now_ms,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Nothing is sent before ``start``.

        Args:
            outbox: what is to be sent.
            router: who is told again, and when.
            senders: by the receivers' names.
            policy: when it is sent again.
            clock: Unix ms.
            chance: from 0 up to 1, for the jitter.
        """
        self._outbox, self._router, self._senders = outbox, router, senders
        self._policy, self._clock, self._chance = policy, clock, chance
        self.seconds = Histogram(
            "tidemark_alert_delivery_seconds",
            "From when a notification was made until its receiver had it.",
            ["receiver"],
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
            registry=None,
        )
        self._wakes: dict[str, asyncio.Event] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="delivery", daemon=True)

    def start(self) -> None:
        """Begin to send. What waits for receivers that there are no more is dead."""
        buried = self._outbox.bury(self._senders, self._clock())
        if buried:
            log.warning("%s notifications wait for receivers that there are no more; they are dead", buried)
        self._thread.start()
        self._ready.wait()

    def wake(self) -> None:
        """Say that there is something in the outbox. From any thread."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._wake)

    def stop(self) -> None:
        """End. What is being sent is broken off, and sent again after the next start."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wakes = {name: asyncio.Event() for name in self._senders}
        tasks = [asyncio.create_task(self._work(name, one)) for name, one in self._senders.items()]
        tasks.append(asyncio.create_task(self._repeat()))
        self._ready.set()
        await self._ended.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _wake(self) -> None:
        for event in self._wakes.values():
            event.set()

    async def _work(self, name: str, to: Sender) -> None:
        wake = self._wakes[name]
        while True:
            wake.clear()
            try:
                posted = await asyncio.to_thread(self._outbox.next, name, self._clock())
                if posted is not None:
                    await self._send(posted, to)
                    continue
            except Exception:
                # the store, or a fault of ours: the others go on, and so does this one
                log.exception("sending to %s failed, tried again in %s s", name, _LOOK_SECONDS)
            await _wait(wake, _LOOK_SECONDS)

    async def _send(self, posted: Posted, to: Sender) -> None:
        notification, tried = posted.notification, posted.attempts + 1
        try:
            outcome = await to.send(notification)
        except Exception as error:  # a fault of a library, or ours: it waits like any other failure
            log.exception("sending notification %s to %s failed", notification.id, notification.receiver)
            outcome = Outcome(is_taken=False, error=f"sending failed: {type(error).__name__}")
        now_ms = self._clock()
        if outcome.is_taken:
            await asyncio.to_thread(self._outbox.taken, notification.id, now_ms)
            self.seconds.labels(notification.receiver).observe((now_ms - posted.created_ms) / 1000)
            return
        wait_s = self._policy.wait(tried, outcome, self._chance())
        next_ms = None if wait_s is None else now_ms + round(wait_s * 1000)
        self._tell(posted, outcome, wait_s)
        await asyncio.to_thread(self._outbox.failed, notification.id, outcome.error, next_ms, now_ms)

    @staticmethod
    def _tell(posted: Posted, outcome: Outcome, wait_s: float | None) -> None:
        name, tried = posted.notification.receiver, posted.attempts + 1
        if wait_s is None:
            log.error(
                "%s did not take notification %s, which is dead after %s attempts: %s",
                name, posted.notification.id, tried, outcome.error,
            )  # fmt: skip
        elif tried == 1:
            log.warning(
                "%s did not take a notification, sent again in %.0f s: %s", name, wait_s, outcome.error
            )

    async def _repeat(self) -> None:
        while True:
            try:
                if await asyncio.to_thread(self._outbox.repeat, self._router, self._clock()):
                    self._wake()
            except Exception:
                log.exception("repetitions failed, tried again in %s s", _REPEAT_SECONDS)
            await asyncio.sleep(_REPEAT_SECONDS)


def senders(receivers: Sequence[Receiver], post: Post) -> dict[str, Sender]:
    """A sender for each receiver, by name."""
    return {receiver.name: sender(receiver, post) for receiver in receivers}


async def _wait(wake: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(wake.wait(), seconds)
    except TimeoutError:
        return
