"""What a caller may spend: a token bucket each (a unit is a million rows or a gigabyte read)."""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tidemark.query.caller import Caller
from tidemark.query.errors import Code, QueryError

# What every question costs, so that none is free.
FEE = 0.01
_MOST_CALLERS = 10_000


def price(rows: float, bytes_read: float = 0) -> float:
    """Units for a query that reads so much: the fee, and millions of rows or gigabytes, whichever is more."""
    return FEE + max(rows / 1e6, bytes_read / 1e9)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units taken from a caller's bucket until the true price is known; to be settled once."""

    caller: Caller
    units: float


@dataclass(slots=True)
class _Bucket:
    """``units`` were in it at ``at``; ``held`` reservations are not settled."""

    units: float
    at: float
    held: int = 0


class Budget:
    """A bucket a caller: full with ``per_minute`` units, refilled evenly within a minute.

    A bucket is forgotten, the least recently used first, only once it is full again and owes nothing, so
    nobody gains by being forgotten. Pure but for the clock (seconds), and not for threads.
    """

    def __init__(
        self, per_minute: float, monotonic: Callable[[], float], *, most_callers: int = _MOST_CALLERS
    ) -> None:
        self._capacity, self._rate = per_minute, per_minute / 60
        self._now = monotonic
        self._most = most_callers
        self._buckets: OrderedDict[Caller, _Bucket] = OrderedDict()

    def reserve(
        self, caller: Caller, units: float, cheaper: Mapping[str, object] | None = None
    ) -> Reservation:
        """Take units (more than 0) before a query runs.

        ``cheaper`` is what to replace in the question so that it costs less, for the refusal.

        Raises:
            QueryError: BUDGET_EXHAUSTED: there are not so many left; TOO_EXPENSIVE: there never will be.
        """
        bucket = self._bucket(caller)
        if units > bucket.units:
            raise self.refusal(caller, units, cheaper)
        bucket.units -= units
        bucket.held += 1
        return Reservation(caller, units)

    def refusal(
        self, caller: Caller, units: float, cheaper: Mapping[str, object] | None = None
    ) -> QueryError:
        """Why a question of so many units is not answered: now, or with this budget never."""
        suggestion = {"suggestion": dict(cheaper)} if cheaper else {}
        if units > self._capacity:
            return QueryError(
                Code.TOO_EXPENSIVE,
                f"This question would cost about {units:,.2f} units, and a caller has {self._capacity:,.2f} "
                f"a minute; {_advice(cheaper)}.",
                limit=self._capacity,
                requested=units,
                **suggestion,
            )
        left = self.remaining(caller)
        wait = self._wait_ms(max(0.0, units - left))
        return QueryError(
            Code.BUDGET_EXHAUSTED,
            f"This question costs about {units:,.2f} units, and {left:,.2f} of this caller's "
            f"{self._capacity:,.2f} a minute are left; ask again in {wait / 1000:,.1f} s, or "
            f"{_advice(cheaper)}.",
            limit=self._capacity,
            requested=units,
            retryAfterMs=wait,
            **suggestion,
        )

    def settle(self, reservation: Reservation, actual: float) -> None:
        """Refund what was not used, or charge what was used beyond it, below zero if need be."""
        bucket = self._filled(self._buckets[reservation.caller])
        bucket.units = min(self._capacity, bucket.units + reservation.units - actual)
        bucket.held -= 1

    def charge(self, caller: Caller, units: float) -> None:
        """Take units for good.

        Raises:
            QueryError: as of `reserve`.
        """
        self.settle(self.reserve(caller, units), units)

    def remaining(self, caller: Caller) -> float:
        """Units left; below zero where a query read more than was expected and left."""
        bucket = self._buckets.get(caller)
        return self._capacity if bucket is None else self._filled(bucket).units

    def _bucket(self, caller: Caller) -> _Bucket:
        bucket = self._buckets.get(caller)
        if bucket is None:
            if len(self._buckets) >= self._most:
                self._forget_one()
            bucket = self._buckets[caller] = _Bucket(self._capacity, self._now())
        self._buckets.move_to_end(caller)
        return self._filled(bucket)

    def _filled(self, bucket: _Bucket) -> _Bucket:
        now = self._now()
        bucket.units = min(self._capacity, bucket.units + (now - bucket.at) * self._rate)
        bucket.at = now
        return bucket

    def _forget_one(self) -> None:
        for caller, bucket in self._buckets.items():
            if not bucket.held and self._filled(bucket).units >= self._capacity:
                del self._buckets[caller]
                return
        # each of so many callers has spent something within the last minute: no dashboards do that
        wait = self._wait_ms(min(self._capacity - bucket.units for bucket in self._buckets.values()))
        raise QueryError(
            Code.BUDGET_EXHAUSTED,
            f"{self._most:,} other callers have asked within the last minute, more are not counted; ask "
            f"again in {wait / 1000:,.1f} s.",
            limit=self._most,
            requested=self._most + 1,
            retryAfterMs=wait,
        )

    def _wait_ms(self, units: float) -> int:
        """Until so many units have come in; a millisecond more, so that rounding never makes it too early."""
        return math.ceil(units / self._rate * 1000) + 1


def _advice(cheaper: Mapping[str, object] | None) -> str:
    words = [f"{name} {value}" for name, value in (cheaper or {}).items() if isinstance(value, str | int)]
    return f"use {', '.join(words)}" if words else "use a coarser grain or a shorter range"
