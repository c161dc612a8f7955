"""Having a proxy connect us: the dialogue, up to the first byte of the destination.

The destination's name is always resolved by the proxy; ``base.proxy`` reads its URL.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Protocol

from ..base.errors import Refused, Retry, TwError
from ..base.proxy import Proxy
from ..base.values import HostPort
from ..wire.http_connect import HttpConnect
from ..wire.socks5 import Socks5Connect
from .bulk_reader import BulkReader
from .splice import Waiting
from .tls import start_tls_client

__all__ = ["Proxy", "connect_through"]


class _Dialogue(Protocol):
    """What ``HttpConnect`` and ``Socks5Connect`` have in common."""

    @property
    def wanted(self) -> int: ...

    def data_to_send(self) -> bytes: ...

    def receive_data(self, data: bytes) -> None: ...


async def connect_through(proxy: Proxy, sock: socket.socket, destination: HostPort) -> socket.socket:
    """Have the proxy connect us.

    Args:
        sock: connected to the proxy, non-blocking; taken over, and closed on failure.
        destination: resolved by the proxy.

    Returns:
        A socket whose bytes are the destination's, from its first one on. Behind an ``https``
        proxy it is one end of a socket pair; a callback of this loop moves the bytes.

    Raises:
        Refused: ``proxy-refused``.
    """
    try:
        if proxy.scheme == "https":
            sock = await _enter_tls(proxy, sock)
        dialogue: _Dialogue
        if proxy.scheme == "socks5":
            dialogue = Socks5Connect(destination, proxy.user, proxy.password)
        else:
            dialogue = HttpConnect(destination, proxy.user, proxy.password)
        await _hold(dialogue, sock)
    except TwError as exc:
        sock.close()
        exc.where = str(proxy)
        raise
    except OSError as exc:
        sock.close()
        raise _refused(proxy, f"the connection to the proxy broke: {exc.strerror or exc}") from exc
    except BaseException:
        sock.close()
        raise
    return sock


async def _hold(dialogue: _Dialogue, sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while dialogue.wanted:
        if data := dialogue.data_to_send():
            await loop.sock_sendall(sock, data)
        data = await loop.sock_recv(sock, dialogue.wanted)
        if not data:
            raise Refused(
                "proxy-refused",
                "the proxy closed the connection without an answer",
                hint="is it a proxy of this kind, and may this machine use it?",
                retry=Retry.BACKOFF,
            )
        dialogue.receive_data(data)


async def _enter_tls(proxy: Proxy, sock: socket.socket) -> socket.socket:
    """TLS to the proxy; what is sent to the socket returned travels inside it."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    inside = Waiting()
    try:
        await start_tls_client(sock, context, proxy.address.host, lambda: BulkReader(inside))
    except TwError as exc:
        raise _refused(proxy, exc.why, "is it a proxy that speaks TLS, and known to this system?") from exc
    near, far = socket.socketpair()
    near.setblocking(False)
    try:
        await asyncio.get_running_loop().create_connection(inside.other_side, sock=far)
    except BaseException:
        inside.give_up()
        near.close()
        far.close()
        raise
    return near


def _refused(proxy: Proxy, why: str, hint: str = "") -> Refused:
    return Refused("proxy-refused", why, where=str(proxy), hint=hint, retry=Retry.BACKOFF)
