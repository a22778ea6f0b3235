"""The recomputation that the product is compared with, against answers written by hand."""

from typing import Any

import pytest

import truth
from calendar_cases import CASES, Case


def shown(ms: int | None) -> str | None:
    return None if ms is None else truth.rfc3339(ms)[:16]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_days_on_which_clocks_change_are_answered_as_written_by_hand(case: Case) -> None:
    answer = truth.answer(case.events("run"), case.question("run"), 0)
    found: list[tuple[Any, ...]] = [
        (
            shown(row["bucket"]),
            row["values"]["CLICKS"],
            *([row["previous"]["CLICKS"]] if case.compare else []),
        )
        for row in answer.rows
    ]
    assert found == list(case.rows)
    assert (shown(answer.previous_start), shown(answer.previous_end)) == (case.previous or (None, None))
