"""Queues of bytes that have to wait."""

from __future__ import annotations

from collections import deque

__all__ = ["append_piece", "move_pieces"]

_SMALL = 512
"""Waiting pieces are joined up to this size. A ``bytes`` costs 33 bytes besides its content, so two
bytes at a time a window of 16 MiB would take up half a gigabyte."""


def append_piece(pieces: deque[bytes] | deque[bytes | memoryview], data: bytes) -> None:
    """Add a piece that has to wait."""
    if pieces and len(pieces[-1]) + len(data) <= _SMALL:
        pieces[-1] = bytes(pieces[-1]) + data
    else:
        pieces.append(data)


def move_pieces(pieces: deque[bytes | memoryview], count: int, parts: list[bytes | memoryview]) -> None:
    """Move the first ``count`` bytes, of which there are as many, behind ``parts`` without a copy."""
    while count:
        piece = pieces.popleft()
        if len(piece) > count:
            view = memoryview(piece)
            parts.append(view[:count])
            pieces.appendleft(view[count:])
            return
        parts.append(piece)
        count -= len(piece)
