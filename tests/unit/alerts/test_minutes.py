"""Sums of windows from sums of minutes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tidemark.alerts.minutes import Gathering
from tidemark.alerts.series import Labels

MINUTE = 60_000
rows = st.dictionaries(
    st.tuples(st.sampled_from("abc"), st.integers(0, 30)),
    st.tuples(st.integers(-5, 2**62), st.integers(0, 9)),
)
windows = st.lists(st.tuples(st.integers(-3, 35), st.integers(0, 12)), min_size=1)
Row = tuple[str, int]


def of(series: str) -> Labels:
    return (("campaign", series),)


@given(rows, windows, st.integers(0, 40))
def test_a_window_has_the_sums_of_its_minutes_however_they_came(
    given_rows: dict[Row, tuple[int, int]], asked: list[tuple[int, int]], cut: int
) -> None:
    gathering = Gathering(2)
    items = list(given_rows.items())
    for part in (items[:cut], items[cut:]):
        starts = np.array([minute * MINUTE for (_, minute), _ in part], np.int64)
        gathering.add(
            [of(name) for (name, _), _ in part], starts, [[sums[at] for _, sums in part] for at in (0, 1)]
        )
    starts, ends = (
        np.array([edge * MINUTE for edge in edges], np.int64)
        for edges in ([start for start, _ in asked], [start + length for start, length in asked])
    )
    series = gathering.series()
    assert set(series) == {of(name) for name, _ in given_rows}
    assert (gathering.rows, gathering.count) == (len(given_rows), len(series))
    for labels, one in series.items():
        found = one.within(starts, ends)
        for place, (start, length) in enumerate(asked):
            within = [
                sums
                for (name, minute), sums in given_rows.items()
                if of(name) == labels and start <= minute < start + length
            ]
            assert found.present[place] == bool(within)
            assert [int(column[place]) for column in found.sums] == [
                sum(each[at] for each in within) for at in (0, 1)
            ]


def test_a_series_of_nothing_has_nothing_in_any_window() -> None:
    found = Gathering(2).nothing().within(np.array([0, 60_000]), np.array([60_000, 10**12]))
    assert found.present.tolist() == [False, False]
    assert [column.tolist() for column in found.sums] == [[0, 0], [0, 0]]
    assert Gathering(1).series() == {}
