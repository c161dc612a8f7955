"""One HTTP/1.1 request with its response as an Exchange: its two bodies and its two ends.

The ends are flags, as in HTTP/2: our side and the peer's end independently, and the exchange is
over when both have. The connection is not free for the next one before that.
"""

from __future__ import annotations

from typing import Any, Protocol

from ..wire.http import ResponseHead
from .h1_body import BodyReader, BodyWriter
from .http import ExchangeHandler

__all__ = ["ExchangeOwner", "H1Exchange"]


class ExchangeOwner(Protocol):
    """The connection, as its exchange sees it."""

    def send_response(self, exchange: H1Exchange, head: ResponseHead, end: bool) -> None:
        """Queue the head."""

    def has_body(self, exchange: H1Exchange) -> None:
        """The exchange has something to send."""

    def give_up(self, exchange: H1Exchange) -> None:
        """End it and the connection; nobody is told."""

    def window_changed(self) -> None:
        """Reading may have to go on."""

    def extra_info(self, name: str, default: Any) -> Any:
        """See Exchange.get_extra_info."""


class H1Exchange:
    """See ``Exchange``.

    Args:
        owner: the connection.
        method: of the request.
        window_bytes: bytes of the peer's body that we hold before reading stops.
    """

    __slots__ = ("_owner", "awaits_continue", "closes", "ends_with_head", "handler", "is_http10", "is_refused",
                 "leaves", "local_ended", "method", "over", "reader", "remote_ended", "thrown_bytes",
                 "unacknowledged", "window_bytes", "writer")  # fmt: skip

    def __init__(self, owner: ExchangeOwner, method: str, window_bytes: int) -> None:
        self._owner = owner
        self.method = method
        self.window_bytes = window_bytes
        self.handler: ExchangeHandler | None = None
        self.reader: BodyReader | None = None
        """The peer's body; None until its head came."""
        self.writer: BodyWriter | None = None
        """Our body; None until our head was queued."""
        self.unacknowledged = 0
        """Bytes received and not yet handed on."""
        self.ends_with_head = False
        """We have no body."""
        self.local_ended = False
        """Our last byte was handed to the transport."""
        self.remote_ended = False
        """The peer's last byte was received."""
        self.over = False
        """Ended or given up: nothing goes in or out any more."""
        self.closes = False
        """The connection ends with it."""
        self.is_http10 = False
        """Server side: the request was HTTP/1.0."""
        self.awaits_continue = False
        """Server side: the client waits for 100 before it sends its body."""
        self.is_refused = False
        """Server side: the answer is a whole error, so what is left of the request means nothing."""
        self.leaves = False
        """Server side: the request is not read to its end."""
        self.thrown_bytes = 0
        """Server side: body received after ``is_refused``."""

    # -- Exchange ---------------------------------------------------------------------------

    def respond(self, head: ResponseHead, *, end: bool = False) -> None:
        """Send the response head, once."""
        if self.over:
            return
        assert self.writer is None, "a second response"
        self._owner.send_response(self, head, end)

    def send_body(self, data: bytes) -> None:
        """Append to our body."""
        if self.over or not data:
            return
        writer = self.writer
        assert writer is not None, "body before the head"
        assert not writer.ending, "body after its end"
        writer.put(data)
        self._owner.has_body(self)

    def end_body(self) -> None:
        """The end goes out behind what is queued."""
        if self.over:
            return
        writer = self.writer
        assert writer is not None, "end of a body before the head"
        if not writer.ending:
            writer.end()
            self._owner.has_body(self)

    def reset(self) -> None:
        """Close the connection hard."""
        if not self.over:
            self._owner.give_up(self)

    def acknowledge(self, count: int) -> None:
        """``count`` bytes were handed on: reading may go on."""
        if not self.over:
            self.unacknowledged -= count
            self._owner.window_changed()

    @property
    def unsent_bytes(self) -> int:
        """Body bytes not yet handed to the transport."""
        return 0 if self.writer is None else self.writer.unsent_bytes

    def grow_window(self, window_bytes: int) -> None:
        """Read on until this many bytes are unacknowledged."""
        if window_bytes > self.window_bytes and not self.over:
            self.window_bytes = window_bytes
            self._owner.window_changed()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Of the connection."""
        return self._owner.extra_info(name, default)

    # -- for the connection -----------------------------------------------------------------

    @property
    def is_said(self) -> bool:
        """Our side is complete but for its framing: nothing of it would be lost by an end."""
        return self.writer is not None and self.writer.ending and not self.writer.unsent_bytes

    def finish(self) -> None:
        """Nothing goes in or out any more."""
        self.over = True
        if self.writer is not None:
            self.writer.drop()
