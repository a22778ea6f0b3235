"""WebSockets of pages and names that are not known: refused with a reason, where the server can give one."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fake_desk import FakeDesk, constant
from front_server import app_of
from tidemark.settings import Settings

DENIAL: dict[str, Any] = {"websocket.http.response": {}}
FOREIGN = {"host": "localhost:8600", "origin": "https://evil.example"}


def opened(tmp_path: Path, headers: dict[str, str], extensions: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """What the front sends when a browser opens a WebSocket and goes."""
    app = app_of(
        FakeDesk(constant(1)),
        Settings(home=tmp_path, operations=tmp_path, allowed_origins=("https://dash.example",)),
    )
    scope = {
        "type": "websocket",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "subprotocols": ["graphql-transport-ws"],
        "extensions": extensions,
    }
    heard = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        return heard.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


@pytest.mark.parametrize(
    ("headers", "status", "code", "says"),
    [
        (FOREIGN, 403, "UNKNOWN_ORIGIN", "https://evil.example"),
        ({**FOREIGN, "origin": "null"}, 403, "UNKNOWN_ORIGIN", "TIDEMARK_ALLOWED_ORIGINS"),
        ({"host": "evil.example", "origin": "http://evil.example"}, 421, "UNKNOWN_HOST", "ALLOWED_HOSTS"),
    ],
)
def test_a_refused_socket_is_told_why(
    tmp_path: Path, headers: dict[str, str], status: int, code: str, says: str
) -> None:
    start, body = opened(tmp_path, headers, DENIAL)
    assert (start["type"], start["status"]) == ("websocket.http.response.start", status)
    (error,) = json.loads(body["body"])["errors"]
    assert error["extensions"]["code"] == code
    assert says in error["message"]


def test_a_server_that_can_tell_nothing_closes_a_refused_socket(tmp_path: Path) -> None:
    assert opened(tmp_path, FOREIGN, {}) == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize(
    "more", [{}, {"origin": "http://localhost:8600"}, {"origin": "https://dash.example"}]
)
def test_programs_own_pages_and_those_of_allowed_origins_are_accepted(
    tmp_path: Path, more: dict[str, str]
) -> None:
    accepted = opened(tmp_path, {"host": "localhost:8600", **more}, DENIAL)[0]
    assert accepted["type"] == "websocket.accept"
