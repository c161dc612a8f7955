"""An HTTP/1.1 connection over any transport: what client and server have in common (RFC 9112).

The heads are read and written by ``h1_heads``, the bodies framed by ``h1_body``. One exchange at a
time is under way, full duplex: its response may begin, and end, before the request has ended.

- All that is to be sent in one turn of the event loop leaves in one ``transport.write``, a chunked
  body as one chunk. While the transport is paused, the body stays in its queue.
- A body is handed to its handler as it arrives; while more than the exchange's window is not
  acknowledged, the transport is not read.
- A fault, a reset, or the peer's end in the middle of an exchange ends the connection: HTTP/1.1 has
  no other way to end an exchange.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

from ..base.errors import Broken, TwError, Unreachable
from ..base.limits import (
    FLUSH_BYTES,
    HTTP_CLOSE_LINGER_S,
    MAX_HEADER_BYTES,
    MAX_PIPELINED_BYTES,
    STREAM_HIGH_WATER_BYTES,
)
from ..wire.http import ResponseHead
from .h1_exchange import H1Exchange
from .h1_heads import H1Fault, find_fault
from .http import ExchangeHandler

__all__ = ["H1Connection"]

_log = logging.getLogger("tw.net.h1")

_HEAD_END = b"\r\n\r\n"


class H1Connection(asyncio.Protocol):
    """Base of H1ClientConnection and H1ServerConnection; not used by itself."""

    http_version = "1.1"

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._over = False
        self._closing = False  # no exchange after the one under way
        self._paused = False
        self._reading_paused = False
        self._flush_scheduled = False
        self._out: list[bytes | memoryview] = []  # heads, in front of the body
        self._exchange: H1Exchange | None = None
        self._finished: list[H1Exchange] = []
        self._held = b""  # received and not yet used: an incomplete head, or requests that wait
        self._held_at = 0
        self._checked = 0  # bytes of an incomplete head that were looked at
        self._linger: asyncio.TimerHandle | None = None
        self._peercert: bytes | None = None

    # -- the public side --------------------------------------------------------------------

    @property
    def open_exchanges(self) -> int:
        """Exchanges under way."""
        return 0 if self._exchange is None else 1

    def close(self) -> None:
        """No new exchanges; the transport closes when the one under way has ended."""
        if not (self._over or self._closing):
            self._closing = True
            self._schedule_flush()

    def abort(self) -> None:
        """Cut the transport; the handler hears of it from the event loop, not from inside this call."""
        if self._transport is not None:
            self._transport.abort()

    def extra_info(self, name: str, default: Any) -> Any:
        """See Exchange.get_extra_info; also ``peercert_der``."""
        if name == "http_version":
            return self.http_version
        if self._transport is None:
            return default
        if name == "peercert_der":
            tls = self._transport.get_extra_info("ssl_object")
            if self._peercert is None and tls is not None:
                self._peercert = tls.getpeercert(binary_form=True)
            return default if self._peercert is None else self._peercert
        return self._transport.get_extra_info(name, default)

    # -- asyncio.Protocol -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        # What the transport holds is in front of everything that comes after it.
        self._transport.set_write_buffer_limits(high=STREAM_HIGH_WATER_BYTES)

    def data_received(self, data: bytes) -> None:
        if self._over:
            return
        if self._held:
            data = self._held[self._held_at :] + data
        self._consume(data, 0)

    def eof_received(self) -> bool:
        if not self._over:
            self._receive_eof()
            self._close_transport()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        if self._linger is not None:
            self._linger.cancel()
        self._transport = None
        self._lose_all(_lost(exc))

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._schedule_flush()

    # -- the end of the connection ----------------------------------------------------------

    def _receive_eof(self) -> None:
        """The peer sends nothing more; the transport is closed after this."""
        raise NotImplementedError

    def _fail(self, fault: H1Fault) -> None:
        """The peer broke the protocol."""
        raise NotImplementedError

    def _stop(self) -> None:
        """Nothing is received or sent from here on."""
        self._over = True
        self._held = b""

    def _close_transport(self) -> None:
        """End in order: what is queued leaves first."""
        self._stop()
        transport = self._transport
        if transport is None:
            return
        self._write_out(transport)
        transport.close()
        self._arm_linger()  # close() waits for a peer that may never read again

    def _abort_transport(self) -> None:
        self._stop()
        if self._transport is not None:
            self._transport.abort()

    def _arm_linger(self) -> None:
        if self._linger is None and self._transport is not None:
            self._linger = self._loop.call_later(HTTP_CLOSE_LINGER_S, self._transport.abort)

    def _lose_all(self, exc: TwError) -> None:
        self._tell_finished()
        if self._exchange is not None:
            self._lose(self._exchange, exc)

    # -- ExchangeOwner ----------------------------------------------------------------------

    def send_response(self, exchange: H1Exchange, head: ResponseHead, end: bool) -> None:
        """Queue the head; only a server does."""
        raise NotImplementedError

    def has_body(self, exchange: H1Exchange) -> None:
        """Send it with the next flush."""
        if not self._flush_scheduled:
            self._schedule_flush()

    def give_up(self, exchange: H1Exchange) -> None:
        """End the connection with the exchange. One that has said all it had to say first gets to
        say so."""
        is_said, exchange_ended = exchange.is_said, exchange.remote_ended
        if is_said and not exchange.local_ended and exchange.writer is not None:
            exchange.writer.take(0, self._out)
        self._forget(exchange)
        if is_said:
            self._leave(exchange_ended)
        else:
            self._abort_transport()

    def _leave(self, peer_is_done: bool) -> None:
        """End the connection so that our last bytes arrive.

        Args:
            peer_is_done: it sends nothing that we would not read.
        """
        self._close_transport()

    def window_changed(self) -> None:
        """Read on if there is room again."""
        if self._reading_paused:
            self._update_reading()

    # -- exchanges --------------------------------------------------------------------------

    def _settle(self, exchange: H1Exchange) -> None:
        """Both directions ended: forget it; its handler is told at the next flush, for we may be
        inside one of its own calls."""
        if exchange.local_ended and exchange.remote_ended and not exchange.over:
            self._forget(exchange)
            self._closing = self._closing or exchange.closes
            self._finished.append(exchange)
            self._schedule_flush()

    def _forget(self, exchange: H1Exchange) -> None:
        exchange.finish()
        self._exchange = None

    def _lose(self, exchange: H1Exchange, exc: TwError) -> None:
        if not exchange.over:
            self._forget(exchange)
            self._tell_lost(exchange, exc)

    def _tell_lost(self, exchange: H1Exchange, exc: TwError | None) -> None:
        if exchange.handler is not None:
            try:
                exchange.handler.exchange_lost(exc)
            except Exception:  # noqa: BLE001 - the connection goes on
                _log.exception("a handler failed")

    def _tell_finished(self) -> None:
        finished, self._finished = self._finished, []
        for exchange in finished:
            self._tell_lost(exchange, None)

    def _tell(self, exchange: H1Exchange, call: Callable[[ExchangeHandler], None]) -> None:
        """Call a handler; its own failure ends its exchange."""
        if exchange.handler is None or exchange.over:
            return
        try:
            call(exchange.handler)
        except Exception:  # noqa: BLE001 - it must not reach the transport
            self._handler_failed(exchange)

    def _handler_failed(self, exchange: H1Exchange) -> None:
        _log.exception("a handler failed")
        if not exchange.over:
            self._lose(exchange, Broken("internal", "the exchange's handler failed"))
            self._abort_transport()

    # -- receiving --------------------------------------------------------------------------

    @property
    def _expects_head(self) -> bool:
        """Whether what comes next is a head for us."""
        raise NotImplementedError

    def _receive_head(self, block: bytes) -> None:
        """A head is complete; it is given without the empty line at its end. Raises H1Fault."""
        raise NotImplementedError

    def _head_begins(self) -> None:
        """A head is under way, and incomplete."""

    def _receive_surplus(self, data: bytes, pos: int) -> int:
        """Bytes that are neither body nor head for now. Returns where those to be held begin."""
        raise NotImplementedError

    def _consume(self, data: bytes, pos: int) -> None:
        """Use what can be used of ``data[pos:]``; hold the rest."""
        self._held = b""
        try:
            while pos < len(data) and not self._over:
                exchange = self._exchange
                if exchange is not None and exchange.reader is not None and not exchange.remote_ended:
                    pos = self._receive_body(exchange, data, pos)
                elif self._expects_head:
                    before, pos = pos, self._take_head(data, pos)
                    if pos == before:
                        break
                else:
                    pos = self._receive_surplus(data, pos)
                    break
        except H1Fault as fault:
            self._fail(fault)
        if not self._over:
            if pos < len(data):
                self._held, self._held_at = data, pos
            self._update_reading()

    def _take_head(self, data: bytes, pos: int) -> int:
        """Returns where the head ends, or ``pos`` if it is incomplete."""
        limit = pos + MAX_HEADER_BYTES
        end = data.find(_HEAD_END, pos + max(0, self._checked - 3), limit)
        if end < 0:
            if len(data) >= limit:
                raise H1Fault("message head too long", 431)
            if find_fault(data, pos + max(0, self._checked - 1)):
                raise H1Fault("a byte that no head may contain")
            self._checked = len(data) - pos
            self._head_begins()
            return pos
        self._checked = 0
        self._receive_head(data[pos:end])
        return end + len(_HEAD_END)

    def _receive_body(self, exchange: H1Exchange, data: bytes, pos: int) -> int:
        reader = exchange.reader
        assert reader is not None
        piece, pos = reader.receive_data(data, pos)
        if piece:
            exchange.unacknowledged += len(piece)
            try:
                exchange.handler.body_received(piece)  # type: ignore[union-attr]
            except Exception:  # noqa: BLE001 - it must not reach the transport
                self._handler_failed(exchange)
        if reader.ended and not exchange.over:
            self._receive_end(exchange)
        return pos

    def _receive_end(self, exchange: H1Exchange) -> None:
        exchange.remote_ended = True
        self._tell(exchange, _body_ended)
        self._settle(exchange)

    def _update_reading(self) -> None:
        """Stop reading while too much is held, here or by the handler."""
        transport, exchange = self._transport, self._exchange
        if transport is None or self._over:
            return
        full = len(self._held) - self._held_at > MAX_PIPELINED_BYTES if self._held else False
        if exchange is not None and not full:
            window = exchange.window_bytes
            if self._reading_paused:  # not for each small piece that is acknowledged
                window -= window // 8
            full = exchange.unacknowledged > window
        if full != self._reading_paused:
            self._reading_paused = full
            if full:
                transport.pause_reading()
            else:
                transport.resume_reading()

    # -- sending ----------------------------------------------------------------------------

    def _schedule_flush(self) -> None:
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_scheduled = False
        transport = self._transport
        if self._over or transport is None:
            self._tell_finished()
            return
        if not self._paused:
            self._write_some(transport, FLUSH_BYTES)
        self._tell_finished()
        if self._reading_paused:  # perhaps by an exchange that is over
            self._update_reading()
        if self._closing and self._exchange is None and not self._over:
            self._close_transport()

    def _write_some(self, transport: asyncio.Transport, room: int) -> None:
        """Hand on the heads, and up to ``room`` bytes of the body."""
        exchange = self._exchange
        writer = None if exchange is None else exchange.writer
        if exchange is None or writer is None or exchange.local_ended or not writer.has_something:
            self._write_out(transport)
            return
        writer.take(room, self._out)
        exchange.local_ended = exchange.is_said
        self._write_out(transport)
        if writer.unsent_bytes:
            self._schedule_flush()
        if not exchange.ends_with_head:
            self._tell(exchange, _body_progressed)
        self._settle(exchange)

    def _write_out(self, transport: asyncio.Transport) -> None:
        parts = self._out
        if parts:
            data = parts[0] if len(parts) == 1 else b"".join(parts)
            parts.clear()
            transport.write(data)

    def _where(self) -> str:
        peer = self.extra_info("peername", None)
        return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else ""


def _body_progressed(handler: ExchangeHandler) -> None:
    handler.body_progressed()


def _body_ended(handler: ExchangeHandler) -> None:
    handler.body_ended()


def _lost(exc: Exception | None) -> TwError:
    if isinstance(exc, TwError):
        return exc
    words = (exc.strerror if isinstance(exc, OSError) else None) or exc
    why = "the connection was closed" if exc is None else f"the connection was lost ({words})"
    return Unreachable("link-lost", why)
