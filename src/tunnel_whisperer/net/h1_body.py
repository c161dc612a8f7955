"""HTTP/1.1 message bodies: cut out of the stream and put into it (RFC 9112 sections 6 and 7). Pure.

    chunked = *( size [ ; ext ] CRLF data CRLF ) 0 [ ; ext ] CRLF *( field CRLF ) CRLF

Chunks mean nothing: what arrives in one read is handed on as one piece, and what leaves in one
write is one chunk.
"""

from __future__ import annotations

import re
from collections import deque
from enum import Enum

from ..base.errors import Broken
from ..base.limits import MAX_CHUNK_LINE_BYTES, MAX_HEADER_BYTES
from ..base.pieces import append_piece, move_pieces
from .h1_heads import BodyKind, Framing, H1Fault, check_field_line

__all__ = ["BodyReader", "BodyWriter"]

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")


class _In(Enum):
    """Where in a chunked body the next byte belongs."""

    SIZE = "size"  # -> DATA, or TRAILER after the last chunk
    DATA = "data"  # -> GAP
    GAP = "gap"  # the CRLF behind the data -> SIZE
    TRAILER = "trailer"  # until an empty line


class BodyReader:
    """Finds the end of one body."""

    __slots__ = ("_kind", "_left", "_line", "_place", "_trailer_bytes", "ended")

    def __init__(self, framing: Framing) -> None:
        self._kind = framing.kind
        self._left = framing.length  # of the body, or of the chunk
        self._place = _In.SIZE
        self._line = b""
        self._trailer_bytes = 0
        self.ended = framing.kind is BodyKind.NONE
        """The last byte of the body was given."""

    @property
    def ends_with_connection(self) -> bool:
        """The end of the connection is the end of this body."""
        return self._kind is BodyKind.UNTIL_CLOSE

    def exceeds(self, limit: int) -> bool:
        """Whether more than ``limit`` bytes are known to come."""
        return self._kind is BodyKind.LENGTH and self._left > limit

    def receive_data(self, data: bytes, start: int) -> tuple[bytes, int]:
        """Take what belongs to the body.

        Args:
            start: where in ``data`` it goes on.

        Returns:
            Body bytes, perhaps none, and where in ``data`` the rest begins.

        Raises:
            H1Fault: not what was announced.
        """
        if self._kind is BodyKind.CHUNKED:
            return self._receive_chunks(data, start)
        if self._kind is BodyKind.UNTIL_CLOSE:
            return data[start:], len(data)
        end = min(start + self._left, len(data))
        self._left -= end - start
        self.ended = not self._left
        return data[start:end], end

    def _receive_chunks(self, data: bytes, pos: int) -> tuple[bytes, int]:
        pieces: list[memoryview] = []
        view, size = memoryview(data), len(data)
        while pos < size and not self.ended:
            if self._place is _In.DATA:
                end = min(pos + self._left, size)
                pieces.append(view[pos:end])
                self._left -= end - pos
                pos = end
                if not self._left:
                    self._place = _In.GAP
                continue
            end = data.find(b"\n", pos) + 1 or size
            line = self._line + data[pos:end] if self._line else data[pos:end]
            pos = end
            limit = MAX_HEADER_BYTES if self._place is _In.TRAILER else MAX_CHUNK_LINE_BYTES
            if len(line) > limit:
                raise H1Fault("chunk line too long")
            if line.endswith(b"\n"):
                self._line = b""
                self._receive_line(line)
            else:
                self._line = line
        return pieces[0].tobytes() if len(pieces) == 1 else b"".join(pieces), pos

    def _receive_line(self, line: bytes) -> None:
        if self._place is _In.SIZE:
            match = _SIZE_LINE.fullmatch(line)
            if match is None:
                raise H1Fault("bad chunk size")
            self._left = int(match[1], 16)
            self._place = _In.DATA if self._left else _In.TRAILER
        elif self._place is _In.GAP:
            if line != b"\r\n":
                raise H1Fault("chunk longer than announced")
            self._place = _In.SIZE
        elif line == b"\r\n":
            self.ended = True
        else:
            self._trailer_bytes += len(line)
            if not line.endswith(b"\r\n") or self._trailer_bytes > MAX_HEADER_BYTES:
                raise H1Fault("bad trailer")
            check_field_line(line[:-2].decode("latin-1"))  # carries nothing that we use


class BodyWriter:
    """Our body, waiting to be sent."""

    __slots__ = ("_kind", "_left", "_queue", "ending", "unsent_bytes")

    def __init__(self, framing: Framing) -> None:
        self._kind = framing.kind
        self._left = framing.length
        self._queue: deque[bytes | memoryview] = deque()
        self.unsent_bytes = 0
        self.ending = False
        """It is complete once all of it is sent."""

    def put(self, data: bytes) -> None:
        """Append to it.

        Raises:
            Broken: more than our head announced.
        """
        if self._kind is BodyKind.NONE:  # the answer to HEAD: the body is only thought of
            return
        if self._kind is BodyKind.LENGTH:
            self._left -= len(data)
            if self._left < 0:
                raise Broken("internal", "more body than announced")
        append_piece(self._queue, data)
        self.unsent_bytes += len(data)

    def end(self) -> None:
        """It is complete.

        Raises:
            Broken: less than our head announced.
        """
        if self._kind is BodyKind.LENGTH and self._left:
            raise Broken("internal", "less body than announced")
        self.ending = True

    @property
    def has_something(self) -> bool:
        """Whether ``take`` would take anything, if only the end."""
        return bool(self.unsent_bytes) or self.ending

    def take(self, room: int, parts: list[bytes | memoryview]) -> int:
        """Move up to ``room`` bytes, framed, and the end if it is reached, to ``parts``.

        Call it no more once it has been called with ``ending`` and nothing stayed unsent.

        Returns:
            The body bytes taken.
        """
        count = min(room, self.unsent_bytes)
        chunked = self._kind is BodyKind.CHUNKED
        if count and chunked:
            parts.append(b"%x\r\n" % count)
        move_pieces(self._queue, count, parts)
        self.unsent_bytes -= count
        last = self.ending and not self.unsent_bytes
        if chunked and (count or last):
            parts.append((b"\r\n" if count else b"") + (b"0\r\n\r\n" if last else b""))
        return count

    def drop(self) -> None:
        """Forget what waits."""
        self._queue.clear()
        self.unsent_bytes = 0
