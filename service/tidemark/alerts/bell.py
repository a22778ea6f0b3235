"""Rung when something was kept about alerts, so that nobody has to look again and again."""

from collections.abc import Callable


class Bell:
    """Calls whoever listens. It may be rung from any thread; who listens returns at once."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Call it whenever the bell is rung from now on; it must not block, and comes from any thread."""
        self._listeners.append(listener)

    def ring(self) -> None:
        """Say that something was kept."""
        for listener in self._listeners:
            listener()
