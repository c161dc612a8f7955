"""The relay's public port: accepts connections, bounded in all that a stranger can cause.

    accept queue (kernel) --rate--> TLS handshake --deadline--> protocol
                    total and per-address caps over the last two

Whoever is over the address cap is turned away at once; over the total cap or the rate, new
connections wait in the kernel's queue, and those that are served feel nothing.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from typing import cast

from ..base.limits import (
    HANDSHAKE_TIMEOUT_S,
    HTTP_CLOSE_LINGER_S,
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_ADDRESS,
    MAX_HANDSHAKES_PER_S,
)
from ..base.tasks import TaskSet
from ..base.values import HostPort
from .bulk_reader import BulkReader
from .listen import bind_failure
from .sockets import tune

__all__ = ["Listener"]

_log = logging.getLogger("tw.net.listener")

_BACKLOG = 1024
_PAUSE_S = 0.1
"""Rest after accept() failed for want of file descriptors or memory: not fatal, but not at once."""

_LOCAL_ERRORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})


class _Counted(BulkReader):
    """Gives its place back when the connection is over."""

    def __init__(self, inner: asyncio.Protocol, leave: Callable[[_Counted], None]) -> None:
        super().__init__(inner)
        self._leave = leave
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave(self)
        super().connection_lost(exc)


class Listener:
    """One listening port.

    Args:
        address: port 0 picks a free one.
        protocol_factory: gives the protocol for each connection.
        context: TLS; None for plain TCP.
        max_connections: see ``MAX_CONNECTIONS``; likewise the others.
    """

    def __init__(
        self,
        address: HostPort,
        protocol_factory: Callable[[], asyncio.Protocol],
        *,
        context: ssl.SSLContext | None,
        max_connections: int = MAX_CONNECTIONS,
        max_per_address: int = MAX_CONNECTIONS_PER_ADDRESS,
        max_handshakes_per_s: float = MAX_HANDSHAKES_PER_S,
    ) -> None:
        self._address = address
        self._factory = protocol_factory
        self._context = context
        self._max_connections = max_connections
        self._max_per_address = max_per_address
        self._interval_s = 1 / max_handshakes_per_s
        self._sock: socket.socket | None = None
        self._tasks = TaskSet("listener", _log)
        self._open: dict[_Counted, str] = {}
        self._by_address: Counter[str] = Counter()
        self._room = asyncio.Event()

    @property
    def connections(self) -> int:
        """Open connections, those in their handshake included."""
        return len(self._open)

    async def start(self) -> HostPort:
        """Listen. Returns the address bound.

        Raises:
            Misuse: ``port-in-use``, ``bad-argument``.
        """
        address = self._address
        try:
            family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
            infos = await asyncio.get_running_loop().getaddrinfo(
                address.host, address.port, family=family, type=socket.SOCK_STREAM
            )
            self._sock = socket.create_server(
                infos[0][4][:2],
                family=family,
                backlog=_BACKLOG,
                dualstack_ipv6=address.host == "::" and socket.has_dualstack_ipv6(),
            )
        except (OSError, UnicodeError) as exc:
            raise bind_failure(exc, address) from None
        self._sock.setblocking(False)
        self._tasks.spawn(self._accept_all(self._sock), "accept")
        return HostPort(address.host, self._sock.getsockname()[1])

    def set_context(self, context: ssl.SSLContext | None) -> None:
        """TLS for connections from now on."""
        self._context = context

    async def close(self) -> None:
        """Stop listening and cut all connections."""
        await self._tasks.drain()
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        for counted in list(self._open):
            if counted.transport is not None:
                counted.transport.abort()

    # -- accepting --------------------------------------------------------------------------

    async def _accept_all(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        next_at = loop.time()
        while True:
            while self.connections >= self._max_connections:
                self._room.clear()
                await self._room.wait()
            # A burst of a second's worth may come at once; behind it they come evenly.
            next_at = max(next_at, loop.time() - 1) + self._interval_s
            if next_at > loop.time():
                await asyncio.sleep(next_at - loop.time())
            try:
                connection, peer = await loop.sock_accept(sock)
            except OSError as exc:
                if exc.errno in _LOCAL_ERRORS:
                    _log.error("cannot accept connections: %s", exc.strerror)
                await asyncio.sleep(_PAUSE_S)
                continue
            self._welcome(connection, peer[0])

    def _welcome(self, sock: socket.socket, address: str) -> None:
        if self._by_address[address] >= self._max_per_address:
            _log.warning("%s: too many connections from this address", address)
            sock.close()
            return
        counted = _Counted(self._factory(), self._leave)
        self._open[counted] = address
        self._by_address[address] += 1
        self._tasks.spawn(self._shake_hands(sock, counted), "handshake")

    async def _shake_hands(self, sock: socket.socket, counted: _Counted) -> None:
        tls = self._context is not None
        try:
            tune(sock)
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: counted,
                sock,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S if tls else None,
                ssl_shutdown_timeout=HTTP_CLOSE_LINGER_S if tls else None,
            )
        except (OSError, ssl.CertificateError) as exc:
            _log.info("%s: no connection: %s", self._open.get(counted, "?"), _reason(exc))
        finally:
            if counted.transport is None:  # it never stood
                self._leave(counted)

    def _leave(self, counted: _Counted) -> None:
        address = self._open.pop(counted, None)
        if address is None:
            return
        self._by_address[address] -= 1
        if self._by_address[address] <= 0:
            del self._by_address[address]
        self._room.set()


def _reason(exc: Exception) -> str:
    if isinstance(exc, ssl.SSLError):
        return (exc.reason or "TLS failed").lower().replace("_", " ")
    return (
        exc.strerror if isinstance(exc, OSError) and exc.strerror else ""
    ) or "closed during the handshake"
