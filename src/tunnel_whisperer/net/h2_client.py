"""HTTP/2, the client's side: requests out, responses in."""

from __future__ import annotations

from collections.abc import Iterator

from ..base.errors import Retry, Unreachable
from ..base.limits import (
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_BYTES,
    MAX_HEADER_BYTES,
    PATH_WINDOW_BYTES,
)
from ..wire.http import RequestHead
from .h2_connection import H2Connection
from .h2_exchange import H2Exchange
from .h2_frames import PREFACE, ErrorCode, H2Fault, Setting
from .h2_heads import Fields, MalformedHead, content_length, is_too_long, parse_response
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

    @property
    def _takes_requests(self) -> bool:
        return not (self._over or self._closing) and self._transport is not None

    @property
    def can_request(self) -> bool:
        """Whether one more exchange may start now."""
        limit = min(MAX_CONCURRENT_STREAMS, self._peer_max_streams)
        return self._takes_requests and len(self._exchanges) < limit and self._next_id <= _MAX_STREAM_ID

    def request(self, head: RequestHead, handler: ExchangeHandler, *, end: bool = False) -> Exchange:
        """Start an exchange.

        Raises:
            Unreachable: ``link-lost`` if the connection is over; ``too-many`` if it has no room.
        """
        if not self._takes_requests:
            raise Unreachable("link-lost", "the connection takes no more requests", where=self._where())
        if not self.can_request:
            raise Unreachable("too-many", "the connection has no room for another request")
        block = self._encoder.encode_request(head)
        exchange = self._open(self._next_id, PATH_WINDOW_BYTES)
        self._next_id += 2
        exchange.handler = handler
        self._send_head(exchange, block, end)
        return exchange

    # -- of the connection ------------------------------------------------------------------

    def _greeting(self) -> Iterator[bytes]:
        yield PREFACE
        yield from super()._greeting()

    def _last_stream_id(self) -> int:
        return 0  # we take no pushes

    def _ours(self, stream_id: int) -> bool:
        return stream_id % 2 == 1 and stream_id < self._next_id

    def _receive_setting(self, number: int, value: int) -> None:
        if number == Setting.ENABLE_PUSH and value:  # RFC 9113 section 6.5.2
            raise H2Fault(ErrorCode.PROTOCOL_ERROR, "a server that enables push")
        super()._receive_setting(number, value)

    def _receive_new_head(self, stream_id: int, fields: Fields, end: bool) -> None:
        self._known(stream_id, "HEADERS")
        self._count_idle_frame()  # an answer that comes too late

    def _receive_head(self, exchange: H2Exchange, fields: Fields, end: bool) -> None:
        if exchange.head_received:
            super()._receive_head(exchange, fields, end)
            return
        if is_too_long(fields):
            raise MalformedHead("response head too long")
        head = parse_response(fields)
        if head.status < 200:
            if end:
                raise MalformedHead("an interim response that ends the stream")
            self._count_idle_frame()
            return
        if not end:  # without a body the length may be that of another response (RFC 9110 8.6)
            exchange.content_left = content_length(head.headers)
        exchange.head_received = True
        self._tell(exchange, lambda handler: handler.response_received(head))
        if end and not exchange.over:
            self._receive_end(exchange)

    def _peer_goes_away(self, last_stream_id: int, code: int) -> None:
        exc = Unreachable(
            "link-lost",
            "the peer went away before it took the request",
            where=self._where(),
            retry=Retry.BACKOFF if code else Retry.NOW,
        )
        self.close()
        for exchange in list(self._exchanges.values()):
            if exchange.stream_id > last_stream_id:
                self._lose(exchange, exc)
