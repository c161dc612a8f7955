"""An HTTP/2 connection over any transport: what client and server have in common (RFC 9113).

The frames are cut by ``h2_frames``, heads are coded by ``h2_heads``, each stream is an
``H2Exchange``. This is where they meet the transport and the clock:

- All that is to be sent in one turn of the event loop leaves in one ``transport.write``. While
  the transport is paused, bodies stay in their exchanges' queues.
- DATA is handed to its handler as it arrives, and acknowledged when the handler says so.
- A peer that is silent is asked for a sign of life, and given up when there is none (``Pulse``).
- Everything that a peer can make us hold or do is bounded in base/limits.

Faults of one stream end that stream (RST_STREAM); faults of the connection end it (GOAWAY).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

from ..base.errors import Broken, PeerFault, Retry, TwError, Unreachable
from ..base.limits import (
    BYTES_PER_WINDOW_UPDATE,
    CONNECTION_WINDOW_BYTES,
    FLUSH_BYTES,
    HTTP_CLOSE_LINGER_S,
    IDLE_FRAMES_BURST,
    IDLE_FRAMES_PER_S,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_BYTES,
    MAX_HEADER_BLOCK_FRAMES,
    MAX_HEADER_BYTES,
    MAX_REMEMBERED_RESETS,
    MAX_WAITING_CONTROL_FRAMES,
    PING_INTERVAL_S,
    PING_TIMEOUT_S,
    RESETS_BURST,
    RESETS_PER_S,
    STREAM_HIGH_WATER_BYTES,
)
from ..wire.http import ResponseHead
from . import h2_frames as frames
from .h2_exchange import H2Exchange, SendTurns
from .h2_frames import ErrorCode, Flag, Frame, FrameReader, H2Fault, Setting
from .h2_heads import (
    Fields,
    HeadDecoder,
    HeadEncoder,
    MalformedHead,
    check_trailers,
    content_length,
)
from .h2_windows import Allowance, ReceiveWindow
from .http import ExchangeHandler
from .pulse import Pulse, Verdict

__all__ = ["H2Connection"]

_log = logging.getLogger("tw.net.h2")

_DEFAULT_WINDOW = 65535
_MAX_WINDOW = 0x7FFFFFFF
_PING = b"tw-alive"


class H2Connection(asyncio.Protocol):
    """Base of H2ClientConnection and H2ServerConnection; not used by itself."""

    http_version = "2"

    def __init__(self, our_settings: dict[Setting, int]) -> None:
        self._our_settings = our_settings
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._over = False
        self._closing = False
        self._paused = False
        self._flush_scheduled = False
        self._control: list[bytes] = []
        self._turns = SendTurns()
        self._exchanges: dict[int, H2Exchange] = {}
        self._finished: list[H2Exchange] = []
        self._reset_ids: dict[int, None] = {}
        self._encoder = HeadEncoder()
        self._decoder = HeadDecoder()
        self._reader = FrameReader(self, MAX_FRAME_BYTES)
        self._window = ReceiveWindow(CONNECTION_WINDOW_BYTES, _DEFAULT_WINDOW)
        self._send_window = _DEFAULT_WINDOW
        self._peer_initial_window = _DEFAULT_WINDOW
        self._peer_max_frame = 16384
        self._peer_max_streams = MAX_CONCURRENT_STREAMS
        self._settings_seen = False
        self._goaway_seen = False
        self._highest_peer_id = 0
        self._body: H2Exchange | None = None  # of the DATA frame that is being read
        self._body_ends = False
        self._block: list[bytes] = []  # HEADERS that wait for their CONTINUATION
        self._block_stream = 0
        self._block_ends_stream = False
        now = self._loop.time()
        self._pulse = Pulse(PING_INTERVAL_S, PING_TIMEOUT_S, now)
        self._idle_frames = Allowance(IDLE_FRAMES_BURST, IDLE_FRAMES_PER_S, now)
        self._resets = Allowance(RESETS_BURST, RESETS_PER_S, now)
        self._timer: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._peercert: bytes | None = None

    # -- the public side --------------------------------------------------------------------

    @property
    def open_exchanges(self) -> int:
        """Exchanges under way."""
        return len(self._exchanges)

    def close(self) -> None:
        """GOAWAY; the transport closes when the last exchange has ended."""
        if not (self._over or self._closing):
            self._closing = True
            self._queue_control(frames.goaway(self._highest_peer_id, ErrorCode.NO_ERROR))

    def abort(self) -> None:
        """Cut the transport; handlers hear of it from the event loop, not from inside this call."""
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
        self._control.append(frames.settings(self._our_settings))
        if credit := self._window.acknowledge(0):
            self._control.append(frames.window_update(0, credit))
        self._flush()
        self._arm_timer()

    def data_received(self, data: bytes) -> None:
        self._pulse.last_received = self._loop.time()
        try:
            self._reader.receive_data(data)
        except H2Fault as fault:
            self._fail(fault)

    def eof_received(self) -> bool:
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
        self._pulse.headway(self._loop.time())
        self._schedule_flush()

    # -- the end of the connection ----------------------------------------------------------

    def _stop(self) -> None:
        self._over = self._reader.stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def _fail(self, fault: H2Fault) -> None:
        """Tell the peer why, and end everything."""
        if self._over:
            return
        _log.info("%s: %s", self.extra_info("peername", "?"), fault)
        self._control.append(frames.goaway(self._highest_peer_id, fault.error_code))
        self._end(fault)

    def _end(self, exc: TwError) -> None:
        self._stop()
        self._close_transport()
        self._lose_all(exc)

    def _close_transport(self) -> None:
        transport = self._transport
        if transport is None:
            return
        if self._control:
            transport.write(b"".join(self._control))
            self._control.clear()
        transport.close()
        if self._linger is None:  # close() waits for a peer that may never read again
            self._linger = self._loop.call_later(HTTP_CLOSE_LINGER_S, transport.abort)

    def _lose_all(self, exc: TwError) -> None:
        self._tell_finished()
        for exchange in list(self._exchanges.values()):
            self._lose(exchange, exc)

    # -- ExchangeOwner ----------------------------------------------------------------------

    def send_response(self, exchange: H2Exchange, head: ResponseHead, end: bool) -> None:
        """Queue the head; the exchange may have ended with it."""
        self._send_head(exchange, self._encoder.encode_response(head), end)

    def has_body(self, exchange: H2Exchange) -> None:
        """Let it take part in the next flush."""
        self._turns.add(exchange)
        if exchange.is_ready:
            self._schedule_flush()

    def give_up(self, exchange: H2Exchange, code: ErrorCode) -> None:
        """Reset the stream. One that has said all it had to say first gets to say so."""
        if exchange.ending and not exchange.unsent_bytes and not exchange.local_ended:
            exchange.local_ended = True
            self._control.append(frames.data_head(0, True, exchange.stream_id))
        if exchange.local_ended and self._highest_peer_id:
            # A server that has answered tells so: the rest of the request is not needed
            # (RFC 9113 section 8.1).
            code = ErrorCode.NO_ERROR
        self._send_reset(exchange.stream_id, code)
        self._forget(exchange)

    def give_credit(self, exchange: H2Exchange, stream_credit: int, count: int) -> None:
        """WINDOW_UPDATE for the stream, and for the connection as due."""
        if stream_credit:
            self._queue_control(frames.window_update(exchange.stream_id, stream_credit))
        if credit := self._window.acknowledge(count):
            self._queue_control(frames.window_update(0, credit))

    def grow_connection_window(self, by: int) -> None:
        """A wide stream that is stuck must not use up its neighbours' window."""
        if credit := self._window.grow(min(self._window.target + by, _MAX_WINDOW)):
            self._queue_control(frames.window_update(0, credit))

    # -- exchanges --------------------------------------------------------------------------

    def _open(self, stream_id: int, window_bytes: int) -> H2Exchange:
        exchange = H2Exchange(self, stream_id, self._peer_initial_window, window_bytes)
        self._exchanges[stream_id] = exchange
        return exchange

    def _send_head(self, exchange: H2Exchange, block: bytes, end: bool) -> None:
        self._queue_control(frames.header_block(exchange.stream_id, block, end, self._peer_max_frame))
        if end:
            exchange.ending = exchange.local_ended = True
            self._settle(exchange)

    def _settle(self, exchange: H2Exchange) -> None:
        """Both directions ended: forget it; its handler is told at the next flush, for we may be
        inside one of its own calls."""
        if exchange.local_ended and exchange.remote_ended and not exchange.over:
            self._forget(exchange)
            self._finished.append(exchange)
            self._schedule_flush()

    def _forget(self, exchange: H2Exchange) -> None:
        exchange.over = True
        exchange.drop_body()
        self._exchanges.pop(exchange.stream_id, None)
        self._drop_received(exchange.receive_window.unacknowledged)

    def _lose(self, exchange: H2Exchange, exc: TwError) -> None:
        if not exchange.over:
            self._forget(exchange)
            self._tell_lost(exchange, exc)

    def _tell_lost(self, exchange: H2Exchange, exc: TwError | None) -> None:
        if exchange.handler is not None:
            try:
                exchange.handler.exchange_lost(exc)
            except Exception:  # noqa: BLE001 - it must not end its neighbours
                _log.exception("a handler failed")

    def _tell_finished(self) -> None:
        finished, self._finished = self._finished, []
        for exchange in finished:
            self._tell_lost(exchange, None)

    def _tell(self, exchange: H2Exchange, call: Callable[[ExchangeHandler], None]) -> None:
        """Call a handler; its own failure ends its exchange and no other."""
        handler = exchange.handler
        if handler is None or exchange.over:
            return
        try:
            call(handler)
        except Exception:  # noqa: BLE001 - it must not end its neighbours
            self._handler_failed(exchange)

    def _handler_failed(self, exchange: H2Exchange) -> None:
        _log.exception("a handler failed")
        if not exchange.over:
            self._send_reset(exchange.stream_id, ErrorCode.INTERNAL_ERROR)
            self._lose(exchange, Broken("internal", "the exchange's handler failed"))

    def _stream_fault(self, exchange: H2Exchange, code: ErrorCode, why: str) -> None:
        """The peer broke the rules on one stream."""
        self._refuse_stream(exchange.stream_id, code)
        self._lose(exchange, PeerFault("bad-http", f"the peer broke HTTP/2: {why}"))

    def _refuse_stream(self, stream_id: int, code: ErrorCode) -> None:
        self._count_reset()
        self._send_reset(stream_id, code)

    def _send_reset(self, stream_id: int, code: ErrorCode) -> None:
        self._reset_ids[stream_id] = None
        if len(self._reset_ids) > MAX_REMEMBERED_RESETS:
            del self._reset_ids[next(iter(self._reset_ids))]
        self._queue_control(frames.rst_stream(stream_id, code))

    def _ours(self, stream_id: int) -> bool:
        """Whether a stream of that number may exist or have existed."""
        raise NotImplementedError

    def _known(self, stream_id: int, what: str) -> H2Exchange | None:
        """The exchange, or None if its frames may be ignored: it is over.

        Raises:
            H2Fault: the stream was never opened.
        """
        exchange = self._exchanges.get(stream_id)
        if exchange is None and not self._ours(stream_id):
            raise H2Fault(ErrorCode.PROTOCOL_ERROR, f"{what} on stream {stream_id}, which is idle")
        return exchange

    # -- bounds -----------------------------------------------------------------------------

    def _count_idle_frame(self) -> None:
        if not self._idle_frames.use(self._loop.time()):
            raise H2Fault(ErrorCode.ENHANCE_YOUR_CALM, "too many frames that carry nothing")

    def _count_reset(self) -> None:
        if not self._resets.use(self._loop.time()):
            raise H2Fault(ErrorCode.ENHANCE_YOUR_CALM, "too many streams reset")

    # -- sending ----------------------------------------------------------------------------

    def _queue_control(self, frame: bytes) -> None:
        if self._over:
            return
        self._control.append(frame)
        if len(self._control) > MAX_WAITING_CONTROL_FRAMES:
            self._loop.call_soon(
                self._fail,
                H2Fault(ErrorCode.ENHANCE_YOUR_CALM, "the peer does not read our answers"),
            )
            self._control.clear()  # of no use any more, and not to be held meanwhile
        if not self._flush_scheduled:
            self._schedule_flush()

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
            self._write_some(transport)
        self._tell_finished()
        if self._closing and not self._exchanges:
            self._stop()
            self._close_transport()

    def _write_some(self, transport: asyncio.Transport) -> None:
        parts: list[bytes | memoryview] = list(self._control)
        self._control.clear()
        taken, progressed = self._turns.take(FLUSH_BYTES, self._send_window, self._peer_max_frame, parts)
        if not parts:
            return
        self._send_window -= taken
        transport.write(parts[0] if len(parts) == 1 else b"".join(parts))
        if taken:
            self._idle_frames.earn(2 + taken / BYTES_PER_WINDOW_UPDATE)
        if self._turns and self._send_window > 0:
            self._schedule_flush()
        for exchange in progressed:
            self._tell(exchange, _body_progressed)
            self._settle(exchange)

    # -- FrameSink: DATA --------------------------------------------------------------------

    def data_begins(self, stream_id: int, length: int, end_stream: bool) -> None:
        """Check the rules and the windows; ``_body`` is None when the payload is to be dropped."""
        if self._block or not self._settings_seen:
            self._out_of_place("DATA")
        exchange = self._known(stream_id, "DATA")
        if not self._window.receive(length):
            raise H2Fault(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the connection's window")
        self._body, self._body_ends = exchange, end_stream
        if not length and not end_stream:
            self._count_idle_frame()
        if exchange is None:
            if stream_id not in self._reset_ids:
                self._refuse_stream(stream_id, ErrorCode.STREAM_CLOSED)
        elif exchange.remote_ended:
            self._body = None
            self._stream_fault(exchange, ErrorCode.STREAM_CLOSED, "DATA after the end of a stream")
        elif not exchange.receive_window.receive(length):
            # Not the exchange's to give back: _forget must see only what its handler holds.
            exchange.receive_window.unacknowledged -= length
            self._body = None
            self._stream_fault(
                exchange,
                ErrorCode.FLOW_CONTROL_ERROR,
                "more DATA than the stream's window",
            )

    def data_piece(self, data: bytes) -> None:
        """Hand it on."""
        exchange = self._body
        if exchange is None or exchange.over:
            # Bytes of an exchange that ended within this frame were given back by _forget.
            if exchange is None:
                self._drop_received(len(data))
            return
        if exchange.content_left is not None:
            exchange.content_left -= len(data)
            if exchange.content_left < 0:
                self._stream_fault(exchange, ErrorCode.PROTOCOL_ERROR, "more body than announced")
                return
        try:
            exchange.handler.body_received(data)  # type: ignore[union-attr]
        except Exception:  # noqa: BLE001 - it must not end its neighbours
            self._handler_failed(exchange)

    def data_padding(self, count: int) -> None:
        """Padding needs no handler to be handed on."""
        exchange = self._body
        if exchange is None:
            self._drop_received(count)
        elif not exchange.over:
            exchange.acknowledge(count)

    def data_ends(self) -> None:
        """END_STREAM takes effect behind the last byte."""
        exchange, self._body = self._body, None
        if self._body_ends and exchange is not None and not exchange.over:
            self._receive_end(exchange)

    def _drop_received(self, count: int) -> None:
        if count and (credit := self._window.acknowledge(count)):
            self._queue_control(frames.window_update(0, credit))

    def _receive_end(self, exchange: H2Exchange) -> None:
        if exchange.content_left:
            self._stream_fault(exchange, ErrorCode.PROTOCOL_ERROR, "less body than announced")
            return
        exchange.remote_ended = True
        self._tell(exchange, _body_ended)
        self._settle(exchange)

    # -- FrameSink: all other frames --------------------------------------------------------

    def frame_received(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        """Dispatch."""
        if self._block and kind != Frame.CONTINUATION:
            self._out_of_place(str(kind))
        if not self._settings_seen and (kind != Frame.SETTINGS or flags & Flag.ACK):
            self._out_of_place(str(kind))
        if kind == Frame.WINDOW_UPDATE:
            self._receive_window_update(stream_id, payload)
        elif kind == Frame.HEADERS:
            self._receive_headers(flags, stream_id, payload)
        elif kind == Frame.CONTINUATION:
            self._receive_continuation(flags, stream_id, payload)
        elif kind == Frame.RST_STREAM:
            self._receive_reset(stream_id, payload)
        elif kind == Frame.SETTINGS:
            self._receive_settings(flags, stream_id, payload)
        elif kind == Frame.PING:
            self._receive_ping(flags, stream_id, payload)
        elif kind == Frame.GOAWAY:
            self._receive_goaway(stream_id, payload)
        elif kind == Frame.PUSH_PROMISE:
            self._out_of_place("PUSH_PROMISE")
        else:  # PRIORITY (RFC 9113 section 5.3.2: no effect) and types that we do not know
            self._count_idle_frame()
            if kind == Frame.PRIORITY and len(payload) != 5:
                raise H2Fault(ErrorCode.FRAME_SIZE_ERROR, f"PRIORITY of {len(payload)} bytes")

    def _out_of_place(self, what: str) -> None:
        raise H2Fault(ErrorCode.PROTOCOL_ERROR, f"frame {what} out of place")

    def _receive_window_update(self, stream_id: int, payload: bytes) -> None:
        self._count_idle_frame()
        increment = frames.parse_u32(payload, "WINDOW_UPDATE") & _MAX_WINDOW
        if stream_id == 0:
            self._send_window += increment
            if not increment or self._send_window > _MAX_WINDOW:
                raise H2Fault(
                    ErrorCode.FLOW_CONTROL_ERROR,
                    f"connection window grown by {increment}",
                )
            if self._turns:
                self._schedule_flush()
            return
        exchange = self._known(stream_id, "WINDOW_UPDATE")
        if exchange is None:
            return
        exchange.send_window += increment
        if not increment or exchange.send_window > _MAX_WINDOW:
            code = ErrorCode.FLOW_CONTROL_ERROR if increment else ErrorCode.PROTOCOL_ERROR
            self._stream_fault(exchange, code, f"stream window grown by {increment}")
            return
        self.has_body(exchange)

    def _receive_reset(self, stream_id: int, payload: bytes) -> None:
        code = frames.parse_u32(payload, "RST_STREAM")
        self._count_reset()
        exchange = self._known(stream_id, "RST_STREAM")
        if exchange is not None:
            refused = code == ErrorCode.REFUSED_STREAM  # nothing was done: RFC 9113 section 8.7
            self._lose(
                exchange,
                Unreachable(
                    "stream-reset",
                    f"the peer reset the stream ({ErrorCode.name_of(code)})",
                    retry=Retry.NOW if refused else Retry.BACKOFF,
                ),
            )

    def _receive_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        self._count_idle_frame()
        if stream_id:
            self._out_of_place("SETTINGS")
        if flags & Flag.ACK:
            if payload:
                raise H2Fault(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS acknowledged with a payload")
            return
        self._settings_seen = True
        for number, value in frames.parse_settings(payload):
            if number == Setting.INITIAL_WINDOW_SIZE:
                self._resize_windows(value)
            elif number == Setting.MAX_FRAME_SIZE:
                self._peer_max_frame = value
            elif number == Setting.MAX_CONCURRENT_STREAMS:
                self._peer_max_streams = value
            elif number == Setting.HEADER_TABLE_SIZE:
                self._encoder.limit_table(value)
        self._queue_control(frames.frame(Frame.SETTINGS, Flag.ACK, 0))

    def _resize_windows(self, value: int) -> None:
        change, self._peer_initial_window = value - self._peer_initial_window, value
        for exchange in self._exchanges.values():
            exchange.send_window += change
            if exchange.send_window > _MAX_WINDOW:
                raise H2Fault(ErrorCode.FLOW_CONTROL_ERROR, "SETTINGS made a window too large")
            self.has_body(exchange)

    def _receive_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        self._count_idle_frame()
        if stream_id:
            self._out_of_place("PING")
        if len(payload) != 8:
            raise H2Fault(ErrorCode.FRAME_SIZE_ERROR, f"PING of {len(payload)} bytes")
        if not flags & Flag.ACK:  # an answer to ours has told all by arriving
            self._queue_control(frames.frame(Frame.PING, Flag.ACK, 0, payload))

    def _receive_goaway(self, stream_id: int, payload: bytes) -> None:
        if stream_id or len(payload) < 8:
            self._out_of_place("GOAWAY")
        self._count_idle_frame()
        last = int.from_bytes(payload[:4], "big") & _MAX_WINDOW
        code = int.from_bytes(payload[4:8], "big")
        if code:
            _log.info(
                "%s: GOAWAY %s",
                self.extra_info("peername", "?"),
                ErrorCode.name_of(code),
            )
        self._goaway_seen = True
        self._peer_goes_away(last, code)

    def _peer_goes_away(self, last_stream_id: int, code: int) -> None:
        """Streams of ours above ``last_stream_id`` were not processed."""

    # -- heads ------------------------------------------------------------------------------

    def _receive_headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        block = frames.unpad(flags, payload)
        if flags & Flag.PRIORITY:
            if len(block) < 5:
                raise H2Fault(ErrorCode.FRAME_SIZE_ERROR, "HEADERS too short for its priority")
            block = block[5:]
        self._block_stream = stream_id
        self._block_ends_stream = bool(flags & Flag.END_STREAM)
        self._add_to_block(flags, block)

    def _receive_continuation(self, flags: int, stream_id: int, payload: bytes) -> None:
        if not self._block or stream_id != self._block_stream:
            self._out_of_place("CONTINUATION")
        self._add_to_block(flags, payload)

    def _add_to_block(self, flags: int, payload: bytes) -> None:
        self._block.append(payload)
        if len(self._block) > MAX_HEADER_BLOCK_FRAMES or sum(map(len, self._block)) > MAX_HEADER_BYTES:
            raise H2Fault(ErrorCode.ENHANCE_YOUR_CALM, "message head too long")
        if not flags & Flag.END_HEADERS:
            self._head_begins()
            return
        block = b"".join(self._block)
        self._block.clear()
        fields = self._decoder.decode(block)  # in any case: the table must stay in step
        exchange = self._exchanges.get(self._block_stream)
        if exchange is None:
            self._receive_new_head(self._block_stream, fields, self._block_ends_stream)
            return
        if exchange.remote_ended:
            self._stream_fault(exchange, ErrorCode.STREAM_CLOSED, "HEADERS after the end of a stream")
            return
        try:
            self._receive_head(exchange, fields, self._block_ends_stream)
        except MalformedHead as exc:
            self._stream_fault(exchange, ErrorCode.PROTOCOL_ERROR, str(exc))

    def _head_begins(self) -> None:
        """A head is under way that needs another frame."""

    def _receive_new_head(self, stream_id: int, fields: Fields, end: bool) -> None:
        """A head on a stream that is not open."""
        if not self._ours(stream_id):
            self._out_of_place("HEADERS")
        if stream_id not in self._reset_ids:
            raise H2Fault(
                ErrorCode.STREAM_CLOSED,
                f"HEADERS on stream {stream_id}, which is closed",
            )

    def _receive_head(self, exchange: H2Exchange, fields: Fields, end: bool) -> None:
        """A head on an open stream. Raises MalformedHead."""
        raise NotImplementedError

    def _receive_trailers(self, exchange: H2Exchange, fields: Fields, end: bool) -> None:
        check_trailers(fields)
        if not end:
            raise MalformedHead("trailers that end nothing")
        self._receive_end(exchange)

    def _announce(self, exchange: H2Exchange, headers: tuple[tuple[str, str], ...]) -> None:
        exchange.content_left = content_length(headers)

    # -- time -------------------------------------------------------------------------------

    def _arm_timer(self) -> None:
        self._timer = self._loop.call_at(self._pulse.next_deadline(), self._handle_deadline)

    def _handle_deadline(self) -> None:
        now = self._loop.time()
        match self._pulse.handle_deadline(now):
            case Verdict.ASK:
                self._queue_control(frames.frame(Frame.PING, 0, 0, _PING))
            case Verdict.DEAD:
                self._give_up_peer()
                return
            case Verdict.WAIT:
                pass
        self._arm_timer()

    def _give_up_peer(self) -> None:
        silence = PING_INTERVAL_S + PING_TIMEOUT_S
        exc = Unreachable(
            "link-lost",
            f"the peer has been silent for {silence:g} s",
            where=self._where(),
        )
        self._stop()
        if self._transport is not None:
            self._transport.abort()
        self._lose_all(exc)

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
    why = "the connection was closed" if exc is None else f"the connection was lost ({exc})"
    return Unreachable("link-lost", why)
