"""Bodies: read up to the limits, decompressed by what the bytes are, since clients lie about Content-Type."""

import zlib
from typing import Final

from starlette.types import Receive

from tidemark.ingest.event import Unreadable

MAX_SENT: Final = 500_000
"""Bytes of a body as sent."""
MAX_PLAIN: Final = 4_000_000
"""Bytes of a body after decompression."""
_GZIP: Final = b"\x1f\x8b"
_MEMBERS: Final = 16
"""Parts of one gzip: some tools append; each costs a look at the rest, so not any number."""
_AUTOMATIC: Final = 31
"""zlib's window bits for a gzip header."""


class Disconnected(Exception):  # noqa: N818 - an event, no error of ours
    """The client went away before its body was whole."""


async def read(receive: Receive, length: str | None) -> bytes:
    """The body as sent, read no further than `MAX_SENT`, also when it comes in chunks of unknown number.

    Raises:
        Unreadable: 413.
        Disconnected: the rest will not come.
    """
    if length is not None and length.isdigit() and int(length) > MAX_SENT:
        raise _too_large(int(length), b"")
    body = b""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body = message.get("body", b"")
        size += len(body)
        if size > MAX_SENT:
            raise _too_large(None, b"".join((*pieces, body))[:MAX_SENT])
        if not message.get("more_body", False):
            return b"".join((*pieces, body)) if pieces else body
        pieces.append(body)


def plain(body: bytes) -> bytes:
    """The body decompressed when it is gzip, no further than `MAX_PLAIN`.

    Raises:
        Unreadable: 413, or 400 when the gzip is broken.
    """
    if not body.startswith(_GZIP):
        return body
    whole = b""
    rest = body
    for _ in range(_MEMBERS):
        unpacker = zlib.decompressobj(_AUTOMATIC)
        try:
            whole += unpacker.decompress(rest, MAX_PLAIN + 1 - len(whole))
        except zlib.error as error:
            raise Unreadable(400, f"the body looks like gzip and is broken: {error}", "json", body) from None
        if len(whole) > MAX_PLAIN:
            reason = f"the body is more than {MAX_PLAIN:,} bytes decompressed; send it in several requests"
            raise Unreadable(413, reason, "size", body)
        if not unpacker.eof:
            raise Unreadable(400, "the body is gzip and ends too early", "json", body)
        rest = unpacker.unused_data
        if not rest:
            return whole
    raise Unreadable(400, "the body is gzip of too many parts; compress it as one", "json", body)


def _too_large(length: int | None, read_so_far: bytes) -> Unreadable:
    size = "more than" if length is None else f"{length:,} bytes; at most"
    return Unreadable(
        413,
        f"the body is {size} {MAX_SENT:,} bytes as sent; send it in several requests",
        "size",
        read_so_far,
    )
