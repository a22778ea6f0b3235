"""What the engine packs is what is read, in its order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fake_experiments import pack, pack_texts
from tidemark.experiments.packed import Packed

TEXTS = st.lists(st.text(max_size=200), max_size=200)
NUMBERS = st.lists(st.integers(0, 2**32 - 1), max_size=200)


@given(TEXTS, NUMBERS, TEXTS)
def test_arrays_come_back_one_after_the_other(
    texts: list[str], numbers: list[int], others: list[str]
) -> None:
    packed = Packed(pack_texts(texts) + pack(numbers, 4) + pack(numbers, 8) + pack_texts(others))
    assert packed.texts() == texts
    assert packed.numbers(np.dtype("<u4")).tolist() == numbers
    assert packed.numbers(np.dtype("<u8")).tolist() == numbers
    assert packed.texts() == others
