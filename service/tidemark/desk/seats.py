"""How many subscriptions there may be, of one caller and in all."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tidemark.query.caller import Caller
from tidemark.query.errors import Code, QueryError

_MOST_OF_CALLER, _MOST = 100, 2_000


class Seats:
    """A seat for each subscription, whatever it watches."""

    def __init__(self, *, of_caller: int = _MOST_OF_CALLER, in_all: int = _MOST) -> None:
        self._most_of_caller, self._most = of_caller, in_all
        self._callers: Counter[Caller] = Counter()
        self.taken = 0

    @contextmanager
    def seat(self, caller: Caller) -> Iterator[None]:
        """Have one until the context ends.

        Raises:
            QueryError: TOO_MANY_QUERIES: this caller, or all of them, have as many as there may be.
        """
        if self._callers[caller] >= self._most_of_caller:
            raise _refused(f"This caller has {self._most_of_caller:,} subscriptions", self._most_of_caller)
        if self.taken >= self._most:
            raise _refused(f"All callers together have {self._most:,} subscriptions", self._most)
        self._callers[caller] += 1
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
            self._callers[caller] -= 1
            if not self._callers[caller]:
                del self._callers[caller]


def _refused(what: str, limit: int) -> QueryError:
    return QueryError(
        Code.TOO_MANY_QUERIES,
        f"{what}, which is the limit; end one, or put several questions into one.",
        limit=limit,
        requested=limit + 1,
    )
