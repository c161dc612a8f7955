"""HTTP/2, the server's side: requests in, responses out."""

from __future__ import annotations

import asyncio

from ..base.limits import (
    HEAD_TIMEOUT_S,
    HTTP_IDLE_TIMEOUT_S,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_BYTES,
    MAX_HEADER_BYTES,
    STRANGER_WINDOW_BYTES,
)
from ..wire.http import ResponseHead
from . import h2_frames as frames
from .h2_blocks import HeaderBlock
from .h2_connection import H2Connection
from .h2_exchange import H2Exchange
from .h2_frames import PREFACE, ErrorCode, H2Fault, Setting
from .h2_heads import Fields, MalformedHead, content_length, is_too_long, parse_request
from .http import AcceptExchange

__all__ = ["H2ServerConnection"]

_TOO_LONG = ResponseHead(431)


class H2ServerConnection(H2Connection):
    """Serves one connection.

    Args:
        accept: called for each request head.
    """

    def __init__(self, accept: AcceptExchange) -> None:
        super().__init__(
            {
                Setting.MAX_CONCURRENT_STREAMS: MAX_CONCURRENT_STREAMS,
                Setting.INITIAL_WINDOW_SIZE: STRANGER_WINDOW_BYTES,
                Setting.MAX_FRAME_SIZE: MAX_FRAME_BYTES,
                Setting.MAX_HEADER_LIST_SIZE: MAX_HEADER_BYTES,
            }
        )
        self._accept = accept
        self._preface = bytearray()
        self._preface_seen = False
        self._highest_id = 0
        self._last_taken_id = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._idle_since: float | None = self._loop.time()

    # -- asyncio.Protocol -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._head_begins()

    def _receive(self, data: bytes) -> None:
        if not self._preface_seen:
            self._preface += data
            if not (PREFACE.startswith(self._preface) or self._preface.startswith(PREFACE)):
                raise H2Fault(ErrorCode.PROTOCOL_ERROR, "no HTTP/2 preface")
            if len(self._preface) < len(PREFACE):
                return
            self._preface_seen = True
            data = bytes(self._preface[len(PREFACE) :])
            self._preface.clear()
        super()._receive(data)

    # -- of the connection ------------------------------------------------------------------

    def _last_stream_id(self) -> int:
        return self._last_taken_id

    def _ours(self, stream_id: int) -> bool:
        return stream_id % 2 == 1 and stream_id <= self._highest_id

    def _ignores(self, stream_id: int) -> bool:
        # After our GOAWAY: not processed, and the peer knows.
        return super()._ignores(stream_id) or (self._closing and stream_id > self._last_taken_id)

    def _stop(self) -> None:
        super()._stop()
        self._stop_head_timer()

    def give_up(self, exchange: H2Exchange, code: ErrorCode) -> None:
        """A response that is complete is not called in question: the rest of the request is not
        needed (RFC 9113 section 8.1)."""
        complete = exchange.ending and not exchange.unsent_bytes
        super().give_up(exchange, ErrorCode.NO_ERROR if complete else code)

    def _forget(self, exchange: H2Exchange) -> None:
        super()._forget(exchange)
        if not self._exchanges:
            self._idle_since = self._loop.time()

    def _receive_block(self, head: HeaderBlock | None) -> None:
        if head is None:
            self._head_begins()
        else:
            self._stop_head_timer()
        super()._receive_block(head)

    def _receive_new_head(self, stream_id: int, fields: Fields, end: bool) -> None:
        if stream_id % 2 == 0 or stream_id <= self._highest_id:
            # An earlier number may be of a stream that is closed; then it may be called a fault
            # of this kind too (RFC 9113 sections 5.1 and 5.1.1).
            if not self._ignores(stream_id):
                raise H2Fault(ErrorCode.PROTOCOL_ERROR, f"HEADERS on stream {stream_id}, which is over")
            self._count_idle_frame()
            return
        self._highest_id = stream_id
        if self._ignores(stream_id):
            self._count_idle_frame()
            return
        self._last_taken_id = stream_id
        if len(self._exchanges) >= MAX_CONCURRENT_STREAMS:
            self._refuse_stream(stream_id, ErrorCode.REFUSED_STREAM)
        elif is_too_long(fields):
            self._refuse_long_head(stream_id)
        else:
            self._receive_request(stream_id, fields, end)

    def _refuse_long_head(self, stream_id: int) -> None:
        self._count_reset()
        block = self._encoder.encode_response(_TOO_LONG)
        self._queue_control(frames.header_block(stream_id, block, True, self._out.max_frame_bytes))
        self._send_reset(stream_id, ErrorCode.NO_ERROR)

    def _receive_request(self, stream_id: int, fields: Fields, end: bool) -> None:
        try:
            head = parse_request(fields)
            length = content_length(head.headers)
        except MalformedHead:
            self._refuse_stream(stream_id, ErrorCode.PROTOCOL_ERROR)
            return
        exchange = self._open(stream_id, STRANGER_WINDOW_BYTES)
        exchange.content_left = length
        exchange.head_received = True
        self._idle_since = None
        try:
            exchange.handler = self._accept(head, exchange)
        except Exception:  # noqa: BLE001 - it must not end its neighbours
            self._handler_failed(exchange)
            return
        if end and not exchange.over:
            self._receive_end(exchange)

    # -- time -------------------------------------------------------------------------------

    def _head_begins(self) -> None:
        if self._head_timer is None and not self._over:
            self._head_timer = self._loop.call_later(HEAD_TIMEOUT_S, self._head_late)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_late(self) -> None:
        self._fail(H2Fault(ErrorCode.ENHANCE_YOUR_CALM, "no complete request head in time"))

    def _handle_deadline(self) -> None:
        idle = self._idle_since is not None and self._loop.time() - self._idle_since >= HTTP_IDLE_TIMEOUT_S
        if idle:
            self.close()
        else:
            super()._handle_deadline()
