"""Waiting for what a new relay needs from the world: its name in DNS, and its certificate by ACME.

Caddy asks for the certificate by itself as soon as it runs, and again until the name leads to it:
all that is done here is to look, and to say what is missing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from ..base.errors import TwError
from ..base.limits import RELAY_LOOK_S
from ..base.values import HostPort
from ..doctor.names import check_name
from ..doctor.tls import check_certificate, check_tls
from ..net.link import RelayEndpoint

__all__ = ["Seen", "look_at_https", "look_at_name", "wait_for"]

_SILENT = ("dns-failed", "proxy-refused", "relay-unreachable", "timeout")
"""Codes of failures below TLS."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look showed; two are equal when there is nothing new to tell."""

    good: bool
    words: str
    hint: str = field(default="")
    """What to do about it; may be empty."""

    def __str__(self) -> str:
        return f"{self.words} ({self.hint})" if self.hint else self.words


async def look_at_name(domain: str, addresses: Collection[str], *, proxied: bool = False) -> Seen:
    """Whether the relay's name leads to its machine, and to nothing else.

    Args:
        addresses: of the machine; the first is the one that must be there.
        proxied: a proxy resolves names for us: that this machine knows none means nothing.
    """
    try:
        found = await check_name(HostPort(domain, 443), "relay")
    except TwError as exc:
        if proxied:
            return Seen(True, "not seen from here, where a proxy looks names up")
        filtered = "filter" in exc.why or "no answer" in exc.why
        return Seen(False, exc.why, exc.hint) if filtered else Seen(False, "not there yet")
    there = {_canonical(address) for address in found.value}
    ours = [_canonical(address) for address in addresses]
    others = sorted(there - set(ours))
    if others:
        also = "also " if there & set(ours) else ""
        return Seen(
            False,
            f"it {also}points elsewhere (to {', '.join(others)})",
            "change or remove that record; what a web proxy such as Cloudflare's answers has to be switched off",
        )
    if ours[0] not in there:
        return Seen(False, f"it has no address but {', '.join(sorted(there))}", f"add {ours[0]}")
    return Seen(True, f"it is {', '.join(sorted(there))}")


def _canonical(address: str) -> str:
    """An IPv6 address has many spellings."""
    try:
        return str(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return address


async def look_at_https(endpoint: RelayEndpoint) -> Seen:
    """Whether the machine answers with a certificate of its name that this machine believes."""
    try:
        shown = await check_tls(endpoint)
        await check_certificate(endpoint, shown.value)
    except TwError as exc:
        if exc.code in _SILENT:
            return Seen(False, f"no answer yet ({exc.why})")
        if isinstance(exc.__cause__, ssl.SSLError):  # Caddy answers with an alert as long as it has none
            return Seen(False, "the certificate is not there yet")
        return Seen(False, exc.why, exc.hint)
    return Seen(True, f"a certificate issued by {shown.value.peer.issuer}")


async def wait_for(look: Callable[[], Awaitable[Seen]], tell: Callable[[Seen], None]) -> None:
    """Look every few seconds, as long as it takes; what is new is told."""
    told: Seen | None = None
    while True:
        seen = await look()
        if seen != told:
            tell(seen)
        if seen.good:
            return
        told = seen
        await asyncio.sleep(RELAY_LOOK_S)
