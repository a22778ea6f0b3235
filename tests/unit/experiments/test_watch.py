"""Watching an experiment: what is told when, whoever pauses."""

from typing import Any

import pytest

from tidemark.experiments.watch import watch
from tidemark.query.client import Body, ServiceError

GONE = ServiceError("The service does not answer.")


class Hung(Exception):  # noqa: N818 - it stands for Ctrl-C
    """The watch was ended."""


def watched(*answers: dict[str, Any] | ServiceError, is_live: bool = False) -> list[object]:
    """What is told of these answers; complaints are texts, and it is ended after the last."""
    told: list[object] = []
    pauses: list[None] = []
    coming = iter(answers)

    def ask() -> Body:
        found = next(coming)
        if isinstance(found, ServiceError):
            raise found
        return found

    def pause() -> None:
        pauses.append(None)
        if len(pauses) == len(answers):
            raise Hung

    with pytest.raises(Hung):
        watch(ask, lambda body: told.append(body["users"]), told.append, pause, is_live=is_live)
    return told


def page(users: int, now: int = 0) -> dict[str, Any]:
    return {"users": users, "freshness": {"now": now}, "series": [now]}


def test_only_new_figures_are_told_and_the_time_alone_is_none() -> None:
    assert watched(page(1), page(1, 5), page(2, 6), page(2, 7), page(1, 8)) == [1, 2, 1]


def test_a_terminal_is_refreshed_each_time_so_that_its_watermark_moves() -> None:
    assert watched(page(1), page(1, 5), is_live=True) == [1, 1]


def test_a_service_that_is_gone_is_told_once_and_so_is_its_return() -> None:
    assert watched(page(1), GONE, GONE, page(1), page(1)) == [1, str(GONE), 1]


def test_without_a_first_answer_there_is_nothing_to_watch() -> None:
    def ask() -> Body:
        raise GONE

    with pytest.raises(ServiceError, match="does not answer"):
        watch(ask, print, print, lambda: None, is_live=False)
