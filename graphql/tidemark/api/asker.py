"""Who asks, and the id that a request is known by: read from what HTTP or a WebSocket says."""

import re
import secrets
from collections.abc import Mapping

from starlette.requests import HTTPConnection

from tidemark.query.caller import Caller

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def caller_of(connection: HTTPConnection, parameters: Mapping[str, object] | None = None) -> Caller:
    """The caller: its key from ``Authorization: Bearer …`` or ``X-Api-Key``, else its address.

    ``parameters`` are a WebSocket's connection parameters of the same names, since a browser sends no headers
    with a WebSocket; they win.
    """
    given = {name.lower(): value for name, value in (parameters or {}).items() if isinstance(value, str)}
    address = connection.client.host if connection.client else ""
    key = _key(given) or _key(connection.headers)
    return Caller.of(key=key, address=address)


def request_id_of(connection: HTTPConnection) -> str:
    """The client's ``X-Request-Id`` if it is one that a log can hold, else a new one."""
    given = connection.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _key(headers: Mapping[str, str]) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("x-api-key") or None
