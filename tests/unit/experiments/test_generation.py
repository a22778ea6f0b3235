"""Which of several generations of an experiment's numbers answers when."""

from datetime import UTC, datetime, timedelta

import pytest

from fake_experiments import DEFINITION, FakeDatabase
from tidemark.experiments.generation import Generation, generation
from tidemark.experiments.published import Published
from tidemark.freshness import Freshness
from tidemark.query.limits import DEFAULT_LIMITS

OLD, NEW = 1_793_491_200, 1_793_580_000
TOLD = NEW + 60
"""A minute after the newer one was asked for; the watermark must be beyond it."""


def chosen(rows: list[int], published: int, through: float | None) -> Generation:
    complete = None if through is None else datetime.fromtimestamp(through, UTC)
    known = Freshness(datetime.fromtimestamp(NEW, UTC) + timedelta(hours=1), complete, None)
    asked = Published(DEFINITION, published)
    return generation(FakeDatabase(generations=rows), asked, 0, known, DEFAULT_LIMITS)


@pytest.mark.parametrize(
    ("rows", "through", "number", "is_rebuilding"),
    [
        ([], None, NEW, True),
        ([], TOLD, NEW, True),
        ([], TOLD + 0.5, NEW, False),
        ([OLD], NEW - 5, OLD, True),
        ([OLD], TOLD + 60, OLD, True),
        ([OLD, NEW], NEW - 5, OLD, True),
        ([OLD, NEW], TOLD, OLD, True),
        ([OLD, NEW], TOLD + 0.5, NEW, False),
        ([OLD, NEW], None, OLD, True),
        ([NEW], NEW - 5, NEW, True),
        ([NEW], TOLD + 0.5, NEW, False),
    ],
)
def test_the_newer_one_answers_once_it_has_caught_up_and_till_then_the_older_one_says_so(
    rows: list[int], through: float | None, number: int, is_rebuilding: bool
) -> None:
    assert chosen(rows, NEW, through) == Generation(number, is_rebuilding)


def test_one_that_is_no_longer_asked_for_does_not_answer() -> None:
    assert chosen([OLD, NEW], OLD, TOLD + 60) == Generation(OLD, is_rebuilding=False)
