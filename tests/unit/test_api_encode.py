"""JSON of answers."""

import json
from typing import Any

import pytest

from tidemark.api.encode import Once, encode
from tidemark.query.frame import ColumnKind


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, None, True, 0.1, "ä\n\u2028😀"]},
        {"big": 2**100, "less": -(2**63)},
        {"data": Once({"big": 2**100, "small": 1})},
        [],
    ],
)
def test_json_says_the_same(value: Any) -> None:
    assert json.loads(encode(value)) == value


def test_enums_are_their_names_and_there_is_no_nan() -> None:
    assert encode([ColumnKind.METRIC, float("nan"), float("inf")]) == b'["METRIC",null,null]'


def test_what_is_sent_to_many_is_encoded_once() -> None:
    sent = Once({"a": 1})
    assert encode({"data": sent}) == b'{"data":{"a":1}}'
    sent["a"] = 2
    assert encode({"id": "x", "data": sent}) == b'{"id":"x","data":{"a":1}}'


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError):
        encode({"a": object()})
