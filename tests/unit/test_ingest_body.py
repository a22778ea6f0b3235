import asyncio
import gzip
import random
import zlib

import pytest
from starlette.types import Message

from tidemark.ingest import body
from tidemark.ingest.event import Unreadable


class Chunks:
    """A client's body in pieces; counts how many were taken."""

    def __init__(self, *pieces: bytes, whole: bool = True) -> None:
        self.messages: list[Message] = [
            {"type": "http.request", "body": piece, "more_body": number < len(pieces) - 1 or not whole}
            for number, piece in enumerate(pieces)
        ]
        self.taken = 0

    async def __call__(self) -> Message:
        if self.taken == len(self.messages):
            return {"type": "http.disconnect"}
        self.taken += 1
        return self.messages[self.taken - 1]


def read(chunks: Chunks, length: int | None = None) -> bytes:
    return asyncio.run(body.read(chunks, None if length is None else str(length)))


def test_a_body_comes_whole_or_in_pieces() -> None:
    assert read(Chunks(b"abc"), 3) == b"abc"
    assert read(Chunks(b"a", b"", b"bc")) == b"abc"


def test_a_body_announced_as_too_large_is_refused_before_it_is_read() -> None:
    chunks = Chunks(b"x")
    with pytest.raises(Unreadable, match="600,000 bytes; at most 500,000 bytes as sent") as raised:
        read(chunks, 600_000)
    assert (raised.value.status, chunks.taken) == (413, 0)


def test_reading_stops_at_the_limit_when_no_length_was_announced() -> None:
    chunks = Chunks(*[b"x" * 100_000] * 50)
    with pytest.raises(Unreadable, match="more than 500,000 bytes") as raised:
        read(chunks)
    assert (raised.value.status, chunks.taken, len(raised.value.raw)) == (413, 6, 500_000)


def test_a_body_of_exactly_the_limit_is_read() -> None:
    assert len(read(Chunks(b"x" * body.MAX_SENT), body.MAX_SENT)) == body.MAX_SENT


def test_a_client_that_goes_away_is_no_body() -> None:
    with pytest.raises(body.Disconnected):
        read(Chunks(b"ab", whole=False))


def test_gzip_is_known_by_its_bytes() -> None:
    assert body.plain(b'{"a":1}') == b'{"a":1}'
    assert body.plain(gzip.compress(b'{"a":1}')) == b'{"a":1}'
    assert body.plain(gzip.compress(b'{"a"') + gzip.compress(b":1}")) == b'{"a":1}'


def test_decompression_stops_at_the_limit() -> None:
    bomb = gzip.compress(b"0" * (body.MAX_PLAIN + 1))
    assert len(bomb) < body.MAX_SENT
    with pytest.raises(Unreadable, match="more than 4,000,000 bytes decompressed") as raised:
        body.plain(bomb)
    assert raised.value.status == 413
    assert len(body.plain(gzip.compress(b"0" * body.MAX_PLAIN))) == body.MAX_PLAIN


@pytest.mark.parametrize(  # without the time of the packing: each collection has the same names
    ("sent", "said"),
    [
        (gzip.compress(b"abcdef" * 50, mtime=0)[:-9], "ends too early"),
        (b"\x1f\x8bnonsense", "is broken"),
        (gzip.compress(b"a", mtime=0) + b"tail", "is broken"),
        (gzip.compress(b"a", mtime=0) * 17, "too many parts"),
    ],
)
def test_broken_gzip_is_said_to_be_so(sent: bytes, said: str) -> None:
    with pytest.raises(Unreadable, match=said) as raised:
        body.plain(sent)
    assert (raised.value.status, raised.value.raw) == (400, sent)


def test_no_gzip_crashes_it() -> None:
    chosen = random.Random(4)
    good = bytearray(gzip.compress(b'{"a":1}' * 20))
    for _ in range(500):
        bad = bytearray(good)
        bad[chosen.randrange(2, len(bad))] = chosen.randrange(256)
        try:
            body.plain(bytes(bad))
        except Unreadable as error:
            assert error.reason  # noqa: PT017 - either outcome is right
    assert zlib.decompress(bytes(good), 31) == b'{"a":1}' * 20
