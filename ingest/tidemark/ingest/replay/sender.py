"""Sends batches to the collector until it has answered for every event: the one way both commands send.

An event sent again is the same event (DESIGN rule 8), so a batch without an answer is simply sent again.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address

import httpx
import msgspec

from tidemark.ingest.replay.batch import Batch, Clock, Sleep

PATIENCE_SECONDS = 120.0
"""How long a batch is sent again before the command gives up: longer than a collector takes to come back."""
CONNECTIONS = 4
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 3.0
_LONGEST_ASKED_PAUSE = 10.0
_TIMEOUT = httpx.Timeout(20.0, connect=5.0)
_ANSWERED = (HTTPStatus.OK, HTTPStatus.BAD_REQUEST)


class DeliveryError(RuntimeError):
    """Events that could not be delivered; the message is a sentence."""


class Refusal(msgspec.Struct, frozen=True):
    """Why the collector refused an event: its index in the batch, the field and the reason."""

    index: int
    field: str = ""
    reason: str = ""


class Answer(msgspec.Struct, frozen=True):
    """The collector's answer for a batch: each event is accepted or refused."""

    accepted: int
    rejected: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should read while it goes on."""

    text: str
    good: bool


Notify = Callable[[Notice], None]
_decode_answer = msgspec.json.Decoder(Answer).decode


class Sender:
    """Sends batches to one collector.

    Attributes:
        retries: how many requests had to be sent again.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: str,
        *,
        notify: Notify,
        patience: float = PATIENCE_SECONDS,
        sleep: Sleep = asyncio.sleep,
        clock: Clock = time.monotonic,
    ) -> None:
        self._client = client
        self._url = url
        self._notify = notify
        self._patience = patience
        self._sleep = sleep
        self._clock = clock
        self._away_since: float | None = None
        self.retries = 0

    async def send(self, batch: Batch) -> Answer:
        """Send a batch until the collector has answered for each of its events.

        Raises:
            DeliveryError: it did not within the patience, or what answers is no collector.
        """
        response = await self._post(batch)
        if response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return await self._send_smaller(batch, response)
        if response.status_code not in _ANSWERED:
            raise DeliveryError(
                f"{self._url} answered {response.status_code} to {len(batch.events)} events: "
                "is it the address of a collector?"
            )
        try:
            answer = _decode_answer(response.content)
        except msgspec.DecodeError as error:
            raise DeliveryError(
                f"{self._url} answered {response.status_code}, but not as a collector does ({error}): "
                f"{response.text[:200]!r}."
            ) from error
        if answer.accepted + len(answer.rejected) != len(batch.events):
            raise DeliveryError(
                f"{self._url} answered for {answer.accepted + len(answer.rejected)} "
                f"of {len(batch.events)} events: what became of the others is not known."
            )
        return answer

    async def _send_smaller(self, batch: Batch, response: httpx.Response) -> Answer:
        if len(batch.events) == 1:
            reason = f"too large for the collector ({len(batch.lines[0]):,} bytes): {response.text[:200]}"
            return Answer(0, (Refusal(0, "", reason),))
        first, second = batch.halves()
        one, two = await self.send(first), await self.send(second)
        moved = tuple(Refusal(len(first.events) + no.index, no.field, no.reason) for no in two.rejected)
        return Answer(one.accepted + two.accepted, (*one.rejected, *moved))

    async def _post(self, batch: Batch) -> httpx.Response:
        """The first response that is no call to try again."""
        body, pause = batch.body(), _FIRST_PAUSE
        failing_since: float | None = None
        while True:
            asked_pause = 0.0
            try:
                response = await self._client.post(
                    f"{self._url}/v1/events", content=body, headers={"Content-Type": "application/x-ndjson"}
                )
            except httpx.TransportError as error:
                problem = _described(error)
            else:
                if not _is_temporary(response.status_code):
                    self._is_back()
                    return response
                problem = f"it answered {response.status_code}"
                asked_pause = _retry_after(response)
            now = self._clock()
            failing_since = now if failing_since is None else failing_since
            self._is_away(now, problem)
            if now - failing_since >= self._patience:
                raise DeliveryError(
                    f"The collector at {self._url} took no events for {self._patience:.0f} s ({problem}); "
                    "see `tidemark status`, then run the command again."
                )
            self.retries += 1
            await self._sleep(max(pause, min(asked_pause, _LONGEST_ASKED_PAUSE)))
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _is_away(self, now: float, problem: str) -> None:
        if self._away_since is None:
            self._away_since = now
            self._notify(
                Notice(
                    f"The collector at {self._url} takes no events ({problem}); "
                    f"trying again for up to {self._patience:.0f} s.",
                    good=False,
                )
            )

    def _is_back(self) -> None:
        if self._away_since is not None:
            away, self._away_since = self._clock() - self._away_since, None
            self._notify(Notice(f"The collector takes events again, after {away:.1f} s.", good=True))


async def deliver(
    batches: AsyncIterator[Batch],
    sender: Sender,
    *,
    answered: Callable[[Batch, Answer], None],
    connections: int = CONNECTIONS,
) -> None:
    """Send all batches, several at a time; at most ``connections`` are held in memory.

    Args:
        batches: what to send.
        sender: sends one.
        answered: called with each batch and its answer.
        connections: how many batches are on their way at once.

    Raises:
        DeliveryError: one could not be delivered; those on their way are given up too.
    """
    turn = asyncio.Lock()

    async def carry() -> None:
        while True:
            async with turn:
                batch = await anext(batches, None)
            if batch is None:
                return
            answered(batch, await sender.send(batch))

    try:
        async with asyncio.TaskGroup() as carriers:
            for _ in range(connections):
                carriers.create_task(carry())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


def collector_client(
    url: str, *, connections: int = CONNECTIONS, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """The HTTP client for a collector; a proxy of the environment is not asked for one on this machine.

    Args:
        url: the collector's address.
        connections: how many requests it has on their way at once.
        transport: carries them; None: the network.

    Raises:
        DeliveryError: the address is no HTTP URL.
    """
    return httpx.AsyncClient(
        timeout=_TIMEOUT,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        trust_env=not is_loopback(url),
        transport=transport,
    )


def is_loopback(url: str) -> bool:
    """Whether the URL names this machine.

    Raises:
        DeliveryError: it is no HTTP URL.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise DeliveryError(f"{url!r} is no address of a server; it looks like http://127.0.0.1:8601.")
    try:
        return ip_address(parsed.host).is_loopback
    except ValueError:
        return parsed.host == "localhost"


def _is_temporary(status: int) -> bool:
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _described(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    return "the connection broke"
