"""Where a webhook may go."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from tidemark.alerts.addresses import (
    Allowed,
    ForbiddenAddressError,
    check_url,
    is_public,
    networks,
    permitted,
)

LOOPBACK = Allowed(networks(["127.0.0.0/8", "::1/128"]))


def answering(*addresses: str) -> object:
    async def resolver(_host: str, _port: int) -> Sequence[str]:
        if not addresses:
            raise OSError("no such name")
        return addresses

    return resolver


def checked(url: str, allowed: Allowed = Allowed(), *addresses: str) -> str | None:  # noqa: B008 - frozen
    return asyncio.run(check_url(url, allowed, answering(*addresses)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.1.2.3", "10.0.0.1", "172.16.3.4", "192.168.1.1", "100.64.0.1",
        "169.254.169.254", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "fec0::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
        "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:7f00:1::", "100::1",
    ],
)  # fmt: skip
def test_an_address_of_a_private_or_special_network_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://127.0.0.1/x", "may not be called: 127.0.0.1 is 127.0.0.1, which is not a public address"),
        ("https://[::ffff:7f00:1]/x", "not a public address"),
        ("http://8.8.8.8/x", "may not be called: 8.8.8.8 would be called by http, unprotected; use https"),
        ("ftp://8.8.8.8/x", "is none of http or https"),
        ("https:///x", "is none of http or https"),
        ("https://user:secret@8.8.8.8/x", "has a user or a password"),
        ("https://8.8.8.8:99999/x", "cannot be read"),
        ("https://8.8.8.8/\nx", "is none of http or https"),
        ("file:///etc/passwd", "is none of http or https"),
    ],
)
def test_a_url_that_leads_elsewhere_is_refused(url: str, told: str) -> None:
    wrong = checked(url)
    assert wrong is not None
    assert told in wrong
    assert "secret" not in wrong


def test_a_name_is_judged_by_what_it_resolves_to() -> None:
    assert checked("https://hook.test/x", Allowed(), "8.8.8.8") is None
    assert "hook.test is 10.0.0.1" in (checked("https://hook.test/x", Allowed(), "10.0.0.1") or "")
    assert "http, unprotected" in (checked("http://hook.test/x", Allowed(), "8.8.8.8") or "")


def test_a_name_that_does_not_resolve_yet_is_no_mistake() -> None:
    assert checked("https://hook.test/x") is None


def test_a_network_that_the_operator_opens_may_be_called_also_by_http() -> None:
    assert checked("http://127.0.0.1:9093", LOOPBACK) is None
    assert checked("http://am.test:9093", LOOPBACK, "127.0.0.1") is None
    assert checked("https://[::1]/", LOOPBACK) is None
    assert checked("http://[::ffff:127.0.0.1]/", LOOPBACK) is None
    assert checked("http://10.0.0.1", LOOPBACK) is not None


@pytest.mark.parametrize("url", ["https://0x7f000001/", "https://2130706433/", "https://127.1/"])
def test_an_address_that_is_written_oddly_is_a_name_and_judged_by_what_it_resolves_to(url: str) -> None:
    assert "not a public address" in (checked(url, Allowed(), "127.0.0.1") or "")


def test_only_the_permitted_addresses_of_a_name_are_connected_to() -> None:
    async def ask(*addresses: str) -> list[str]:
        found = await permitted("a.test", 443, Allowed(), answering(*addresses), is_plain=False)  # type: ignore[arg-type]
        return [str(one) for one in found]

    assert asyncio.run(ask("10.0.0.1", "8.8.8.8", "::1", "1.1.1.1")) == ["8.8.8.8", "1.1.1.1"]
    with pytest.raises(ForbiddenAddressError):
        asyncio.run(ask("10.0.0.1", "::1"))
    with pytest.raises(OSError, match="no such name"):
        asyncio.run(ask())


def test_a_text_that_is_no_network_is_named() -> None:
    with pytest.raises(ValueError, match=r"'10.0.0.1/8' is no network: .*; write one such as"):
        networks(["10.0.0.1/8"])
