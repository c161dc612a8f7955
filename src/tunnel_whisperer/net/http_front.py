"""The first bytes of a connection to a relay: which HTTP is it?

Over TLS the handshake has agreed on it (ALPN). Plain, behind a proxy, a client that knows starts
with HTTP/2's preface (RFC 9113 section 3.3); anything else is HTTP/1.1.
"""

from __future__ import annotations

import asyncio
from typing import cast

from ..base.limits import HEAD_TIMEOUT_S
from .h1_server import H1ServerConnection
from .h2_frames import PREFACE
from .h2_server import H2ServerConnection
from .http import AcceptExchange

__all__ = ["HttpFront"]

_CALLS = ("data_received", "eof_received", "connection_lost", "pause_writing", "resume_writing")


class HttpFront(asyncio.Protocol):
    """Becomes the HTTP connection that the peer speaks.

    Its methods are replaced by those of the connection, so it costs nothing on the data path.

    Args:
        accept: called for each request head.
    """

    def __init__(self, accept: AcceptExchange) -> None:
        self._accept = accept
        self._transport: asyncio.Transport | None = None
        self._held = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self._become(tls.selected_alpn_protocol() == "h2")
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(HEAD_TIMEOUT_S, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        self._held += data
        if self._held[: len(PREFACE)] == PREFACE[: len(self._held)]:
            if len(self._held) < len(PREFACE):
                return
            self._become(http2=True)
        else:
            self._become(http2=False)
        held, self._held = self._held, b""
        self.data_received(held)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()

    def _become(self, http2: bool) -> None:
        self._stop_timer()
        connection: asyncio.Protocol
        connection = H2ServerConnection(self._accept) if http2 else H1ServerConnection(self._accept)
        for name in _CALLS:
            setattr(self, name, getattr(connection, name))
        assert self._transport is not None
        connection.connection_made(self._transport)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
