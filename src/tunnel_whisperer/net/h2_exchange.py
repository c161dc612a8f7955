"""One HTTP/2 stream as an Exchange: its send queue, its receive window, its two ends.

A stream is over when both directions ended (END_STREAM) or either side reset it. The two ends
are flags, not states: each moves once, and they do not depend on each other (RFC 9113 section
5.1: open, half-closed (local), half-closed (remote), closed).
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from ..base.pieces import append_piece, move_pieces
from ..wire.http import ResponseHead
from .h2_frames import ErrorCode, data_head
from .h2_windows import ReceiveWindow
from .http import ExchangeHandler

__all__ = ["ExchangeOwner", "H2Exchange"]


class ExchangeOwner(Protocol):
    """The connection, as its exchanges see it."""

    def send_response(self, exchange: H2Exchange, head: ResponseHead, end: bool) -> None:
        """Queue the head."""

    def has_body(self, exchange: H2Exchange) -> None:
        """The exchange has something to send."""

    def give_up(self, exchange: H2Exchange, code: ErrorCode) -> None:
        """Reset the stream; nobody is told."""

    def give_credit(self, exchange: H2Exchange, stream_credit: int, count: int) -> None:
        """Send WINDOW_UPDATE for the stream if ``stream_credit``, and for the connection as due."""

    def promise(self, by: int) -> None:
        """A stream's window grows by so much: the connection's must have room for it."""

    def extra_info(self, name: str, default: Any) -> Any:
        """See Exchange.get_extra_info."""


class H2Exchange:
    """See ``Exchange``.

    Args:
        owner: the connection.
        stream_id: its number.
        send_window: bytes that the peer takes at first.
        window_bytes: bytes that we take at first.
    """

    __slots__ = ("_owner", "_queue", "_responded", "content_left", "ending", "handler", "head_received",
                 "is_ready", "local_ended", "over", "receive_window", "remote_ended", "send_window",
                 "stream_id", "unsent_bytes")  # fmt: skip

    def __init__(self, owner: ExchangeOwner, stream_id: int, send_window: int, window_bytes: int) -> None:
        self._owner = owner
        self._queue: deque[bytes | memoryview] = deque()
        self._responded = False
        self.stream_id = stream_id
        self.handler: ExchangeHandler | None = None
        self.send_window = send_window
        """Bytes that the peer takes now; negative after it made its initial window smaller."""
        self.receive_window = ReceiveWindow(window_bytes)
        self.content_left: int | None = None
        """Bytes to come of the peer's announced content-length."""
        self.head_received = False
        """The peer's (final) head is there; body and trailers may follow."""
        self.unsent_bytes = 0
        self.ending = False
        """Our body is complete; END_STREAM goes out behind it."""
        self.local_ended = False
        """END_STREAM was sent."""
        self.remote_ended = False
        """END_STREAM was received."""
        self.over = False
        """Ended or reset: nothing goes in or out any more."""
        self.is_ready = False
        """In the connection's queue of those that may send."""

    # -- Exchange ---------------------------------------------------------------------------

    def respond(self, head: ResponseHead, *, end: bool = False) -> None:
        """Send the response head, once."""
        if self.over:
            return
        assert not self._responded, "a second response"
        self._responded = True
        self._owner.send_response(self, head, end)

    def send_body(self, data: bytes) -> None:
        """Append to our body."""
        if self.over or not data:
            return
        assert not self.ending, "body after its end"
        append_piece(self._queue, data)
        self.unsent_bytes += len(data)
        if not self.is_ready:
            self._owner.has_body(self)

    def end_body(self) -> None:
        """END_STREAM behind what is queued."""
        if not (self.over or self.ending):
            self.ending = True
            if not self.is_ready:
                self._owner.has_body(self)

    def reset(self) -> None:
        """RST_STREAM."""
        if not self.over:
            self._owner.give_up(self, ErrorCode.CANCEL)

    def acknowledge(self, count: int) -> None:
        """Open both windows by ``count``."""
        if not self.over:
            credit = self.receive_window.acknowledge(count)
            # A peer that has ended its body has no use for a stream's credit.
            self._owner.give_credit(self, 0 if self.remote_ended else credit, count)

    def grow_window(self, window_bytes: int) -> None:
        """Widen the stream's window, and the connection's as much."""
        by = window_bytes - self.receive_window.target
        if by > 0 and not self.over:
            self._owner.promise(by)
            credit = self.receive_window.grow(window_bytes)
            self._owner.give_credit(self, 0 if self.remote_ended else credit, 0)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Of the connection."""
        return self._owner.extra_info(name, default)

    # -- for the connection -----------------------------------------------------------------

    @property
    def can_send(self) -> bool:
        """Whether ``take`` would yield something, the connection's window aside."""
        if self.over or self.local_ended:
            return False
        return self.send_window > 0 if self._queue else self.ending

    def take(self, room: int, max_frame_bytes: int, parts: list[bytes | memoryview]) -> int:
        """Move DATA frames to ``parts``.

        Args:
            room: body bytes that may be taken.
            max_frame_bytes: of the peer.
            parts: pieces to be joined.

        Returns:
            The body bytes taken.
        """
        room = max(0, min(room, self.send_window, self.unsent_bytes))
        taken = 0
        while True:
            count = min(room - taken, max_frame_bytes)
            final = self.ending and count >= self.unsent_bytes - taken
            if not (count or final):
                break
            parts.append(data_head(count, final, self.stream_id))
            move_pieces(self._queue, count, parts)
            taken += count
            if final:
                self.local_ended = True
                break
        self.unsent_bytes -= taken
        self.send_window -= taken
        return taken

    def drop_body(self) -> None:
        """Forget what is queued."""
        self._queue.clear()
        self.unsent_bytes = 0
