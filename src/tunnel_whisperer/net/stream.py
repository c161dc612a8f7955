"""The base of our own transports: write-buffer accounting as asyncio defines it.

A subclass owns the bytes; it tells how many wait (``get_write_buffer_size``) and calls
``_buffer_grew`` / ``_buffer_shrank``. The base turns that into ``pause_writing`` and
``resume_writing``, each called once per crossing.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ..base.limits import STREAM_HIGH_WATER_BYTES

__all__ = ["StreamTransport"]


class StreamTransport(asyncio.Transport):
    """A bidirectional byte stream with half-close, and reset told apart from end.

    The contract that all our transports keep (tests/contract):

    - ``write_eof`` ends our direction only; the peer's protocol gets ``eof_received`` after the
      last byte, and a true answer keeps the other direction open.
    - ``close`` sends what is buffered, then ends both directions; the peer sees an end, not a reset.
    - ``abort`` drops what is buffered; the peer's ``connection_lost`` gets an exception.
    - ``connection_lost`` is called exactly once, with None only after an orderly end.
    - ``pause_reading`` stops ``data_received`` at once and pushes back on the sender.
    """

    def __init__(self, extra: dict[str, Any] | None = None) -> None:
        super().__init__(extra)
        self._high = STREAM_HIGH_WATER_BYTES
        self._low = self._high // 4
        self._writing_paused = False
        self._stream_protocol: asyncio.Protocol | None = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the receiving side over; the new protocol gets no ``connection_made``."""
        assert isinstance(protocol, asyncio.Protocol) or hasattr(protocol, "data_received")
        self._stream_protocol = protocol  # type: ignore[assignment]
        if self._writing_paused:
            protocol.pause_writing()

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol that receives now."""
        assert self._stream_protocol is not None
        return self._stream_protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As asyncio: high defaults to 4 x low, low to high / 4."""
        if high is None:
            high = STREAM_HIGH_WATER_BYTES if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high, self._low = high, low
        self._buffer_grew()
        self._buffer_shrank()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """(low, high) in bytes."""
        return self._low, self._high

    def can_write_eof(self) -> bool:
        """All our streams carry a half-close."""
        return True

    def get_write_buffer_size(self) -> int:
        """Bytes accepted by ``write`` and not yet handed to the layer below."""
        raise NotImplementedError

    def get_read_buffer_size(self) -> int:
        """Bytes of the peer that wait because reading is paused."""
        raise NotImplementedError

    def abort_because(self, why: str) -> None:
        """As ``abort``; a transport that can tell its peer why does so. ``why`` may be empty."""
        self.abort()

    def _buffer_grew(self) -> None:
        if not self._writing_paused and self.get_write_buffer_size() > self._high:
            self._writing_paused = True
            if self._stream_protocol is not None:
                self._stream_protocol.pause_writing()

    def _buffer_shrank(self) -> None:
        if self._writing_paused and self.get_write_buffer_size() <= self._low:
            self._writing_paused = False
            if self._stream_protocol is not None:
                self._stream_protocol.resume_writing()
