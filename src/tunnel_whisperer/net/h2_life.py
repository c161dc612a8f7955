"""The life of an HTTP/2 connection: its transport, its clock, its end (RFC 9113 sections 5.4.1, 6.8).

    made -> open -> closing (GOAWAY sent, exchanges go on) -> over
              \\______________ fault, silence ______________/

- All that is to be sent in one turn of the event loop leaves in one ``transport.write``. While
  the transport is paused, bodies stay in their exchanges' queues.
- A peer that is silent is asked for a sign of life, and given up when there is none (``Pulse``).
- The last bytes of a connection get HTTP_CLOSE_LINGER_S to leave. Where the transport can end its
  direction alone, what still arrives is read and thrown away meanwhile: a closed socket would
  answer it with a reset, which can overtake our GOAWAY in the peer's kernel.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, cast

from ..base.errors import TwError, Unreachable
from ..base.limits import (
    FLUSH_BYTES,
    HTTP_CLOSE_LINGER_S,
    PING_INTERVAL_S,
    PING_TIMEOUT_S,
    STREAM_HIGH_WATER_BYTES,
)
from . import h2_frames as frames
from .h2_exchange import H2Exchange
from .h2_frames import ErrorCode, Frame, H2Fault
from .h2_outbox import Outbox
from .h2_windows import PeerBounds
from .pulse import Pulse, Verdict

__all__ = ["H2Life"]

_log = logging.getLogger("tw.net.h2")

_PING = b"tw-alive"


class H2Life(asyncio.Protocol):
    """Base of H2Connection; not used by itself."""

    http_version = "2"

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._over = False
        self._closing = False
        self._paused = False
        self._flush_scheduled = False
        self._out = Outbox()
        now = self._loop.time()
        self._bounds = PeerBounds(now)
        self._pulse = Pulse(PING_INTERVAL_S, PING_TIMEOUT_S, now)
        self._timer: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._ping_waits = False
        self._behind_ping = 0
        self._peercert: bytes | None = None

    # -- the public side --------------------------------------------------------------------

    @property
    def open_exchanges(self) -> int:
        """Exchanges under way."""
        raise NotImplementedError

    def close(self) -> None:
        """GOAWAY; the transport closes when the last exchange has ended."""
        if not (self._over or self._closing):
            self._closing = True
            self._queue_control(frames.goaway(self._last_stream_id(), ErrorCode.NO_ERROR))

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
        for frame in self._greeting():
            self._out.put(frame)
        self._flush()
        self._arm_timer()

    def data_received(self, data: bytes) -> None:
        if not self._over:
            self._pulse.last_received = self._loop.time()
            try:
                self._receive(data)
            except H2Fault as fault:
                self._fail(fault)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        if self._linger is not None:
            self._linger.cancel()
        self._lose_all(_lost(exc, self._where()))
        self._transport = None

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._schedule_flush()

    # -- of the connection ------------------------------------------------------------------

    def _greeting(self) -> Iterable[bytes]:
        """The first frames of ours."""
        raise NotImplementedError

    def _receive(self, data: bytes) -> None:
        """Take bytes. Raises H2Fault, which ends the connection."""
        raise NotImplementedError

    def _last_stream_id(self) -> int:
        """The peer's last stream that we took up, for GOAWAY; must never grow after the first."""
        raise NotImplementedError

    def _progressed(self, exchange: H2Exchange) -> None:
        """Some of its body, or the end of it, was written."""
        raise NotImplementedError

    def _tell_finished(self) -> None:
        """Tell the handlers of exchanges that ended in order."""
        raise NotImplementedError

    def _lose_all(self, exc: TwError) -> None:
        """Tell all handlers that it is over."""
        raise NotImplementedError

    # -- sending ----------------------------------------------------------------------------

    def _queue_control(self, frame: bytes) -> None:
        if self._over:
            return
        if not self._out.put(frame):
            self._fail_soon(H2Fault(ErrorCode.ENHANCE_YOUR_CALM, "the peer does not read our answers"))
        if not self._flush_scheduled:
            self._schedule_flush()

    def _schedule_flush(self) -> None:
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_scheduled = False
        transport = self._transport
        if not (self._over or self._paused or transport is None):
            self._write_some(transport)
        self._tell_finished()
        if self._closing and not self.open_exchanges and not self._over:
            self._stop()
            self._close_transport()

    def _write_some(self, transport: asyncio.Transport) -> None:
        data, taken, progressed = self._out.take(FLUSH_BYTES)
        if not data:
            return
        if self._ping_waits:
            self._ping_waits, self._behind_ping = False, 0
        self._behind_ping += len(data)
        transport.write(data)
        if taken:
            self._bounds.count_sent(taken)
        if self._out.body_waits:
            self._schedule_flush()
        for exchange in progressed:
            self._progressed(exchange)

    # -- the end ----------------------------------------------------------------------------

    def _stop(self) -> None:
        """Nothing is received or sent from here on."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()

    def _fail(self, fault: H2Fault) -> None:
        """Tell the peer why, and end everything."""
        if not self._over:
            self._stop()
            self._end(fault)

    def _fail_soon(self, fault: H2Fault) -> None:
        """The same from inside a handler's call."""
        if not self._over:
            self._stop()
            self._loop.call_soon(self._end, fault)

    def _end(self, fault: H2Fault) -> None:
        _log.info("%s: %s", self.extra_info("peername", "?"), fault)
        self._out.put(frames.goaway(self._last_stream_id(), fault.error_code))
        self._close_transport()
        self._lose_all(fault)

    def _close_transport(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if control := self._out.take_control():
            transport.write(control)
        if transport.can_write_eof():
            transport.write_eof()
        else:
            transport.close()
        self._linger = self._loop.call_later(HTTP_CLOSE_LINGER_S, transport.abort)

    # -- time -------------------------------------------------------------------------------

    def _arm_timer(self) -> None:
        if not self._over:
            self._timer = self._loop.call_at(self._pulse.next_deadline(), self._handle_deadline)

    def _handle_deadline(self) -> None:
        match self._pulse.handle_deadline(self._loop.time(), self._backlog()):
            case Verdict.ASK:
                self._ping_waits = True
                self._pulse.backlog = self._backlog()
                self._queue_control(frames.frame(Frame.PING, 0, 0, _PING))
            case Verdict.DEAD:
                self._give_up_peer()
                return
            case Verdict.WAIT:
                pass
        self._arm_timer()

    def _backlog(self) -> int:
        """Bytes that the transport holds in front of our last PING, at most."""
        if self._transport is None:
            return 0
        held = self._transport.get_write_buffer_size()
        return held if self._ping_waits else max(0, held - self._behind_ping)

    def _give_up_peer(self) -> None:
        silence = PING_INTERVAL_S + PING_TIMEOUT_S
        exc = Unreachable("link-lost", f"the peer has been silent for {silence:g} s", where=self._where())
        self._stop()
        if self._transport is not None:
            self._transport.abort()
        self._lose_all(exc)

    def _where(self) -> str:
        peer = self.extra_info("peername", None)
        return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else ""


def _lost(exc: Exception | None, where: str) -> TwError:
    if isinstance(exc, TwError):
        return exc
    words = (exc.strerror if isinstance(exc, OSError) else None) or exc
    why = "the connection was closed" if exc is None else f"the connection was lost ({words})"
    return Unreachable("link-lost", why, where=where)
