"""Which names a request may call this service by.

A page elsewhere cannot read answers across origins, but it can make its own name mean 127.0.0.1 (DNS
rebinding); then the browser takes this service for the page's own. Its name still stands in ``Host``.
"""

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from tidemark.api.reply import failure, refuse


class KnownHosts:
    """Answers 421 to requests that use another name than a loopback one or one of ``allowed``.

    With ``*`` among them any name does. Ports do not matter.
    """

    def __init__(self, app: ASGIApp, allowed: Sequence[str]) -> None:
        self._app = app
        self._allowed = frozenset(name.lower() for name in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on if it knows who it is talking to."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        name = _name(Headers(scope=scope).get("host", ""))
        if "*" in self._allowed or name in self._allowed or is_loopback(name):
            await self._app(scope, receive, send)
        else:
            message = (
                "This service does not go by the name in the Host header; call it localhost, or add the name "
                "to TIDEMARK_ALLOWED_HOSTS."
            )
            await refuse(failure(message, "UNKNOWN_HOST"), 421)(scope, receive, send)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _name(host: str) -> str:
    """``Host`` without its port and an IPv6 address's brackets, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
