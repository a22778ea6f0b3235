"""What of the past a job that began without state is given."""

from hypothesis import given
from hypothesis import strategies as st

from declared import TEXT, read, with_line
from tidemark.experiments.history import first_needed, needs_history, spans
from tidemark.query.instant import DAY_MS

BUTTON = read(TEXT)


@given(
    st.dictionaries(st.integers(0, 500).map(lambda n: n * 60), st.integers(1, 50)),
    st.integers(1, 100),
)
def test_spans_hold_every_minute_once_and_at_most_so_many_events(counts: dict[int, int], most: int) -> None:
    found = list(spans(sorted(counts.items()), most))
    held = [[minute for minute in sorted(counts) if start <= minute < end] for start, end in found]
    assert [minute for span in held for minute in span] == sorted(counts)
    for span in held:
        assert len(span) == 1 or sum(counts[minute] for minute in span) <= most


def test_the_past_is_needed_from_the_covariate_before_the_start_on() -> None:
    assert BUTTON.start_ms is not None
    first = BUTTON.start_ms - 14 * DAY_MS
    assert first_needed(BUTTON) == first
    assert not needs_history(BUTTON, first)
    assert needs_history(BUTTON, first + 1)


def test_a_draft_needs_no_past() -> None:
    draft = read(with_line("status: running", "status: draft"))
    assert first_needed(draft) is None
    assert not needs_history(draft, BUTTON.start_ms or 0)
