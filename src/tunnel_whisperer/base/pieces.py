"""Queues of bytes that have to wait."""

from __future__ import annotations

from collections import deque

__all__ = ["append_piece"]

_SMALL = 512
"""Waiting pieces are joined up to this size. A ``bytes`` costs 33 bytes besides its content, so two
bytes at a time a window of 16 MiB would take up half a gigabyte."""


def append_piece(pieces: deque[bytes] | deque[bytes | memoryview], data: bytes) -> None:
    """Add a piece that has to wait."""
    if pieces and len(pieces[-1]) + len(data) <= _SMALL:
        pieces[-1] = bytes(pieces[-1]) + data
    else:
        pieces.append(data)
