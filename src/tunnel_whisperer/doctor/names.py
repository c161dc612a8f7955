"""Whether the name of a host is known here."""

from __future__ import annotations

import asyncio
import ipaddress

from ..base.errors import Unreachable
from ..base.limits import DIAL_TIMEOUT_S
from ..base.values import HostPort
from ..net.dial import resolve
from .report import Found

__all__ = ["check_name"]

_SINKHOLES = ("0.0.0.0", "::")
"""What a filtering DNS answers instead of an address."""


async def check_name(address: HostPort, what: str) -> Found[tuple[str, ...]]:
    """The addresses of a host.

    Args:
        what: the host's part in this, for messages: ``relay``, ``proxy``.

    Raises:
        Unreachable: ``dns-failed``.
    """
    try:
        async with asyncio.timeout(DIAL_TIMEOUT_S):
            found = await resolve(address)
    except TimeoutError:
        raise Unreachable(
            "dns-failed",
            f"no answer from DNS within {DIAL_TIMEOUT_S:g} s",
            where=address.host,
            hint="check this machine's DNS servers; behind a proxy, set the proxy",
        ) from None
    hosts = tuple(dict.fromkeys(str(sockaddr[0]) for _, sockaddr in found))
    if any(host in _SINKHOLES for host in hosts):
        raise Unreachable(
            "dns-failed",
            f"DNS answers {', '.join(hosts)}, which is how a filter blocks a name",
            where=address.host,
            hint=f"ask who runs this network's DNS to allow the {what}'s name",
        )
    if hosts == (address.host,):
        return Found(hosts, f"{address.host} is an address: there is nothing to look up")
    return Found(hosts, f"{address.host} is {', '.join(hosts)}", _inside(address.host, hosts, what))


def _inside(name: str, hosts: tuple[str, ...], what: str) -> str:
    """A public name that leads to a private address is often a captive portal's or a filter's."""
    private = [host for host in hosts if ipaddress.ip_address(host.partition("%")[0]).is_private]
    if not private or name == "localhost" or "." not in name:
        return ""
    return f"{private[0]} is inside this network: is the {what} there?"
