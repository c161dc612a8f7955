"""Links: TLS connections to the relay with HTTP on them, dialled when needed and shared."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ..base.errors import Unreachable
from ..base.limits import MAX_LINKS
from ..base.values import HostPort
from .bulk_reader import BulkReader
from .dial import dial
from .h1_client import H1ClientConnection
from .h2_client import H2ClientConnection
from .http import ClientConnection
from .proxy import Proxy
from .tls import client_context, start_tls_client, tls_fault

__all__ = ["LinkPool", "RelayEndpoint", "dial_link"]

_ALPN = {"auto": ("h2", "http/1.1"), "2": ("h2",), "1.1": ("http/1.1",)}


@dataclass(frozen=True, slots=True)
class RelayEndpoint:
    """How this machine reaches a relay and proves who it is."""

    address: HostPort
    """Name or address, and port (443)."""
    ca_pem: str = ""
    """The relay's private CA (PEM text); empty trusts the system's roots."""
    certificate: Path | None = None
    """Client certificate (PEM); None presents none."""
    key: Path | None = None
    """Its key (PEM)."""
    proxy: Proxy | None = None
    """The proxy of this network, if it has one."""
    http: str = "auto"
    """``auto``, ``2`` or ``1.1``."""
    plain: bool = False
    """No TLS: only for tests and for a TLS wrapper on this machine. HTTP/2 by prior knowledge."""

    def context(self) -> ssl.SSLContext:
        """The TLS settings for it.

        Raises:
            Misuse: ``bad-certificate`` when a file cannot be used.
        """
        return client_context(ca_pem=self.ca_pem, cert=self.certificate, key=self.key, alpn=_ALPN[self.http])


class _AlpnSwitch(BulkReader):
    """Becomes the HTTP connection that the TLS handshake agreed on."""

    def __init__(self, http: str, where: str) -> None:
        super().__init__(asyncio.Protocol())
        self._http = http
        self._where = where
        self.connection: ClientConnection | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        tls = transport.get_extra_info("ssl_object")
        version = self._http if tls is None else tls.selected_alpn_protocol()
        connection: H2ClientConnection | H1ClientConnection
        if version in ("h2", "2"):
            connection = H2ClientConnection()
        else:  # a relay or a proxy without ALPN speaks HTTP/1.1
            connection = H1ClientConnection()
        self.connection = connection
        self.switch(connection)
        connection.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        # With TLS 1.3 the relay refuses a client certificate after our handshake is done.
        super().connection_lost(tls_fault(exc, self._where) if isinstance(exc, ssl.SSLError) else exc)


async def dial_link(endpoint: RelayEndpoint, context: ssl.SSLContext | None) -> ClientConnection:
    """Dial one link: TCP, proxy, TLS, HTTP.

    Args:
        context: of ``endpoint.context()``; None for a plain endpoint.

    Raises:
        TwError: with the stage that failed in its code.
    """
    sock = await dial(endpoint.address, proxy=endpoint.proxy)
    if context is None:
        switch = _AlpnSwitch(endpoint.http, str(endpoint.address))
        await asyncio.get_running_loop().create_connection(lambda: switch, sock=sock)
    else:
        _, protocol = await start_tls_client(
            sock, context, endpoint.address.host, lambda: _AlpnSwitch(endpoint.http, str(endpoint.address))
        )
        switch = cast(_AlpnSwitch, protocol)
    if switch.connection is None:
        raise Unreachable("link-lost", "the connection ended during its set-up", where=str(endpoint.address))
    return switch.connection


class LinkPool:
    """Links to one relay, reused while they have room (``LinkSource``).

    Args:
        dial_one: dials a new link.
        max_links: cap; HTTP/1.1 in packet-up needs a few, HTTP/2 one.
    """

    def __init__(
        self, dial_one: Callable[[], Awaitable[ClientConnection]], max_links: int = MAX_LINKS
    ) -> None:
        self._dial_one = dial_one
        self._max_links = max_links
        self._links: list[ClientConnection] = []
        self._lock = asyncio.Lock()
        self._closed = False

    @property
    def links(self) -> Sequence[ClientConnection]:
        """Those that are not known to be over."""
        return self._links

    async def link(self) -> ClientConnection:
        """See ``LinkSource``. The caller must start its request without awaiting in between.

        Raises:
            Unreachable: ``too-many`` when all links are full, or the reason of the dial.
        """
        async with self._lock:
            self._check_open()
            self._links = [x for x in self._links if x.can_request or x.open_exchanges]
            for link in self._links:
                if link.can_request:
                    return link
            if len(self._links) >= self._max_links:
                raise Unreachable("too-many", f"all {self._max_links} links to the relay are in use")
            link = await self._dial_one()
            try:
                self._check_open()
            except Unreachable:
                link.abort()
                raise
            self._links.append(link)
            return link

    def _check_open(self) -> None:
        if self._closed:
            raise Unreachable("link-lost", "the links to the relay are closed")

    def abort(self) -> None:
        """End all links now; their exchanges are lost."""
        self._closed = True
        for link in self._links:
            link.abort()
        self._links.clear()

    def close(self) -> None:
        """End each link when its last exchange has ended."""
        self._closed = True
        for link in self._links:
            link.close()
