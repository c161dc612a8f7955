"""What an HTTP connection of either version offers: exchanges, and their handlers.

An exchange is one request with its response, full duplex. The connection calls the handler,
the handler's owner calls the exchange; all calls are synchronous and made from the event loop.

Flow control, receiving: every byte given to ``body_received`` counts against the sender's window
until ``acknowledge`` is called for it: call it when the byte was handed on. HTTP/1.1 has no
windows: there the connection stops reading while too much is unacknowledged.

Flow control, sending: ``send_body`` always takes the data; ``unsent_bytes`` tells how much waits,
and ``body_progressed`` is called when it shrank. Water marks are the business of the stream above.
"""

from __future__ import annotations

from typing import Any, Protocol

from ..base.errors import TwError
from ..wire.http import RequestHead, ResponseHead

__all__ = ["AcceptExchange", "ClientConnection", "Exchange", "ExchangeHandler"]


class ExchangeHandler(Protocol):
    """Receives what happens on one exchange."""

    def response_received(self, head: ResponseHead) -> None:
        """Client side only: the final response head, before any body."""

    def body_received(self, data: bytes) -> None:
        """A piece of the peer's body; never empty. Acknowledge it when it was handed on."""

    def body_ended(self) -> None:
        """The peer's body is complete (END_STREAM, last chunk, content-length reached)."""

    def exchange_lost(self, exc: TwError | None) -> None:
        """Last call. None: both bodies ended in order. ``stream-reset``: the peer reset this
        exchange. ``link-lost``: the connection below died. Other codes name their cause."""

    def body_progressed(self) -> None:
        """Some of our body was handed to the transport below: ``unsent_bytes`` shrank. Called at
        most once per exchange and flush; never from inside ``send_body``."""


class Exchange(Protocol):
    """One request and its response, seen from our side."""

    def respond(self, head: ResponseHead, *, end: bool = False) -> None:
        """Server side only: send the response head, once. ``end``: there is no body."""

    def send_body(self, data: bytes) -> None:
        """Append to our body."""

    def end_body(self) -> None:
        """Our body is complete once all of it is sent."""

    def reset(self) -> None:
        """Give up both directions at once. HTTP/2: RST_STREAM (CANCEL); HTTP/1.1: the connection
        is closed hard. ``exchange_lost`` is not called for it. Harmless when already over."""

    def acknowledge(self, count: int) -> None:
        """``count`` received bytes were handed on: open the window by as much."""

    @property
    def unsent_bytes(self) -> int:
        """Body bytes accepted by ``send_body`` and not yet handed to the transport below."""

    def grow_window(self, window_bytes: int) -> None:
        """Let the peer have up to this many unacknowledged bytes under way (an admitted peer is
        given more than a stranger). Never shrinks."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As asyncio: ``peername``, ``sockname``, ``ssl_object``, ``peercert`` of the connection,
        and ``http_version`` (``"2"`` or ``"1.1"``)."""


class AcceptExchange(Protocol):
    """The server's door: called for each request head; must respond sooner or later."""

    def __call__(self, head: RequestHead, exchange: Exchange) -> ExchangeHandler: ...


class ClientConnection(Protocol):
    """An HTTP connection that we opened, as an asyncio Protocol over any transport."""

    http_version: str
    """``"2"`` or ``"1.1"``."""

    @property
    def can_request(self) -> bool:
        """Whether one more exchange may start now: open, no GOAWAY seen, below both stream caps
        (ours and the peer's MAX_CONCURRENT_STREAMS); HTTP/1.1: no exchange under way."""

    @property
    def open_exchanges(self) -> int:
        """Exchanges under way."""

    def request(self, head: RequestHead, handler: ExchangeHandler, *, end: bool = False) -> Exchange:
        """Start an exchange. ``end``: the request has no body.

        HTTP/1.1 frames the body by the ``content-length`` header if there is one, else chunked.

        Raises:
            Unreachable: ``link-lost`` if the connection is over; ``too-many`` if not can_request.
        """

    def close(self) -> None:
        """No new exchanges; GOAWAY; the transport closes when the last exchange has ended."""

    def abort(self) -> None:
        """End everything now; handlers get ``exchange_lost`` (``link-lost``)."""
