"""Clocks: the brokers' time as the collector knows it, and a client's time corrected by it."""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tidemark.ingest.event import EARLIEST_MS, LATEST_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SAMPLES = 16
_STEP_BACK_MS = 2_000


def possible(ms: int) -> bool:
    """Whether a time in Unix ms is within 2000 to 2100."""
    return EARLIEST_MS <= ms < LATEST_MS


def corrected(time: int, sent_at: int | None, received_at: int) -> int:
    """When it happened by the brokers' clock; all in Unix ms.

    The client's clock is off by ``sent_at - received_at`` (the way takes little), and so is its ``time``.
    What would lie in the future, or before 2000, happened when it was received as far as anybody can tell.
    """
    if sent_at is not None:
        time += received_at - sent_at
    return time if EARLIEST_MS <= time <= received_at else received_at


def to_ms(moment: datetime) -> int:
    """An aware datetime in Unix ms, exactly, digits below the millisecond cut."""
    return (moment - _EPOCH) // _MILLISECOND


def client_time(value: object) -> int | None:
    """A timestamp as SDKs write it (ISO 8601 or Unix ms) in Unix ms; None for none or an impossible one.

    A text without an offset is UTC, which is what the SDKs that leave it out mean.
    """
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            ms = to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        except (ValueError, OverflowError):
            return None
    elif isinstance(value, int | float | Decimal) and EARLIEST_MS <= value < LATEST_MS:
        ms = int(value)
    else:
        return None
    return ms if possible(ms) else None


class BrokerClock:
    """The brokers' clock, learned from what they stamp on delivered messages (``LogAppendTime``).

    It runs on a monotonic local clock, so that the machine's own date does not matter once a stamp is known.
    ``now_ms`` never goes back, except to follow a broker whose clock was set back by more than two seconds.
    """

    def __init__(self, *, monotonic_ns: Callable[[], int], wall_ms: int) -> None:
        """``wall_ms`` is the machine's own time, used until the brokers have stamped something."""
        self._monotonic_ns = monotonic_ns
        self._offset_ms = wall_ms - monotonic_ns() / 1e6
        self._samples: deque[tuple[float, float]] = deque(maxlen=_SAMPLES)
        self._last = 0

    def now_ms(self) -> int:
        """Now, in Unix ms by the brokers' clock."""
        now = int(self._monotonic_ns() / 1e6 + self._offset_ms)
        if self._last > now > self._last - _STEP_BACK_MS:
            return self._last
        self._last = now
        return now

    def learn(self, *, sent_ns: int, acknowledged_ns: int, appended_ms: int) -> None:
        """Take in one delivered message: monotonic times of sending and acknowledgement, the broker's stamp.

        The stamp was made between the two, so of the last samples the one with the shortest way is the most
        exact (as in NTP, RFC 5905 section 10).
        """
        way = (acknowledged_ns - sent_ns) / 1e6
        offset = appended_ms - (sent_ns + acknowledged_ns) / 2e6
        if self._samples and abs(offset - self._offset_ms) > _STEP_BACK_MS + way:
            self._samples.clear()  # the broker's clock was set: what was learned is void
        self._samples.append((way, offset))
        self._offset_ms = min(self._samples)[1]
