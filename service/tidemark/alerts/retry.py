"""When a notification that was not taken is sent again, and when no more."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_TIMEOUT, _TOO_MANY = 408, 429
_SUCCESS, _REDIRECT, _CLIENT, _SERVER = 200, 300, 400, 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of sending once.

    Attributes:
        is_taken: whether the receiver has it now.
        is_final: whether sending it again would not help.
        error: what went wrong, one sentence; empty where nothing did.
        retry_after_s: how long the receiver wants to be left alone; None where it did not say.
    """

    is_taken: bool
    is_final: bool = False
    error: str = ""
    retry_after_s: float | None = None


TAKEN = Outcome(is_taken=True)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Waits that double, with jitter, so that receivers that come back are not all asked at once.

    Attributes:
        first_s: the first wait, seconds.
        most_s: the longest.
        most_retry_after_s: the longest that a receiver may ask for.
        tries: how often it is sent at most; with these waits, for about a day.
    """

    first_s: float = 1.0
    most_s: float = 600.0
    most_retry_after_s: float = 3600.0
    tries: int = 200

    def wait(self, tried: int, outcome: Outcome, chance: float) -> float | None:
        """Seconds until it is sent again; None: no more.

        Args:
            tried: how often it was sent, this time included; from 1.
            outcome: of the last time, which was not taken.
            chance: from 0 up to 1, drawn anew each time. The wait is from half of the full one to all of it.
        """
        if outcome.is_final or tried >= self.tries:
            return None
        full = self.most_s
        if tried <= 64:  # noqa: PLR2004 - doubling oftener overflows, and is over the most long before
            full = min(self.most_s, self.first_s * 2.0 ** (tried - 1))
        asked = min(outcome.retry_after_s or 0.0, self.most_retry_after_s)
        return max(full * (0.5 + 0.5 * chance), asked)


def judged(status: int, told: str, retry_after: str | None, now: datetime) -> Outcome:
    """What an answer means.

    Args:
        status: HTTP's.
        told: the beginning of its body.
        retry_after: the header ``Retry-After``.
        now: the wall clock's time, aware.
    """
    if _SUCCESS <= status < _REDIRECT:
        return TAKEN
    said = f": {told}" if told else ""
    if _REDIRECT <= status < _CLIENT:
        error = f"the answer was a redirect ({status}), which is not followed; give the final address"
        return Outcome(is_taken=False, is_final=True, error=error)
    final = _CLIENT <= status < _SERVER and status not in (_TIMEOUT, _TOO_MANY)
    return Outcome(
        is_taken=False,
        is_final=final,
        error=f"the answer was {status}{said}",
        retry_after_s=retry_after_seconds(retry_after, now),
    )


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Seconds that ``Retry-After`` asks for (RFC 9110, 10.2.3): a number of them, or an HTTP date.

    None where there is none, or where it cannot be read.
    """
    value = (header or "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:12])
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
    return max(0.0, (until - now).total_seconds())
