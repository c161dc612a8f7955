"""Local ports for applications: plain TCP, on loopback unless told otherwise."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

from ..base.errors import Misuse
from ..base.values import HostPort

__all__ = ["LocalListener", "bind_failure", "listen_local"]

_BACKLOG = 1024
"""Connections that the kernel holds while the loop is busy: bursts of hundreds are ordinary."""


class LocalListener:
    """An open port.

    Args:
        server: of asyncio, listening.
    """

    def __init__(self, server: asyncio.AbstractServer, bound: HostPort) -> None:
        self._server = server
        self.bound_address = bound
        """Where it listens, the chosen port included."""

    async def close(self) -> None:
        """Stop listening; connections that were accepted live on."""
        self._server.close()


async def listen_local(address: HostPort, accepted: Callable[[], asyncio.Protocol]) -> LocalListener:
    """Open a port; 0 picks a free one.

    Args:
        accepted: gives the protocol for each connection.

    Raises:
        Misuse: ``port-in-use``, ``bad-argument`` for an address that is not this machine's.
    """
    loop = asyncio.get_running_loop()

    def protocol() -> asyncio.Protocol:
        return accepted()

    try:
        server = await loop.create_server(protocol, address.host, address.port, backlog=_BACKLOG)
    except (OSError, UnicodeError) as exc:
        raise bind_failure(exc, address) from None
    port = server.sockets[0].getsockname()[1]
    return LocalListener(server, HostPort(address.host, port))


def bind_failure(exc: Exception, address: HostPort) -> Misuse:
    """Why a port cannot be opened, in words."""
    code = exc.errno if isinstance(exc, OSError) else None
    if code == errno.EADDRINUSE:
        return Misuse(
            "port-in-use",
            "another program listens there",
            where=str(address),
            hint="stop it, or choose another port",
        )
    if code in (errno.EACCES, errno.EPERM):
        return Misuse(
            "bad-argument",
            "the system does not let us open this port",
            where=str(address),
            hint="ports below 1024 need root; choose a higher one",
        )
    if code == errno.EADDRNOTAVAIL or isinstance(exc, socket.gaierror | UnicodeError):
        return Misuse("bad-argument", "this machine has no such address", where=str(address))
    why = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
    return Misuse("bad-argument", f"the port cannot be opened: {why}", where=str(address))
