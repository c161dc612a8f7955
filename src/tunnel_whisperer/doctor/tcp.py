"""Whether a TCP connection can be had: to the relay, to the proxy, and through the proxy."""

from __future__ import annotations

import asyncio
import socket

from ..base.errors import Unreachable
from ..base.values import HostPort
from ..net.dial import dial
from ..net.proxy import Proxy
from .report import Found

__all__ = ["check_proxy", "check_tcp"]


async def check_proxy(proxy: Proxy) -> Found[None]:
    """The proxy itself answers.

    Raises:
        Unreachable: ``dns-failed``, ``relay-unreachable``, ``timeout``; named after the proxy.
    """
    try:
        sock = await dial(proxy.address, proxy=None)
    except Unreachable as exc:
        exc.where = str(proxy)
        exc.hint = "is this the proxy of this network? tw proxy shows it, tw proxy set URL changes it"
        raise
    sock.close()
    return Found(None, f"{proxy} accepts connections")


async def check_tcp(address: HostPort, proxy: Proxy | None) -> Found[None]:
    """A connection to the relay stands, the proxy's consent included.

    Raises:
        Unreachable: ``relay-unreachable``, ``timeout``.
        Refused: ``proxy-refused``.
    """
    began = asyncio.get_running_loop().time()
    sock = await _dialled(address, proxy)
    try:
        where = f"{address} through {proxy}" if proxy is not None else _peer(sock)
    finally:
        sock.close()
    return Found(None, f"connected to {where}", began=began)


async def _dialled(address: HostPort, proxy: Proxy | None) -> socket.socket:
    try:
        return await dial(address, proxy=proxy)
    except Unreachable as exc:
        if exc.code == "relay-unreachable" and not exc.hint:
            exc.hint = (
                f"is the relay running, is port {address.port} open in its firewall, and in this network's?"
            )
        raise


def _peer(sock: socket.socket) -> str:
    peer = sock.getpeername()
    return str(HostPort(peer[0], peer[1]))
