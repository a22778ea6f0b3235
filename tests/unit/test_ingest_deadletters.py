import json

from hypothesis import given
from hypothesis import strategies as st

from tidemark.ingest.deadletters import MAX_RAW, letter
from tidemark.ingest.event import Refusal

NOW = 1_795_470_000_000


def test_a_dead_letter_says_what_why_where_and_when() -> None:
    refusal = Refusal(3, "quantity", "quantity is 0", "range", b'{"quantity":0}')
    assert json.loads(letter(refusal, "/v1/events", NOW)) == {
        "reason": "quantity is 0", "field": "quantity", "door": "/v1/events", "at": NOW,
        "raw": '{"quantity":0}',
    }  # fmt: skip


def test_bytes_that_are_no_text_are_kept_readable() -> None:
    value = letter(Refusal(0, "", "r", "json", b"a\xff\x00\xc3\xa9"), "/v1/events", NOW)
    assert json.loads(value)["raw"] == "a\\xff\x00é"


def test_the_bytes_are_cut_at_64_kb() -> None:
    value = letter(Refusal(0, "", "r", "size", "é".encode() * MAX_RAW), "/v1/events", NOW)
    assert json.loads(value)["raw"] == "é" * (MAX_RAW // 2)
    worst = letter(Refusal(0, "", "r", "size", b"\x00" * 10 * MAX_RAW), "/v1/events", NOW)
    assert len(worst) < 1_000_000


@given(st.binary(max_size=50), st.text())
def test_whatever_was_sent_can_be_written(raw: bytes, name: str) -> None:
    assert (
        json.loads(letter(Refusal(0, name, f"{name} is wrong", "type", raw), "/v1/events", NOW))["field"]
        == name
    )
