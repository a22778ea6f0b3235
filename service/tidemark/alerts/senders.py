"""How each kind of receiver is spoken to. A sender says what came of it and raises nothing for that."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import anyio

from tidemark.alerts.post import Post
from tidemark.alerts.receiver import Notification, Receiver, ReceiverKind
from tidemark.alerts.retry import TAKEN, Outcome
from tidemark.alerts.signature import headers

log = logging.getLogger("tidemark.alerts.senders")

_APPRISE_SECONDS = 30.0
_APPRISE_THREADS = 2
_ALERTS_PATH = "/api/v2/alerts"
_LATE_SECONDS = 1.0
"""How long further Alertmanagers are waited for once one has taken it."""


class Sender(Protocol):
    """Sends to one receiver."""

    async def send(self, notification: Notification) -> Outcome:
        """Send once."""


def sender(receiver: Receiver, post: Post) -> Sender:
    """The sender for a receiver."""
    match receiver.kind:
        case ReceiverKind.WEBHOOK:
            return Webhook(receiver.urls[0], receiver.keys, post)
        case ReceiverKind.ALERTMANAGER:
            return Alertmanagers(receiver.urls, post)
        case ReceiverKind.APPRISE:
            return Chat(receiver.urls[0])


class Webhook:
    """Signed as Standard Webhooks says; the id is that of the notification, however often it is sent."""

    def __init__(
        self, url: str, keys: Sequence[bytes], post: Post, clock: Callable[[], float] = time.time
    ) -> None:
        self._url, self._keys, self._post, self._clock = url, keys, post, clock

    async def send(self, notification: Notification) -> Outcome:
        """POST the payload."""
        body = notification.payload.encode()
        signed = headers(self._keys, notification.id, int(self._clock()), body)
        return await self._post.send(self._url, body, signed)


class Alertmanagers:
    """Alertmanagers that work together: each is told, as Prometheus does.

    It is enough that one takes it: the others are told when it is said again, a minute later. One that is
    slow where another has taken it is not waited for, and told nothing more until it has answered or failed:
    so it neither holds up the others nor hears things out of order. That is never all of them.
    """

    def __init__(self, urls: Sequence[str], post: Post) -> None:
        self._urls, self._post = urls, post
        self._sent: dict[str, asyncio.Task[Outcome]] = {}
        self._missing: list[int] = []

    async def send(self, notification: Notification) -> Outcome:
        """POST the alerts to all at the same time."""
        body = notification.payload.encode()
        now = {
            url: asyncio.create_task(self._post.send(f"{url}{_ALERTS_PATH}", body, {}))
            for url in self._urls
            if url not in self._sent or self._sent[url].done()
        }
        self._sent |= now
        waiting, is_taken = set(now.values()), False
        while waiting and not is_taken:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            is_taken = any(one.result().is_taken for one in done)
        if waiting:
            await asyncio.wait(waiting, timeout=_LATE_SECONDS)
        if is_taken:
            self._tell_missing(notification.receiver)
            return TAKEN
        # one that may yet take it decides
        outcome = min((one.result() for one in now.values()), key=lambda one: one.is_final)
        return replace(outcome, is_final=outcome.is_final and len(now) == len(self._sent))

    def _tell_missing(self, receiver: str) -> None:
        """Log which do not take what one has taken, when that changes."""
        found = {
            number: task.result().error if task.done() else "it is slow to answer"
            for number, task in enumerate((self._sent[url] for url in self._urls), 1)
            if not task.done() or not task.result().is_taken
        }
        if list(found) != self._missing:
            self._missing = list(found)
            told = "; ".join(f"number {number} did not: {error}" for number, error in found.items())
            log.warning(
                "of the %s urls of %s, %s", len(self._urls), receiver, told or "all take alerts again"
            )


class Chat:
    """Chats and mail, through Apprise. It blocks, so it has threads of its own and is not waited for long."""

    def __init__(self, url: str, seconds: float = _APPRISE_SECONDS) -> None:
        self._url, self._seconds = url, seconds
        self._threads = anyio.CapacityLimiter(_APPRISE_THREADS)

    async def send(self, notification: Notification) -> Outcome:
        """Say it."""
        told = json.loads(notification.payload)
        try:
            async with asyncio.timeout(self._seconds):
                is_taken = await anyio.to_thread.run_sync(
                    _notify,
                    self._url,
                    (told["title"], told["body"], told["type"]),
                    abandon_on_cancel=True,
                    limiter=self._threads,
                )
        except TimeoutError:
            return Outcome(is_taken=False, error=f"Apprise was not done within {self._seconds:g} s")
        if is_taken:
            return TAKEN
        return Outcome(is_taken=False, error="Apprise could not deliver it; the service's log says why")


def _notify(url: str, told: tuple[str, str, str]) -> bool:
    from apprise import Apprise, NotifyType  # noqa: PLC0415 - takes 44 MB and most of a second

    title, body, kind = told
    service = Apprise()
    service.add(url)
    return bool(service.notify(title=title, body=body, notify_type=NotifyType(kind)))
