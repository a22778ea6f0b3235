"""The dead letters: what was refused, why, and where its bytes lie."""

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tidemark.query.database import Database

MOST = 1000
_NEWEST = """
SELECT
    toUnixTimestamp64Milli(at) AS at_ms, topic, partition, offset, door, field, reason,
    toValidUTF8(substring(raw, 1, 4096)) AS text
FROM tidemark.rejected FINAL
ORDER BY at DESC, topic, partition, offset
LIMIT {limit:UInt32}
SETTINGS max_execution_time = 10, max_memory_usage = 1000000000
"""


def endpoint(database: Database) -> Callable[[Request], Any]:
    """``GET /rejected?limit=100``: the newest dead letters, newest first.

    Each has ``at`` (Unix ms), ``topic``, ``partition``, ``offset``, ``door``, ``field``, ``reason`` and
    ``raw``.
    """

    async def rejected(request: Request) -> Response:
        text = request.query_params.get("limit", "100")
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST:
            reason = f"limit is {text[:20]!r}; it is a whole number from 1 to {MOST:,}"
            return JSONResponse({"error": reason}, status_code=400)
        table = await run_in_threadpool(database.query, _NEWEST, {"limit": int(text)})
        names = ("at", "topic", "partition", "offset", "door", "field", "reason", "raw")
        return JSONResponse(
            {"rejected": [dict(zip(names, row, strict=True)) for row in zip(*table.columns, strict=True)]}
        )

    return rejected
