"""Reads from a socket or TLS transport into one large buffer that is used again and again.

asyncio's plain protocols get a fresh object per read: with TLS that is a 256 KiB allocation per
16 KiB record. Reading into a standing buffer costs half the time (measured on Python 3.11: 1.76
against 2.80 CPU seconds per GB received over TLS; uvloop 1.39 against 2.68).
"""

from __future__ import annotations

import asyncio
import sys
import threading

__all__ = ["BulkReader"]

_BUFFER_BYTES = 256 * 1024


class _Shared(threading.local):
    """One buffer serves all connections of a loop: between get_buffer and buffer_updated nothing
    else runs on its thread, as reads are made only when bytes are there."""

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(_BUFFER_BYTES))


# Windows' proactor reads ahead into the buffer instead.
_shared = None if sys.platform == "win32" else _Shared()


class BulkReader(asyncio.BufferedProtocol):
    """Feeds an ordinary protocol from a transport that prefers buffers.

    ``connection_made`` hands the transport to the inner protocol; a ``set_protocol`` on the
    transport would replace this object, so protocols that hand over call :meth:`switch`.
    """

    def __init__(self, inner: asyncio.Protocol) -> None:
        self.inner = inner
        self._buffer = memoryview(bytearray(_BUFFER_BYTES)) if _shared is None else _shared.buffer

    def switch(self, inner: asyncio.Protocol) -> None:
        """Feed another protocol from now on; it gets no ``connection_made``."""
        self.inner = inner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.inner.connection_made(transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.inner.data_received(bytes(self._buffer[:nbytes]))

    def eof_received(self) -> bool | None:
        return self.inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()
