"""Where a webhook may go: not into the network that the service stands in, unless the operator says so.

A name is resolved once, when connecting, and the connection goes to the very address that was checked (OWASP,
"Server-Side Request Forgery Prevention": a name may answer differently the second time).
"""

import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

import anyio
import httpcore

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to addresses as text. May raise OSError."""
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_UNICAST = IPv6Network("2000::/3")  # all that IANA has given out of the IPv6 Internet so far
_TUNNELS = (IPv6Network("2002::/16"), IPv6Network("2001::/32"))  # 6to4 and Teredo hold IPv4 addresses, too


class ForbiddenAddressError(Exception):
    """A connection would have gone where none may go; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Where connections may go besides public addresses by https.

    Attributes:
        networks: private ones that are open; to them plain http is allowed, too.
    """

    networks: tuple[Network, ...] = ()

    def is_open(self, address: Address) -> bool:
        """Whether the operator has opened this address."""
        plain = _plain(address)
        return any(plain in network for network in self.networks if network.version == plain.version)

    def allows(self, address: Address, *, is_plain: bool) -> bool:
        """Whether a connection may go there; ``is_plain``: by http."""
        return self.is_open(address) or (not is_plain and is_public(address))


def networks(given: Iterable[str]) -> tuple[Network, ...]:
    """The networks that texts such as ``127.0.0.0/8`` say.

    Raises:
        ValueError: one says none; one sentence.
    """
    found = []
    for text in given:
        try:
            found.append(ip_network(text.strip()))
        except ValueError as error:
            raise ValueError(f"{text!r} is no network: {error}; write one such as 10.1.0.0/16") from None
    return tuple(found)


def is_public(address: Address) -> bool:
    """Whether an address is one of the Internet at large."""
    plain = _plain(address)
    if isinstance(plain, IPv6Address) and (
        plain not in _UNICAST or any(plain in tunnel for tunnel in _TUNNELS)
    ):
        return False
    special = (
        plain.is_private,
        plain.is_loopback,
        plain.is_link_local,
        plain.is_multicast,
        plain.is_reserved,
        plain.is_unspecified,
    )
    return plain.is_global and not any(special)


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, or the address itself, without a zone."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    bare = IPv6Address(int(address))
    return IPv4Address(int(bare) & 0xFFFFFFFF) if bare in _NAT64 else bare


async def resolve(host: str, port: int) -> Sequence[str]:
    """The system's resolver."""
    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label that is empty or has more than 63 characters
        raise OSError(f"it is no name: {error}") from error
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


async def check_url(url: str, allowed: Allowed, resolver: Resolve = resolve) -> str | None:
    """What is wrong with a receiver's URL, to go on after "the URL"; None where nothing is.

    A name that does not resolve now is right: it is looked up again, and checked, at each connection. What is
    told never shows more of the URL than its host.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "cannot be read; write https://host/path"
    if parts.scheme not in ("http", "https") or not host or not host.isascii() or not url.isprintable():
        return "is none of http or https with an ASCII host; write https://host/path"
    if parts.username is not None or parts.password is not None:
        return "has a user or a password, which would not be sent; take them out"
    is_plain = parts.scheme == "http"
    try:
        await permitted(host, port or (80 if is_plain else 443), allowed, resolver, is_plain=is_plain)
    except ForbiddenAddressError as error:
        return f"may not be called: {error}"
    except OSError:
        return None
    return None


async def permitted(
    host: str, port: int, allowed: Allowed, resolver: Resolve, *, is_plain: bool
) -> list[Address]:
    """The addresses of a host to which a connection may go, in the resolver's order.

    Raises:
        ForbiddenAddressError: there are addresses, and none may be connected to.
        OSError: the name does not resolve.
    """
    try:
        literal = ip_address(host)
    except ValueError:
        found = [ip_address(one) for one in await resolver(host, port)]
    else:
        found = [literal]
    good = [one for one in found if allowed.allows(one, is_plain=is_plain)]
    if good:
        return good
    if not found:
        raise OSError(f"{host} has no address")
    if is_plain and is_public(found[0]):
        raise ForbiddenAddressError(f"{host} would be called by http, unprotected; use https")
    raise ForbiddenAddressError(
        f"{host} is {found[0]}, which is not a public address; open its network with "
        "TIDEMARK_ALERT_NETWORKS if it is meant"
    )


class PinnedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the address that was checked, and to no other; TLS and ``Host`` keep the name."""

    def __init__(self, allowed: Allowed, resolver: Resolve, *, is_plain: bool) -> None:
        self._allowed, self._resolve, self._is_plain = allowed, resolver, is_plain
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first permitted address that answers.

        Raises:
            ForbiddenAddressError: none is permitted.
            httpcore.ConnectError: none answers, or the name does not resolve.
            httpcore.ConnectTimeout: that took longer than ``timeout`` seconds.
        """
        with anyio.move_on_after(timeout):
            try:
                addresses = await permitted(host, port, self._allowed, self._resolve, is_plain=self._is_plain)
            except OSError as error:
                raise httpcore.ConnectError(f"{host} does not resolve: {error}") from error
            *others, last = addresses
            for address in others:
                try:
                    return await self._inner.connect_tcp(
                        str(address), port, None, local_address, socket_options
                    )
                except httpcore.ConnectError:
                    continue  # the next address may answer; the last one's error is raised
            return await self._inner.connect_tcp(str(last), port, None, local_address, socket_options)
        raise httpcore.ConnectTimeout(f"no connection to {host} within {timeout} s")
