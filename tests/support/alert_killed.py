"""A service that judges, commits and sends, and is killed where it is told: a program for a test.

Arguments: the folder of its store, the receiver's URL, and ``commit:N`` or ``send:N``, where it dies: before
the N-th commit is made, or after the N-th thing was sent and before that was noted; ``never:0`` to live.
"""

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from sqlalchemy import event

from alert_story import HOOK, MINUTE, fired, resolved, router, store
from tidemark.alerts.addresses import Allowed, networks
from tidemark.alerts.delivery import Delivery, senders
from tidemark.alerts.post import Post
from tidemark.alerts.receiver import Notification
from tidemark.alerts.retry import Outcome
from tidemark.alerts.senders import Sender
from tidemark.alerts.store.outbox import Outbox
from tidemark.alerts.store.ticks import Ticks

TICKS = (
    fired(MINUTE, "summer", "winter"),
    fired(2 * MINUTE, "spring"),
    resolved(3 * MINUTE, MINUTE, "summer"),
    resolved(4 * MINUTE, 2 * MINUTE, "spring"),
    fired(5 * MINUTE, "summer"),
)


class Death:
    """Kills this process at the N-th time it is asked about a place."""

    def __init__(self, where: str) -> None:
        self._place, _, number = where.partition(":")
        self._left = int(number)

    def at(self, place: str) -> None:
        if place == self._place:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class Mortal:
    """A sender that may die after it has sent."""

    def __init__(self, inner: Sender, death: Death) -> None:
        self._inner, self._death = inner, death

    async def send(self, notification: Notification) -> Outcome:
        outcome = await self._inner.send(notification)
        self._death.at("send")
        return outcome


def main(folder: str, url: str, where: str) -> None:
    death, hook = Death(where), replace(HOOK, urls=(url,))
    engine = store(Path(folder))
    event.listen(engine, "commit", lambda _connection: death.at("commit"))
    every = senders([hook], Post(Allowed(networks(["127.0.0.0/8"]))))
    outbox = Outbox(engine)
    delivery = Delivery(outbox, router(hook), {name: Mortal(one, death) for name, one in every.items()})
    delivery.start()
    for tick in TICKS:
        Ticks(engine).commit(tick, router(hook), time.time_ns() // 1_000_000)
        delivery.wake()
    while any(state == "pending" for _, state in outbox.counts()):
        time.sleep(0.01)
    delivery.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
