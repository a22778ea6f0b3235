"""The time that the desk goes by, passed in so that tests can drive it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that never goes back, and a way to wait by it; both in seconds."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def wait_for(self, work: "asyncio.Future[Any]", seconds: float) -> bool:
        """Wait until the work is done, at most so many seconds; whether it is. It is never cancelled."""
        if not work.done():
            sleeping = asyncio.ensure_future(self.sleep(seconds))
            try:
                await asyncio.wait({work, sleeping}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                sleeping.cancel()
        return work.done()

    async def wait_set(self, event: asyncio.Event, seconds: float) -> None:
        """Wait until the event is set, at most so many seconds."""
        waiting = asyncio.ensure_future(event.wait())
        try:
            await self.wait_for(waiting, seconds)
        finally:
            waiting.cancel()
