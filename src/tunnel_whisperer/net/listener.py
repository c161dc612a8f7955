"""The relay's public port: accepts connections, bounded in all that a stranger can cause.

    accept queue (kernel) --rate--> TLS handshake --deadline--> protocol
                    total and per-address caps over the last two

Whoever is over the address cap is turned away at once; over the total cap or the rate, new
connections wait in the kernel's queue, and those that are served feel nothing. An IPv6 host has
2^64 addresses of its own to come from: there the cap is on the /64.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import math
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
from .tls import HandshakeRefused

__all__ = ["Listener"]

_log = logging.getLogger("tw.net.listener")

_BACKLOG = 1024
_PAUSE_S = 0.1
"""Rest after accept() failed for want of file descriptors or memory: not fatal, but not at once."""

_PEER_ERRORS = frozenset({errno.ECONNABORTED, errno.EPROTO})
"""accept() reports what became of one connection; the next one may be well."""


class _Counted(BulkReader):
    """Gives its place back when the connection is over."""

    def __init__(
        self, inner: asyncio.Protocol, sock: socket.socket, leave: Callable[[_Counted], None]
    ) -> None:
        super().__init__(inner)
        self.sock = sock
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
        handshake_timeout_s: float = HANDSHAKE_TIMEOUT_S,
    ) -> None:
        self._address = address
        self._factory = protocol_factory
        self._context = context
        self._max_connections = max_connections
        self._max_per_address = max_per_address
        self._interval_s = 1 / max_handshakes_per_s
        self._handshake_timeout_s = handshake_timeout_s
        self._sock: socket.socket | None = None
        self._tasks = TaskSet("listener", _log)
        self._open: dict[_Counted, str] = {}
        self._by_address: Counter[str] = Counter()
        self._room = asyncio.Event()
        self.accepted = 0
        """Connections since the start, those that were turned away included."""
        self.refused: Counter[str] = Counter()
        """Of these, by why: ``too-many`` of one address, ``no-handshake``."""

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
            else:  # its handshake was not even begun
                counted.sock.close()
                self._leave(counted)

    # -- accepting --------------------------------------------------------------------------

    async def _accept_all(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        next_at = -math.inf
        failing = False
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
                if exc.errno not in _PEER_ERRORS:
                    if not failing:
                        _log.error("cannot accept connections: %s", exc.strerror or exc)
                    failing = True
                    await asyncio.sleep(_PAUSE_S)
                continue
            failing = False
            self._welcome(connection, _source(peer[0]))

    def _welcome(self, sock: socket.socket, address: str) -> None:
        self.accepted += 1
        if self._by_address[address] >= self._max_per_address:
            self.refused["too-many"] += 1
            _log.warning("%s: too many connections from this address", address)
            sock.close()
            return
        counted = _Counted(self._factory(), sock, self._leave)
        self._open[counted] = address
        self._by_address[address] += 1
        self._tasks.spawn(self._begin(counted), "handshake")

    async def _begin(self, counted: _Counted) -> None:
        try:
            tune(counted.sock)
            if self._context is None:
                loop = asyncio.get_running_loop()
                await loop.connect_accepted_socket(lambda: counted, counted.sock)
            else:
                await _shake_hands(counted, self._context, self._handshake_timeout_s)
        except OSError as exc:
            self.refused["no-handshake"] += 1
            _log.info("%s: no connection: %s", self._open.get(counted, "?"), _reason(exc))
        finally:
            if counted.transport is None:  # it never stood
                counted.sock.close()
                self._leave(counted)

    def _leave(self, counted: _Counted) -> None:
        address = self._open.pop(counted, None)
        if address is None:
            return
        self._by_address[address] -= 1
        if self._by_address[address] <= 0:
            del self._by_address[address]
        self._room.set()


async def _shake_hands(counted: _Counted, context: ssl.SSLContext, timeout_s: float) -> None:
    """TLS. Whoever is refused is told why: the alert would be lost with the socket, which is closed
    in the meantime, or with the reset that bytes unread by us would cause (RFC 9293 section 3.6.1)."""
    loop = asyncio.get_running_loop()
    with counted.sock.dup() as last_words:
        try:
            await loop.connect_accepted_socket(
                lambda: counted,
                counted.sock,
                ssl=context,
                ssl_handshake_timeout=timeout_s,
                ssl_shutdown_timeout=HTTP_CLOSE_LINGER_S,
            )
        except HandshakeRefused as refused:
            with contextlib.suppress(OSError):  # TimeoutError is one
                last_words.setblocking(False)
                last_words.send(refused.alert)
                last_words.shutdown(socket.SHUT_WR)
                async with asyncio.timeout(HTTP_CLOSE_LINGER_S):
                    while await loop.sock_recv(last_words, 16 * 1024):
                        pass
            raise


def _source(host: str) -> str:
    """Whose connection counts as one address's."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def _reason(exc: OSError) -> str:
    if isinstance(exc, ssl.SSLError):
        return (exc.reason or "TLS failed").lower().replace("_", " ")
    return exc.strerror or str(exc) or "closed during the handshake"
