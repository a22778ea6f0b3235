"""``tidemark experiment --watch``: a question again and again, and what is new in its answers. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from tidemark.query.client import Body, ServiceError

_PASSING = ("freshness", "series")
"""What changes with the time alone."""


def watch(
    ask: Callable[[], Body],
    tell: Callable[[Body], None],
    complain: Callable[[str], None],
    pause: Callable[[], None],
    *,
    is_live: bool,
) -> None:
    """Ask and tell until ``pause`` or ``ask`` is interrupted; it never returns by itself.

    Args:
        ask: The answer of now.
        tell: Show an answer: all of them where ``is_live``, else those whose figures are new.
        complain: Say that there is no answer for the time being: a service that is started anew is back soon.
        pause: Wait for the next look.
        is_live: Whether what is told replaces what was told before, as on a terminal.

    Raises:
        ServiceError: the first answer could not be had.
    """
    shown: Mapping[str, Any] | None = None
    complaint = ""
    while True:
        try:
            told = ask()
        except ServiceError as error:
            if shown is None:
                raise
            if is_live or str(error) != complaint:
                complain(str(error))
            complaint = str(error)
        else:
            if is_live or complaint or figures(told) != shown:
                tell(told)
            shown, complaint = figures(told), ""
        pause()


def figures(told: Body) -> Mapping[str, Any]:
    """What an answer says of the experiment: all but what changes with the time alone."""
    return {name: value for name, value in told.items() if name not in _PASSING}
