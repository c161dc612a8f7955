"""Header blocks: HEADERS with its CONTINUATION (RFC 9113 sections 4.3, 6.2 and 6.10). Pure.

    HEADERS --END_HEADERS--------------------> block
    HEADERS -> CONTINUATION* --END_HEADERS---> block

Until its end, nothing else may come on the connection; what a peer can make us hold is bounded
in frames and bytes (CONTINUATION flood).
"""

from __future__ import annotations

from typing import NamedTuple

from ..base.limits import MAX_HEADER_BLOCK_BYTES, MAX_HEADER_BLOCK_FRAMES
from .h2_frames import ErrorCode, Flag, H2Fault, unpad

__all__ = ["BlockReader", "HeaderBlock"]


class HeaderBlock(NamedTuple):
    """A complete one."""

    stream_id: int
    block: bytes
    """HPACK."""
    end_stream: bool


class BlockReader:
    """Puts one connection's header blocks together."""

    __slots__ = ("_ends_stream", "_frames", "_parts", "_stream_id", "is_open")

    def __init__(self) -> None:
        self._parts = bytearray()
        self._frames = 0
        self._stream_id = 0
        self._ends_stream = False
        self.is_open = False
        """A block has begun and not ended."""

    def receive_headers(self, flags: int, stream_id: int, payload: bytes) -> HeaderBlock | None:
        """HEADERS. Returns the block if that was all of it.

        Raises:
            H2Fault: malformed, or too long.
        """
        fragment = unpad(flags, payload)
        if flags & Flag.PRIORITY:  # no effect: RFC 9113 section 5.3.2
            if len(fragment) < 5:
                raise H2Fault(ErrorCode.FRAME_SIZE_ERROR, "HEADERS too short for its priority")
            fragment = fragment[5:]
        self._stream_id = stream_id
        self._ends_stream = bool(flags & Flag.END_STREAM)
        self._frames = 0
        self.is_open = True
        return self._add(flags, fragment)

    def receive_continuation(self, flags: int, stream_id: int, payload: bytes) -> HeaderBlock | None:
        """CONTINUATION. Returns the block if that was the end of it.

        Raises:
            H2Fault: it continues nothing, or the block is too long.
        """
        if not self.is_open or stream_id != self._stream_id:
            raise H2Fault(ErrorCode.PROTOCOL_ERROR, "CONTINUATION out of place")
        return self._add(flags, payload)

    def _add(self, flags: int, fragment: bytes) -> HeaderBlock | None:
        self._parts += fragment
        self._frames += 1
        if self._frames > MAX_HEADER_BLOCK_FRAMES or len(self._parts) > MAX_HEADER_BLOCK_BYTES:
            raise H2Fault(ErrorCode.ENHANCE_YOUR_CALM, "message head too long")
        if not flags & Flag.END_HEADERS:
            return None
        block = HeaderBlock(self._stream_id, bytes(self._parts), self._ends_stream)
        self._parts.clear()
        self.is_open = False
        return block
