"""Options of TCP sockets, in one place."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

from ..base.limits import NOTSENT_LOWAT_BYTES
from .stream import StreamTransport

__all__ = ["reset", "tune"]

_LINGER_RESET = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)
"""l_onoff, l_linger: unsigned shorts on Windows, ints elsewhere."""


def tune(sock: socket.socket) -> None:
    """Small writes leave at once, and the kernel queues little: what it holds cannot be overtaken."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT_LOWAT_BYTES)


def reset(transport: asyncio.Transport, why: str = "") -> None:
    """End a transport so that its peer sees a reset, not an end.

    Args:
        why: told to the peer where the transport can carry it.

    Our own streams do so when aborted. A TCP socket that is closed with nothing unread sends FIN;
    with a linger time of zero it sends RST (RFC 9293 section 3.10.4, ABORT).
    """
    if isinstance(transport, StreamTransport):
        transport.abort_because(why)
    else:
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
            except (OSError, ValueError):  # closed already; uvloop says so by the latter
                pass
        transport.abort()
