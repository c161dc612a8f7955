"""HTTP/1.1, the server's side: requests in, responses out, in order.

    head -> accept() -> body and response, both at once -> the next head, or the end

Requests that come before the one in front of them is over (pipelining) wait as bytes. What a
client that breaks HTTP is told is what Go's server says, and then the connection ends.
"""

from __future__ import annotations

import asyncio
import logging

from ..base.errors import Broken, TwError, Unreachable
from ..base.limits import (
    HEAD_TIMEOUT_S,
    HTTP_IDLE_TIMEOUT_S,
    MAX_REFUSED_BODY_BYTES,
    STRANGER_WINDOW_BYTES,
)
from ..wire.http import ResponseHead
from .h1_body import BodyReader, BodyWriter
from .h1_connection import H1Connection
from .h1_exchange import H1Exchange
from .h1_heads import H1Fault, fault_response, format_response, parse_request
from .http import AcceptExchange

__all__ = ["H1ServerConnection"]

_log = logging.getLogger("tw.net.h1")

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class H1ServerConnection(H1Connection):
    """Serves one connection.

    Args:
        accept: called for each request head.
    """

    def __init__(self, accept: AcceptExchange) -> None:
        super().__init__()
        self._accept = accept
        self._blank_line_seen = False
        self._head_pending = True
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._discarded_bytes = 0

    # -- asyncio.Protocol -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._set_due(HEAD_TIMEOUT_S)

    def data_received(self, data: bytes) -> None:
        if self._over:
            self._discard(len(data))
            return
        super().data_received(data)
        self._touch()

    # -- exchanges --------------------------------------------------------------------------

    @property
    def _expects_head(self) -> bool:
        return self._exchange is None and not self._closing

    def _take_head(self, data: bytes, pos: int) -> int:
        if not self._blank_line_seen and data.startswith(b"\r\n", pos):
            self._blank_line_seen = True  # one is forgiven: RFC 9112 section 2.2
            return pos + 2
        return super()._take_head(data, pos)

    def _receive_head(self, block: bytes) -> None:
        scheme = "http" if self.extra_info("ssl_object", None) is None else "https"
        request = parse_request(block, scheme)
        self._blank_line_seen = self._head_pending = False
        self._due = None
        exchange = H1Exchange(self, request.head.method, STRANGER_WINDOW_BYTES)
        exchange.reader = BodyReader(request.body)
        exchange.is_http10 = request.is_http10
        exchange.closes = request.head.close_connection
        exchange.awaits_continue = request.expects_continue
        self._exchange = exchange
        try:
            exchange.handler = self._accept(request.head, exchange)
        except Exception:  # noqa: BLE001 - it must not reach the transport
            self._handler_failed(exchange)
            return
        if exchange.over:
            return
        self._say_continue(exchange)
        if exchange.reader.ended:
            self._receive_end(exchange)

    def send_response(self, exchange: H1Exchange, head: ResponseHead, end: bool) -> None:
        """Queue the head; a refusal decides what becomes of the request's body."""
        reader = exchange.reader
        assert reader is not None
        is_refused = end and head.status >= 400 and not reader.ended
        # The client may or may not send the body now that it waited for our word about; or it
        # sends more than we would read (RFC 9110 section 10.1.1, RFC 9112 section 9.3).
        leaves = is_refused and (exchange.awaits_continue or reader.exceeds(MAX_REFUSED_BODY_BYTES))
        closes = exchange.closes or self._closing or leaves
        block, framing = format_response(
            head, method=exchange.method, is_http10=exchange.is_http10, closes=closes, end=end
        )
        if not is_refused:
            self._say_continue(exchange)
        exchange.is_refused, exchange.leaves, exchange.closes = is_refused, leaves, closes
        exchange.awaits_continue = False
        exchange.writer = BodyWriter(framing)
        self._out.append(block)
        if end:
            exchange.ends_with_head = True
            exchange.writer.end()
        self._schedule_flush()

    def _say_continue(self, exchange: H1Exchange) -> None:
        if exchange.awaits_continue:
            exchange.awaits_continue = False
            self._out.append(_CONTINUE)
            self._schedule_flush()

    def _handler_failed(self, exchange: H1Exchange) -> None:
        if exchange.over or exchange.writer is not None:
            super()._handler_failed(exchange)
            return
        _log.exception("a handler failed")
        self._end_with(500, Broken("internal", "the exchange's handler failed"))

    # -- receiving --------------------------------------------------------------------------

    def _receive_body(self, exchange: H1Exchange, data: bytes, pos: int) -> int:
        start, pos = pos, super()._receive_body(exchange, data, pos)
        if exchange.is_refused and not exchange.over:
            exchange.thrown_bytes += pos - start
            if exchange.thrown_bytes > MAX_REFUSED_BODY_BYTES:
                self._leave_request(exchange, _unread())
        return pos

    def _receive_surplus(self, data: bytes, pos: int) -> int:
        """Requests that wait; none will be answered if this is the last exchange."""
        exchange = self._exchange
        return len(data) if self._closing or (exchange is not None and exchange.closes) else pos

    def _head_begins(self) -> None:
        if not self._head_pending:
            self._head_pending = True
            self._set_due(HEAD_TIMEOUT_S)

    def _fail(self, fault: H1Fault) -> None:
        _log.info("%s: %s", self._where() or "?", fault)
        self._end_with(fault.status, fault)

    def _receive_eof(self) -> None:
        """What is complete is still answered: the client may have ended its direction alone."""
        transport = self._transport
        assert transport is not None
        while True:
            exchange = self._exchange
            if exchange is not None and exchange.writer is not None and exchange.writer.ending:
                self._write_some(transport, exchange.unsent_bytes)
            if self._exchange is not None or self._closing or not self._held:
                break
            self._consume(self._held, self._held_at)
            if self._exchange is None:  # an incomplete head, or a fault
                break
        why = "the peer closed the connection in the middle of the exchange"
        self._lose_all(Unreachable("link-lost", why, where=self._where()))

    # -- sending ----------------------------------------------------------------------------

    def _flush(self) -> None:
        super()._flush()
        exchange = self._exchange
        if exchange is not None and exchange.leaves and exchange.local_ended:
            self._leave_request(exchange, _unread())
        if not self._over and exchange is None and self._held:
            self._consume(self._held, self._held_at)
        self._touch()

    # -- the end of the connection ----------------------------------------------------------

    def _stop(self) -> None:
        super()._stop()
        self._due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_with(self, status: int, exc: TwError) -> None:
        """Say so, if there is no response that it would end up in; and end."""
        exchange = self._exchange
        if exchange is not None and exchange.is_said:
            self._leave_request(exchange, exc)
            return
        if exchange is not None and exchange.writer is not None:
            self._abort_transport()
        else:
            self._out.append(fault_response(status))
            self._leave(peer_is_done=False)
        self._lose_all(exc)

    def _leave_request(self, exchange: H1Exchange, exc: TwError) -> None:
        """Its answer is out, its body is of no use."""
        if exchange.writer is not None and not exchange.local_ended:
            exchange.writer.take(0, self._out)
        self._leave(peer_is_done=False)
        self._lose_all(exc)

    def _leave(self, peer_is_done: bool) -> None:
        """End our direction, and throw away for a moment what still comes: closing at once would
        reset the connection, and the peer might never see our last bytes (RFC 9112 section 9.6)."""
        transport = self._transport
        # TLS cannot end one direction alone; but its close() reads on until the peer has closed.
        if peer_is_done or transport is None or not transport.can_write_eof():
            self._close_transport()
            return
        self._stop()
        self._write_out(transport)
        transport.write_eof()
        if self._reading_paused:
            self._reading_paused = False
            transport.resume_reading()
        self._arm_linger()

    def _discard(self, count: int) -> None:
        self._discarded_bytes += count
        if self._discarded_bytes > MAX_REFUSED_BODY_BYTES and self._transport is not None:
            self._transport.abort()

    # -- time -------------------------------------------------------------------------------

    def _touch(self) -> None:
        """Something moved: a connection that waits for nothing but the peer has its time again."""
        exchange = self._exchange
        if self._over or (self._head_pending and exchange is None):
            return
        if exchange is None or (exchange.writer is not None and exchange.writer.ending):
            self._set_due(HTTP_IDLE_TIMEOUT_S)

    def _set_due(self, seconds: float) -> None:
        self._due = self._loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= self._due:
                return  # it looks again when it fires: most deadlines only move on
            self._timer.cancel()
        self._timer = self._loop.call_at(self._due, self._handle_deadline)

    def _handle_deadline(self) -> None:
        self._timer = None
        if self._due is None:
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._handle_deadline)
            return
        if self._exchange is None:
            self._close_transport()
        else:
            self._abort_transport()
        self._lose_all(Unreachable("timeout", "the peer did nothing for too long", where=self._where()))


def _unread() -> TwError:
    return Unreachable("stream-reset", "a refused request was not read to its end")
