"""An XHTTP stream as an asyncio transport; the same class on both sides.

The stream owns what was received and not yet handed on, and the order of its ends. Everything
else (heads, modes, sequence numbers, windows) belongs to the machine behind the shell.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from ..base.errors import Broken, TwError
from ..base.limits import STREAM_CLOSE_LINGER_S
from ..base.pieces import append_piece
from .stream import StreamTransport

__all__ = ["StreamShell", "XhttpStream"]

_log = logging.getLogger("tw.net.xhttp")


class StreamShell(Protocol):
    """What a stream asks of the shell that drives its machine."""

    def stream_write(self, stream_id: int, data: bytes) -> None: ...

    def stream_end(self, stream_id: int) -> None: ...

    def stream_close(self, stream_id: int) -> None: ...

    def stream_reset(self, stream_id: int) -> None: ...

    def stream_acknowledge(self, stream_id: int, count: int) -> None: ...

    def stream_unsent(self, stream_id: int) -> int: ...

    def stream_overtook(self, stream_id: int) -> int: ...

    def stream_extra(self, stream_id: int, name: str) -> Any: ...


class XhttpStream(StreamTransport):
    """One VLESS request's worth of bytes in both directions.

    Args:
        shell: drives the machine.
        stream_id: the machine's number for this stream.
        on_gone: called once, after ``connection_lost``.
    """

    def __init__(
        self, shell: StreamShell, stream_id: int, on_gone: Callable[[XhttpStream], None] | None = None
    ) -> None:
        super().__init__()
        self._shell = shell
        self.stream_id = stream_id
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._incoming: deque[bytes] = deque()
        self._reading_paused = False
        self._delivering = False
        self._peer_ended = False  # told by the machine
        self._eof_delivered = False  # told to the protocol
        self._end_sent = False
        self._closing = False
        self._over = False  # the machine has forgotten this stream
        self._lost_exc: TwError | None = None  # what it said then
        self._lost_called = False
        self._linger: asyncio.TimerHandle | None = None
        self._lingering_bytes = 0  # unsent when the linger began

    # -- from the owner ---------------------------------------------------------------------

    def start(self, protocol: asyncio.Protocol) -> None:
        """Connect the protocol; to be called once, before any data is fed."""
        self._stream_protocol = protocol
        protocol.connection_made(self)

    # -- from the shell ---------------------------------------------------------------------

    def feed_data(self, data: bytes) -> None:
        """Bytes of the peer, to be delivered in order."""
        if self._closing:
            self._shell.stream_acknowledge(self.stream_id, len(data))
            return
        append_piece(self._incoming, data)
        self._deliver()

    def feed_end(self) -> None:
        """The peer's direction is complete."""
        self._peer_ended = True
        self._deliver()

    def feed_lost(self, exc: TwError | None) -> None:
        """The machine is done with this stream."""
        if self._over:
            return
        self._over = True
        self._lost_exc = exc
        if exc is not None or self._closing:
            self._incoming.clear()
            self._schedule_lost(exc)
        else:
            self._peer_ended = True
            self._deliver()

    def feed_progress(self) -> None:
        """Some of what was written has left."""
        if not self._lost_called:
            self._buffer_shrank()

    # -- delivery ---------------------------------------------------------------------------

    def _deliver(self) -> None:
        # Not re-entrant: a protocol that resumes reading inside data_received must not be called
        # with the next piece before it returned from this one.
        if self._delivering or self._lost_called:
            return
        self._delivering = True
        try:
            while self._incoming and not self._reading_paused and not self._closing:
                data = self._incoming.popleft()
                self._call_protocol(data)
                if not self._over:
                    self._shell.stream_acknowledge(self.stream_id, len(data))
        finally:
            self._delivering = False
        if not self._incoming and not self._reading_paused:
            self._deliver_end()

    def _deliver_end(self) -> None:
        if self._peer_ended and not self._eof_delivered and not self._closing:
            self._eof_delivered = True
            if not self._call_protocol(None):
                self.close()
        if self._over:
            self._schedule_lost(self._lost_exc)

    def _call_protocol(self, data: bytes | None) -> bool | None:
        """Hand on data, or the end. A protocol's own fault ends its stream and no other: it must
        not unwind the shell, which has events of other streams in hand."""
        protocol = self._stream_protocol
        assert protocol is not None
        try:
            if data is None:
                return protocol.eof_received()
            protocol.data_received(data)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("a stream's protocol failed")
            self._give_up(Broken("internal", "the stream's protocol failed"))
        return None

    def _schedule_lost(self, exc: TwError | None) -> None:
        if not self._lost_called:
            self._lost_called = True
            self._closing = True
            if self._linger is not None:
                self._linger.cancel()
            self._loop.call_soon(self._call_lost, exc)

    def _call_lost(self, exc: TwError | None) -> None:
        protocol, self._stream_protocol = self._stream_protocol, None
        if protocol is not None:
            protocol.connection_lost(exc)
        if self._on_gone is not None:
            self._on_gone(self)

    # -- asyncio.Transport ------------------------------------------------------------------

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Of the exchange that carries the download, else of nothing."""
        value = self._shell.stream_extra(self.stream_id, name)
        return default if value is None else value

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._end_sent and not self._closing:
            raise RuntimeError("Cannot call write() after write_eof()")
        if not data or self._closing or self._over:
            return
        self._shell.stream_write(self.stream_id, data if isinstance(data, bytes) else bytes(data))
        self._buffer_grew()

    def write_eof(self) -> None:
        if not (self._end_sent or self._closing or self._over):
            self._end_sent = True
            self._shell.stream_end(self.stream_id)

    def get_write_buffer_size(self) -> int:
        return 0 if self._over else self._shell.stream_unsent(self.stream_id)

    def get_read_buffer_size(self) -> int:
        overtook = 0 if self._over else self._shell.stream_overtook(self.stream_id)
        return sum(map(len, self._incoming)) + overtook

    def pause_reading(self) -> None:
        self._reading_paused = True

    def resume_reading(self) -> None:
        if self._reading_paused:
            self._reading_paused = False
            # Later: a protocol may resume from inside its own write path, and is not prepared to
            # be called back before that returns.
            self._loop.call_soon(self._deliver)

    def is_reading(self) -> bool:
        return not (self._reading_paused or self._closing)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._drop_incoming()
        if self._over:
            self._schedule_lost(None)
            return
        self._end_sent = True
        self._shell.stream_close(self.stream_id)
        if not self._over:
            self._start_linger()

    def _start_linger(self) -> None:
        """The peer's end is outstanding; do not wait for it for ever."""
        self._lingering_bytes = self.get_write_buffer_size()
        self._linger = self._loop.call_later(STREAM_CLOSE_LINGER_S, self._linger_over)

    def _linger_over(self) -> None:
        if self.get_write_buffer_size() < self._lingering_bytes:
            self._start_linger()  # what was written before the close is still leaving
        else:
            self._give_up(None)

    def abort(self) -> None:
        self._give_up(None)

    def _give_up(self, exc: TwError | None) -> None:
        if self._lost_called:
            return
        self._closing = True
        self._incoming.clear()
        if not self._over:
            self._over = True
            self._shell.stream_reset(self.stream_id)
        self._schedule_lost(exc)

    def _drop_incoming(self) -> None:
        dropped = sum(map(len, self._incoming))
        self._incoming.clear()
        if dropped and not self._over:
            self._shell.stream_acknowledge(self.stream_id, dropped)
