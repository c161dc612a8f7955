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
from .h2_connection import H2Connection
from .h2_exchange import H2Exchange
from .h2_frames import PREFACE, ErrorCode, H2Fault, Setting
from .h2_heads import Fields, MalformedHead, parse_request
from .http import AcceptExchange

__all__ = ["H2ServerConnection"]


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
        self._head_timer: asyncio.TimerHandle | None = None
        self._idle_since: float | None = self._loop.time()

    # -- asyncio.Protocol -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._head_begins()

    def data_received(self, data: bytes) -> None:
        if not self._preface_seen:
            self._preface += data
            if not (PREFACE.startswith(self._preface) or self._preface.startswith(PREFACE)):
                self._fail(H2Fault(ErrorCode.PROTOCOL_ERROR, "no HTTP/2 preface"))
            if self._over or len(self._preface) < len(PREFACE):
                return
            self._preface_seen = True
            data = bytes(self._preface[len(PREFACE) :])
            self._preface.clear()
        super().data_received(data)

    # -- of the connection ------------------------------------------------------------------

    def _ours(self, stream_id: int) -> bool:
        return stream_id % 2 == 1 and stream_id <= self._highest_peer_id

    def _stop(self) -> None:
        super()._stop()
        self._stop_head_timer()

    def _forget(self, exchange: H2Exchange) -> None:
        super()._forget(exchange)
        if not self._exchanges:
            self._idle_since = self._loop.time()

    def _receive_new_head(self, stream_id: int, fields: Fields, end: bool) -> None:
        if stream_id % 2 == 0 or stream_id <= self._highest_peer_id:
            super()._receive_new_head(stream_id, fields, end)
            return
        self._highest_peer_id = stream_id
        self._stop_head_timer()
        if self._closing:  # after our GOAWAY: not processed, and the peer knows
            self._reset_ids[stream_id] = None
            return
        if len(self._exchanges) >= MAX_CONCURRENT_STREAMS:
            self._refuse_stream(stream_id, ErrorCode.REFUSED_STREAM)
            return
        try:
            head = parse_request(fields)
            exchange = self._open(stream_id, STRANGER_WINDOW_BYTES)
            self._announce(exchange, head.headers)
        except MalformedHead:
            self._exchanges.pop(stream_id, None)
            self._refuse_stream(stream_id, ErrorCode.PROTOCOL_ERROR)
            return
        self._idle_since = None
        try:
            exchange.handler = self._accept(head, exchange)
        except Exception:  # noqa: BLE001 - it must not end its neighbours
            self._handler_failed(exchange)
            return
        if end and not exchange.over:
            self._receive_end(exchange)

    def _receive_head(self, exchange: H2Exchange, fields: Fields, end: bool) -> None:
        self._receive_trailers(exchange, fields, end)

    # -- time -------------------------------------------------------------------------------

    def _head_begins(self) -> None:
        if self._head_timer is None:
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
        super()._handle_deadline()
