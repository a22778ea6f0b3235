"""What other libraries and 40-digit arithmetic say, each vector within its tolerance."""

import pytest

import statvectors_once
import statvectors_watched
from statvectors import CHECKS, LEFT_OUT, vectors

assert statvectors_once
assert statvectors_watched


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_vector_is_met(name: str) -> None:
    CHECKS[name](vectors()[name])


def test_every_vector_is_either_checked_or_left_out_with_a_reason() -> None:
    assert CHECKS.keys() | LEFT_OUT.keys() == vectors().keys()
    assert not CHECKS.keys() & LEFT_OUT.keys()
    assert all(LEFT_OUT.values())
