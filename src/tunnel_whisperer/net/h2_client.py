"""HTTP/2, the client's side: requests out, responses in."""

from __future__ import annotations

import asyncio

from ..base.errors import Unreachable
from ..base.limits import (
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_BYTES,
    MAX_HEADER_BYTES,
    PATH_WINDOW_BYTES,
)
from ..wire.http import RequestHead
from .h2_connection import H2Connection
from .h2_exchange import H2Exchange
from .h2_frames import PREFACE, Setting
from .h2_heads import Fields, MalformedHead, parse_response
from .http import Exchange, ExchangeHandler

__all__ = ["H2ClientConnection"]

_MAX_STREAM_ID = 0x7FFFFFFF


class H2ClientConnection(H2Connection):
    """See ``ClientConnection``; an asyncio Protocol over any transport."""

    def __init__(self) -> None:
        super().__init__(
            {
                Setting.ENABLE_PUSH: 0,
                Setting.INITIAL_WINDOW_SIZE: PATH_WINDOW_BYTES,
                Setting.MAX_FRAME_SIZE: MAX_FRAME_BYTES,
                Setting.MAX_HEADER_LIST_SIZE: MAX_HEADER_BYTES,
            }
        )
        self._next_id = 1
        self._answered: set[int] = set()

    @property
    def can_request(self) -> bool:
        """Whether one more exchange may start now."""
        if self._over or self._closing or self._goaway_seen or self._transport is None:
            return False
        limit = min(MAX_CONCURRENT_STREAMS, self._peer_max_streams)
        return len(self._exchanges) < limit and self._next_id <= _MAX_STREAM_ID

    def request(self, head: RequestHead, handler: ExchangeHandler, *, end: bool = False) -> Exchange:
        """Start an exchange.

        Raises:
            Unreachable: ``link-lost`` if the connection is over; ``too-many`` if it has no room.
        """
        if self._over or self._closing or self._goaway_seen or self._transport is None:
            raise Unreachable(
                "link-lost",
                "the connection takes no more requests",
                where=self._where(),
            )
        if not self.can_request:
            raise Unreachable("too-many", "the connection has no room for another request")
        block = self._encoder.encode_request(head)
        exchange = self._open(self._next_id, PATH_WINDOW_BYTES)
        self._next_id += 2
        exchange.handler = handler
        self._send_head(exchange, block, end)
        return exchange

    # -- of the connection ------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._control.append(PREFACE)
        super().connection_made(transport)

    def _ours(self, stream_id: int) -> bool:
        return stream_id % 2 == 1 and stream_id < self._next_id

    def _forget(self, exchange: H2Exchange) -> None:
        self._answered.discard(exchange.stream_id)
        super()._forget(exchange)

    def _receive_head(self, exchange: H2Exchange, fields: Fields, end: bool) -> None:
        if exchange.stream_id in self._answered:
            self._receive_trailers(exchange, fields, end)
            return
        head = parse_response(fields)
        if head.status < 200:
            if end:
                raise MalformedHead("an interim response that ends the stream")
            self._count_idle_frame()
            return
        self._announce(exchange, head.headers)
        self._answered.add(exchange.stream_id)
        self._tell(exchange, lambda handler: handler.response_received(head))
        if end and not exchange.over:
            self._receive_end(exchange)

    def data_begins(self, stream_id: int, length: int, end_stream: bool) -> None:
        """See FrameSink; a body needs a head."""
        if stream_id in self._exchanges and stream_id not in self._answered:
            self._out_of_place("DATA before the response")
        super().data_begins(stream_id, length, end_stream)

    def _peer_goes_away(self, last_stream_id: int, code: int) -> None:
        exc = Unreachable(
            "link-lost",
            "the peer went away before it took the request",
            where=self._where(),
        )
        for exchange in list(self._exchanges.values()):
            if exchange.stream_id > last_stream_id:
                self._lose(exchange, exc)
        if not self._exchanges:
            self.close()
