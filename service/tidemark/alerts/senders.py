"""How each kind of receiver is spoken to. A sender says what came of it and raises nothing for that."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import anyio

from tidemark.alerts.post import Post
from tidemark.alerts.receiver import Notification, Receiver, ReceiverKind
from tidemark.alerts.retry import TAKEN, Outcome
from tidemark.alerts.signature import headers

_APPRISE_SECONDS = 30.0
_APPRISE_THREADS = 2
_ALERTS_PATH = "/api/v2/alerts"


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

    It is enough that one takes it: the others are told when it is said again, a minute later.
    """

    def __init__(self, urls: Sequence[str], post: Post) -> None:
        self._urls, self._post = urls, post

    async def send(self, notification: Notification) -> Outcome:
        """POST the alerts to all at the same time."""
        body = notification.payload.encode()
        outcomes = await asyncio.gather(
            *(self._post.send(f"{url}{_ALERTS_PATH}", body, {}) for url in self._urls)
        )
        for one in outcomes:
            if one.is_taken:
                return one
        # one that may yet take it decides
        return min(outcomes, key=lambda one: one.is_final)


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
