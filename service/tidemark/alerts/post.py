"""One POST to a receiver that is not trusted: it may hang, answer without end, or lead elsewhere."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import httpcore

from tidemark.alerts.addresses import Allowed, ForbiddenAddressError, PinnedBackend, Resolve, resolve
from tidemark.alerts.retry import Outcome, judged

MAX_ANSWER = 2048
"""Bytes of an answer that are read; they are only shown to operators."""
_HEADERS = {"content-type": "application/json", "user-agent": "tidemark"}
_ANSWER_SECONDS = 2.0
"""How long these are waited for: the status has come before."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a receiver is waited for, seconds.

    Attributes:
        connect: for the connection, the name's resolution included.
        read: for the next bytes of the answer, or for some of ours to be taken.
        total: for all of it.
    """

    connect: float = 5.0
    read: float = 10.0
    total: float = 15.0


@dataclass(frozen=True, slots=True)
class Post:
    """How requests are sent: no redirect is followed, no proxy or cookie used, no connection kept.

    Attributes:
        allowed: where they may go.
        patience: how long it may take.
        resolver: of names.
        tls: whose certificates are trusted; None: those of the usual authorities.
    """

    allowed: Allowed
    patience: Patience = Patience()
    resolver: Resolve = resolve
    tls: ssl.SSLContext | None = None

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """POST a body, and say what came of it. Nothing is raised for what a receiver does."""
        backend = PinnedBackend(self.allowed, self.resolver, is_plain=url.lower().startswith("http:"))
        # without http2, and with no connection kept, the address is checked at each request
        try:
            async with (
                asyncio.timeout(self.patience.total),
                httpcore.AsyncConnectionPool(
                    self.tls or _usual_tls(), network_backend=backend, max_keepalive_connections=0
                ) as pool,
            ):
                return await self._exchange(pool, url, body, headers)
        except ForbiddenAddressError as error:
            return _failed(str(error))
        except TimeoutError:
            return _failed(f"there was no answer within {self.patience.total:g} s")
        except httpcore.TimeoutException as error:
            return _failed(f"it took too long: {str(error) or type(error).__name__}")
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            return _failed(f"the connection failed: {str(error) or type(error).__name__}")

    async def _exchange(
        self, pool: httpcore.AsyncConnectionPool, url: str, body: bytes, headers: Mapping[str, str]
    ) -> Outcome:
        patience = self.patience
        timeouts = {"connect": patience.connect, "read": patience.read, "write": patience.read}
        async with pool.stream(
            "POST",
            url,
            headers=[*_HEADERS.items(), *headers.items()],
            content=body,
            extensions={"timeout": timeouts},
        ) as response:
            known = {name.lower(): value for name, value in response.headers}
            retry_after = known.get(b"retry-after", b"").decode("ascii", "replace")
            outcome = judged(response.status, "", retry_after, datetime.now(UTC))
            if outcome.is_taken:  # whatever else it has to say is not waited for
                return outcome
            return judged(response.status, await _beginning(response), retry_after, datetime.now(UTC))


@cache
def _usual_tls() -> ssl.SSLContext:
    return httpcore.default_ssl_context()  # reading all authorities takes tens of milliseconds


async def _beginning(response: httpcore.Response) -> str:
    """At most ``MAX_ANSWER`` bytes of an answer, as text on one line; less where it breaks off."""
    read = bytearray()
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            async for part in response.aiter_stream():
                read += part
                if len(read) >= MAX_ANSWER:
                    break
    except (TimeoutError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        read += b" (it broke off)"
    text = " ".join(read[:MAX_ANSWER].decode("utf-8", "replace").split())
    return "".join(one if one.isprintable() else "?" for one in text)


def _failed(error: str) -> Outcome:
    return Outcome(is_taken=False, error=error)
