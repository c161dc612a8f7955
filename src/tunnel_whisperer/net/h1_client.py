"""HTTP/1.1, the client's side: one request at a time, its response in return."""

from __future__ import annotations

import logging

from ..base.errors import Unreachable
from ..base.limits import MAX_INTERIM_RESPONSES, PATH_WINDOW_BYTES
from ..wire.http import RequestHead
from .h1_body import BodyReader, BodyWriter
from .h1_connection import H1Connection
from .h1_exchange import H1Exchange
from .h1_heads import H1Fault, format_request, parse_response
from .http import Exchange, ExchangeHandler

__all__ = ["H1ClientConnection"]

_log = logging.getLogger("tw.net.h1")


class H1ClientConnection(H1Connection):
    """See ``ClientConnection``; an asyncio Protocol over any transport.

    It has no deadline of its own: HTTP/1.1 has no sign of life to ask for. What runs above has.
    """

    def __init__(self) -> None:
        super().__init__()
        self._interim_responses = 0

    @property
    def can_request(self) -> bool:
        """Whether an exchange may start now."""
        return self._is_usable and self._exchange is None

    @property
    def _is_usable(self) -> bool:
        return not (self._over or self._closing or self._transport is None)

    def request(self, head: RequestHead, handler: ExchangeHandler, *, end: bool = False) -> Exchange:
        """Start an exchange.

        Raises:
            Unreachable: ``link-lost`` if the connection is over; ``too-many`` if it is in use.
            Misuse: ``bad-argument`` if the head cannot be sent.
        """
        if not self._is_usable:
            raise Unreachable("link-lost", "the connection takes no more requests", where=self._where())
        if self._exchange is not None:
            raise Unreachable("too-many", "the connection has no room for another request")
        block, framing = format_request(head, end=end)
        exchange = H1Exchange(self, head.method, PATH_WINDOW_BYTES)
        exchange.handler = handler
        exchange.closes = head.close_connection
        exchange.writer = BodyWriter(framing)
        if end:
            exchange.ends_with_head = True
            exchange.writer.end()
        self._exchange = exchange
        self._interim_responses = 0
        self._out.append(block)
        self._schedule_flush()
        return exchange

    # -- of the connection ------------------------------------------------------------------

    @property
    def _expects_head(self) -> bool:
        # Before our own head has left, nothing can be the answer to it.
        return self._exchange is not None and self._exchange.reader is None and not self._out

    def _receive_head(self, block: bytes) -> None:
        exchange = self._exchange
        assert exchange is not None
        response = parse_response(block, exchange.method)
        if response.head.status < 200:
            self._interim_responses += 1
            if self._interim_responses > MAX_INTERIM_RESPONSES:
                raise H1Fault("too many interim responses")
            return
        exchange.reader = BodyReader(response.body)
        exchange.closes = exchange.closes or response.closes
        self._tell(exchange, lambda handler: handler.response_received(response.head))
        if exchange.reader.ended and not exchange.over:
            self._receive_end(exchange)

    def _receive_surplus(self, data: bytes, pos: int) -> int:
        # Servers say 408 before they close an idle connection, and break the rules by anything else.
        raise H1Fault("bytes that answer no request")

    def _fail(self, fault: H1Fault) -> None:
        _log.info("%s: %s", self._where() or "?", fault)
        self._abort_transport()
        self._lose_all(fault)

    def _receive_eof(self) -> None:
        exchange = self._exchange
        if exchange is not None and exchange.reader is not None and exchange.reader.ends_with_connection:
            self._receive_end(exchange)
        self._stop()
        why = "the peer closed the connection in the middle of the exchange"
        self._lose_all(Unreachable("link-lost", why, where=self._where()))
