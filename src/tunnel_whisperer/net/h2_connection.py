"""An HTTP/2 connection: what client and server have in common (RFC 9113).

The frames are cut by ``h2_frames``, heads are put together by ``h2_blocks`` and coded by
``h2_heads``, each stream is an ``H2Exchange``, what is to be sent waits in an ``Outbox``, and
``H2Life`` is the connection's life on its transport. This is where they meet:

- DATA is handed to its handler as it arrives, and acknowledged when the handler says so.
- Everything that a peer can make us hold or do is bounded in base/limits.

Faults of one stream end that stream (RST_STREAM); faults of the connection end it (GOAWAY).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from ..base.errors import Broken, PeerFault, Retry, TwError, Unreachable
from ..base.limits import CONNECTION_WINDOW_BYTES, MAX_CONCURRENT_STREAMS, MAX_FRAME_BYTES
from ..wire.http import ResponseHead
from . import h2_frames as frames
from .h2_blocks import BlockReader, HeaderBlock
from .h2_exchange import H2Exchange
from .h2_frames import ErrorCode, Flag, Frame, FrameReader, H2Fault, Setting
from .h2_heads import Fields, HeadDecoder, HeadEncoder, MalformedHead, check_trailers
from .h2_life import H2Life
from .h2_windows import ReceiveWindow
from .http import ExchangeHandler

__all__ = ["H2Connection"]

_log = logging.getLogger("tw.net.h2")

_DEFAULT_WINDOW = 65535
_MAX_WINDOW = 0x7FFFFFFF

_PRESUMED_STREAMS = 100
"""Streams that a peer takes before it has told: what RFC 9113 section 6.5.2 asks it to take."""


class H2Connection(H2Life):
    """Base of H2ClientConnection and H2ServerConnection; not used by itself."""

    def __init__(self, our_settings: dict[Setting, int]) -> None:
        super().__init__()
        self._our_settings = our_settings
        self._exchanges: dict[int, H2Exchange] = {}
        self._finished: list[H2Exchange] = []
        self._encoder = HeadEncoder()
        self._decoder = HeadDecoder()
        self._reader = FrameReader(self, MAX_FRAME_BYTES)
        self._blocks = BlockReader()
        self._window = ReceiveWindow(CONNECTION_WINDOW_BYTES, _DEFAULT_WINDOW)
        self._promised_bytes = 0  # what the windows of all streams add up to
        self._peer_initial_window = _DEFAULT_WINDOW
        self._peer_max_streams = _PRESUMED_STREAMS
        self._settings_seen = False
        self._body: H2Exchange | None = None  # of the DATA frame that is being read
        self._body_ends = False

    @property
    def open_exchanges(self) -> int:
        """Exchanges under way."""
        return len(self._exchanges)

    # -- of H2Life --------------------------------------------------------------------------

    def _greeting(self) -> Iterator[bytes]:
        yield frames.settings(self._our_settings)
        if credit := self._window.acknowledge(0):
            yield frames.window_update(0, credit)

    def _receive(self, data: bytes) -> None:
        self._reader.receive_data(data)

    def _stop(self) -> None:
        super()._stop()
        self._reader.stopped = True

    def _progressed(self, exchange: H2Exchange) -> None:
        self._tell(exchange, _body_progressed)
        self._settle(exchange)

    def _tell_finished(self) -> None:
        finished, self._finished = self._finished, []
        for exchange in finished:
            self._tell_lost(exchange, None)

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
        if self._out.add(exchange):
            self._schedule_flush()

    def give_up(self, exchange: H2Exchange, code: ErrorCode) -> None:
        """Reset the stream. One that has said all it had to say first gets to say so."""
        if exchange.ending and not exchange.unsent_bytes and not exchange.local_ended:
            exchange.local_ended = True
            self._queue_control(frames.data_head(0, True, exchange.stream_id))
        self._send_reset(exchange.stream_id, code)
        self._forget(exchange)

    def give_credit(self, exchange: H2Exchange, stream_credit: int, count: int) -> None:
        """WINDOW_UPDATE for the stream, and for the connection as due."""
        if stream_credit:
            self._queue_control(frames.window_update(exchange.stream_id, stream_credit))
        self._give_back(count)

    def promise(self, by: int) -> None:
        """Streams that are stuck must not use up their neighbours' window: the connection's is
        wider than all of theirs by what is given back late."""
        self._promised_bytes += by
        wanted = self._promised_bytes + self._promised_bytes // 4
        if credit := self._window.grow(min(wanted, _MAX_WINDOW)):
            self._queue_control(frames.window_update(0, credit))

    # -- exchanges --------------------------------------------------------------------------

    def _open(self, stream_id: int, window_bytes: int) -> H2Exchange:
        exchange = H2Exchange(self, stream_id, self._peer_initial_window, window_bytes)
        self._exchanges[stream_id] = exchange
        self.promise(window_bytes)
        return exchange

    def _send_head(self, exchange: H2Exchange, block: bytes, end: bool) -> None:
        head = frames.header_block(exchange.stream_id, block, end, self._out.max_frame_bytes)
        self._queue_control(head)
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
        self._promised_bytes -= exchange.receive_window.target
        self._give_back(exchange.receive_window.unacknowledged)
        if self._closing and not self._exchanges:
            self._schedule_flush()

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
        self._bounds.remember_ignored(stream_id)
        self._queue_control(frames.rst_stream(stream_id, code))

    def _ours(self, stream_id: int) -> bool:
        """Whether a stream of that number may exist or have existed."""
        raise NotImplementedError

    def _ignores(self, stream_id: int) -> bool:
        """Whether frames of a stream that is over may still be under way."""
        return self._bounds.is_ignored(stream_id)

    def _known(self, stream_id: int, what: str) -> H2Exchange | None:
        """The exchange, or None if its frames may be ignored: it is over.

        Raises:
            H2Fault: the stream was never opened.
        """
        exchange = self._exchanges.get(stream_id)
        if exchange is None and not self._ours(stream_id):
            raise H2Fault(ErrorCode.PROTOCOL_ERROR, f"{what} on stream {stream_id}, which is idle")
        return exchange

    def _count_idle_frame(self) -> None:
        self._bounds.count_idle_frame(self._loop.time())

    def _count_reset(self) -> None:
        self._bounds.count_reset(self._loop.time())

    # -- FrameSink: DATA --------------------------------------------------------------------

    def data_begins(self, stream_id: int, length: int, end_stream: bool) -> None:
        """Check the rules and the windows; ``_body`` is None when the payload is to be dropped."""
        if self._blocks.is_open or not self._settings_seen:
            self._out_of_place("DATA")
        exchange = self._known(stream_id, "DATA")
        if not self._window.receive(length):
            raise H2Fault(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the connection's window")
        self._body, self._body_ends = None, end_stream
        if exchange is None:
            self._count_idle_frame()
            if not self._ignores(stream_id):
                self._send_reset(stream_id, ErrorCode.STREAM_CLOSED)
        elif exchange.remote_ended:
            self._stream_fault(exchange, ErrorCode.STREAM_CLOSED, "DATA after the end of a stream")
        elif not exchange.head_received:
            self._stream_fault(exchange, ErrorCode.PROTOCOL_ERROR, "DATA before the response")
        elif not exchange.receive_window.receive(length):
            # Not the exchange's to give back: _forget must see only what its handler holds.
            exchange.receive_window.unacknowledged -= length
            why = "more DATA than the stream's window"
            self._stream_fault(exchange, ErrorCode.FLOW_CONTROL_ERROR, why)
        else:
            self._body = exchange
            if not length and not end_stream:
                self._count_idle_frame()

    def data_piece(self, data: bytes) -> None:
        """Hand it on."""
        exchange = self._body
        if exchange is None:
            self._give_back(len(data))
            return
        if exchange.over:  # it ended within this frame, all of which was given back by _forget
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
        if self._body is None:
            self._give_back(count)
        else:
            self._body.acknowledge(count)

    def data_ends(self) -> None:
        """END_STREAM takes effect behind the last byte."""
        exchange, self._body = self._body, None
        if self._body_ends and exchange is not None and not exchange.over:
            self._receive_end(exchange)

    def _give_back(self, count: int) -> None:
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
        if self._blocks.is_open and kind != Frame.CONTINUATION:
            self._out_of_place(str(kind))
        if not self._settings_seen and (kind != Frame.SETTINGS or flags & Flag.ACK):
            self._out_of_place(str(kind))
        if kind == Frame.WINDOW_UPDATE:
            self._receive_window_update(stream_id, payload)
        elif kind == Frame.HEADERS:
            self._receive_block(self._blocks.receive_headers(flags, stream_id, payload))
        elif kind == Frame.CONTINUATION:
            self._receive_block(self._blocks.receive_continuation(flags, stream_id, payload))
        elif kind == Frame.RST_STREAM:
            self._receive_reset(stream_id, payload)
        elif kind == Frame.SETTINGS:
            self._receive_settings(flags, stream_id, payload)
        elif kind == Frame.PING:
            self._receive_ping(flags, stream_id, payload)
        elif kind == Frame.GOAWAY:
            self._receive_goaway(stream_id, payload)
        elif kind == Frame.PUSH_PROMISE:  # forbidden to clients, and by our ENABLE_PUSH to servers
            self._out_of_place("PUSH_PROMISE")
        elif kind == Frame.PRIORITY:
            self._receive_priority(stream_id, payload)
        else:  # a type that we do not know (RFC 9113 section 5.5)
            self._count_idle_frame()

    def _out_of_place(self, what: str) -> None:
        raise H2Fault(ErrorCode.PROTOCOL_ERROR, f"frame {what} out of place")

    def _receive_priority(self, stream_id: int, payload: bytes) -> None:
        self._count_idle_frame()  # no effect (RFC 9113 section 5.3.2)
        if not stream_id:
            self._out_of_place("PRIORITY")
        if len(payload) != 5:
            raise H2Fault(ErrorCode.FRAME_SIZE_ERROR, f"PRIORITY of {len(payload)} bytes")

    def _receive_window_update(self, stream_id: int, payload: bytes) -> None:
        self._count_idle_frame()
        increment = frames.parse_u32(payload, "WINDOW_UPDATE") & _MAX_WINDOW
        code = ErrorCode.FLOW_CONTROL_ERROR if increment else ErrorCode.PROTOCOL_ERROR
        if stream_id == 0:
            self._out.window += increment
            if not increment or self._out.window > _MAX_WINDOW:
                raise H2Fault(code, f"connection window grown by {increment}")
            if self._out.body_waits:
                self._schedule_flush()
            return
        exchange = self._known(stream_id, "WINDOW_UPDATE")
        if exchange is None:
            return
        exchange.send_window += increment
        if not increment or exchange.send_window > _MAX_WINDOW:
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
        if not self._settings_seen:
            self._settings_seen = True
            self._peer_max_streams = MAX_CONCURRENT_STREAMS  # no limit unless one is named
        window = self._peer_initial_window
        for number, value in frames.parse_settings(payload):
            if number == Setting.INITIAL_WINDOW_SIZE:
                window = value
            else:
                self._receive_setting(number, value)
        if window != self._peer_initial_window:  # once: it goes through all streams
            self._resize_windows(window)
        self._queue_control(frames.frame(Frame.SETTINGS, Flag.ACK, 0))

    def _receive_setting(self, number: int, value: int) -> None:
        if number == Setting.MAX_FRAME_SIZE:
            self._out.max_frame_bytes = value
        elif number == Setting.MAX_CONCURRENT_STREAMS:
            self._peer_max_streams = value
        elif number == Setting.HEADER_TABLE_SIZE:
            self._encoder.limit_table(value)

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
        self._count_idle_frame()
        if stream_id:
            self._out_of_place("GOAWAY")
        if len(payload) < 8:
            raise H2Fault(ErrorCode.FRAME_SIZE_ERROR, f"GOAWAY of {len(payload)} bytes")
        last = int.from_bytes(payload[:4], "big") & _MAX_WINDOW
        code = int.from_bytes(payload[4:8], "big")
        if code:
            _log.info("%s: GOAWAY %s", self.extra_info("peername", "?"), ErrorCode.name_of(code))
        self._peer_goes_away(last, code)

    def _peer_goes_away(self, last_stream_id: int, code: int) -> None:
        """Streams of ours above ``last_stream_id`` were not processed."""

    # -- heads ------------------------------------------------------------------------------

    def _receive_block(self, head: HeaderBlock | None) -> None:
        """None: there is more to come."""
        if head is None:
            return
        fields = self._decoder.decode(head.block)  # in any case: the table must stay in step
        exchange = self._exchanges.get(head.stream_id)
        if exchange is None:
            self._receive_new_head(head.stream_id, fields, head.end_stream)
        elif exchange.remote_ended:
            self._stream_fault(exchange, ErrorCode.STREAM_CLOSED, "HEADERS after the end of a stream")
        else:
            try:
                self._receive_head(exchange, fields, head.end_stream)
            except MalformedHead as exc:
                self._stream_fault(exchange, ErrorCode.PROTOCOL_ERROR, str(exc))

    def _receive_new_head(self, stream_id: int, fields: Fields, end: bool) -> None:
        """A head on a stream that is not open."""
        raise NotImplementedError

    def _receive_head(self, exchange: H2Exchange, fields: Fields, end: bool) -> None:
        """A head on an open stream: trailers. Raises MalformedHead."""
        check_trailers(fields)
        if not end:
            raise MalformedHead("trailers that end nothing")
        self._receive_end(exchange)


def _body_progressed(handler: ExchangeHandler) -> None:
    handler.body_progressed()


def _body_ended(handler: ExchangeHandler) -> None:
    handler.body_ended()
