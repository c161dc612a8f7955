"""Two transports joined in memory, with the faults of a network.

A pipe behaves as a TCP connection does under asyncio: what is written waits in the sender's buffer
while the receiver's window is full, an end travels behind the data, a reset overtakes nothing that
has arrived, and data for an end that is closed is answered with a reset. What it does not model:
loss of an end (FIN) alone, keepalives, and the kernel's retransmission timeouts.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, cast

from tunnel_whisperer.net.stream import StreamTransport

__all__ = ["PipeTransport", "connect", "pipe"]


class _End:
    """The sender's direction is complete; travels behind its data."""


class _Reset:
    """The sender aborted."""


class _Lane:
    """One direction: unsent -> under way -> arrived -> delivered."""

    def __init__(self, latency_s: float, chunk_bytes: int | None, window_bytes: int) -> None:
        self.latency_s = latency_s
        self.chunk_bytes = chunk_bytes
        self.window_bytes = window_bytes
        self.unsent: deque[memoryview] = deque()
        self.unsent_bytes = 0
        self.end_wanted = False
        self.end_sent = False
        self.queue: deque[tuple[float, bytes | _End | _Reset]] = deque()
        self.queued_bytes = 0
        self.deaf = False  # a black hole: what is sent from now on never arrives
        self.timer: asyncio.Handle | None = None
        self.sender: PipeTransport
        self.receiver: PipeTransport

    def put(self, data: bytes) -> None:
        self.unsent.append(memoryview(data))
        self.unsent_bytes += len(data)
        self.pump()

    def pump(self) -> None:
        """Send what the window takes."""
        while self.unsent and self.queued_bytes < self.window_bytes:
            head = self.unsent[0]
            size = min(len(head), self.window_bytes - self.queued_bytes, self.chunk_bytes or len(head))
            if size == len(head):
                self.unsent.popleft()
            else:
                self.unsent[0] = head[size:]
            self.unsent_bytes -= size
            self.queued_bytes += size
            self._send(bytes(head[:size]))
        if self.end_wanted and not self.unsent and not self.end_sent:
            self.end_sent = True
            self._send(_End())

    def reset(self) -> None:
        self.unsent.clear()
        self.unsent_bytes = 0
        self._send(_Reset())

    def _send(self, item: bytes | _End | _Reset) -> None:
        if not self.deaf:
            loop = asyncio.get_running_loop()
            self.queue.append((loop.time() + self.latency_s, item))
            self.wake()

    def wake(self) -> None:
        """See to it that the receiver looks at the queue when its head is due."""
        if self.timer is None and self.queue:
            loop = asyncio.get_running_loop()
            due = self.queue[0][0]
            if due <= loop.time():
                self.timer = loop.call_soon(self._turn)
            else:
                self.timer = loop.call_at(due, self._turn)

    def _turn(self) -> None:
        self.timer = None
        now = asyncio.get_running_loop().time()
        while self.queue and self.queue[0][0] <= now:
            item = self.queue[0][1]
            if not isinstance(item, _Reset) and not self.receiver.takes():
                return  # resume_reading wakes us
            self.queue.popleft()
            if isinstance(item, bytes):
                self.queued_bytes -= len(item)
                self.receiver.deliver(item)
            elif isinstance(item, _End):
                self.receiver.deliver_end()
            else:
                self.receiver.fail(ConnectionResetError("reset by the peer"))
                return
        self.sender.drained()
        self.wake()

    def drop(self) -> None:
        self.queue.clear()
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class PipeTransport(StreamTransport):
    """One end of a pipe; ``start`` connects its protocol."""

    def __init__(self, out: _Lane, into: _Lane, extra: dict[str, Any]) -> None:
        super().__init__(extra)
        self._out, self._in = out, into
        out.sender = into.receiver = self
        self._reading_paused = False
        self._closing = False
        self._lost = False
        self._eof_delivered = False

    # -- for tests --------------------------------------------------------------------------------

    def start(self, protocol: asyncio.BaseProtocol) -> None:
        """Connect ``protocol``; what arrived before is delivered later, not from in here."""
        self.set_protocol(protocol)
        protocol.connection_made(self)
        self._in.wake()

    def black_hole(self, *, both: bool = True) -> None:
        """From now on nothing that we send arrives; nor, with ``both``, what the peer sends. What
        is under way is lost too, and nobody is told."""
        for lane in (self._out, self._in) if both else (self._out,):
            lane.deaf = True
            lane.drop()

    def cut(self) -> None:
        """The network resets both ends now."""
        for end in (self, self._out.receiver):
            end.fail(ConnectionResetError("reset by the network"))

    # -- from the lanes -----------------------------------------------------------------------------

    def takes(self) -> bool:
        """Whether arrived data is to be handed over now."""
        return self._closing or (self._stream_protocol is not None and not self._reading_paused)

    def deliver(self, data: bytes) -> None:
        """Data arrived."""
        if self._closing:
            if self._lost:  # as a kernel answers data for a socket that is closed
                self._out.reset()
            return
        protocol = cast(asyncio.BaseProtocol, self._stream_protocol)
        if isinstance(protocol, asyncio.BufferedProtocol):
            view = memoryview(data)
            while view:
                buffer = memoryview(protocol.get_buffer(len(view)))
                size = min(len(buffer), len(view))
                buffer[:size] = view[:size]
                protocol.buffer_updated(size)
                view = view[size:]
        else:
            cast(asyncio.Protocol, protocol).data_received(data)

    def deliver_end(self) -> None:
        """The peer's end arrived."""
        if self._closing or self._eof_delivered:
            return
        self._eof_delivered = True
        assert self._stream_protocol is not None
        if not self._stream_protocol.eof_received():
            self.close()

    def drained(self) -> None:
        """The peer took something."""
        self._out.pump()
        if not self._lost:
            self._buffer_shrank()
            if self._closing and not self._out.unsent:
                self._lose(None)

    def fail(self, exc: Exception | None) -> None:
        """The connection is over."""
        if not self._lost:
            self._closing = True
            self._out.unsent.clear()
            self._out.unsent_bytes = 0
            self._in.drop()
            self._lose(exc)

    def _lose(self, exc: Exception | None) -> None:
        self._lost = True
        asyncio.get_running_loop().call_soon(self._call_lost, exc)

    def _call_lost(self, exc: Exception | None) -> None:
        protocol, self._stream_protocol = self._stream_protocol, None
        if protocol is not None:
            protocol.connection_lost(exc)

    # -- asyncio.Transport --------------------------------------------------------------------------

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        if isinstance(protocol, asyncio.BufferedProtocol):  # as sockets do, and our streams do not
            self._stream_protocol = protocol  # type: ignore[assignment]
        else:
            super().set_protocol(protocol)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._out.end_wanted and not self._closing:
            raise RuntimeError("Cannot call write() after write_eof()")
        if data and not self._closing:
            self._out.put(bytes(data))
            self._buffer_grew()

    def write_eof(self) -> None:
        if not self._closing:
            self._out.end_wanted = True
            self._out.pump()

    def get_write_buffer_size(self) -> int:
        return self._out.unsent_bytes

    def get_read_buffer_size(self) -> int:
        return self._in.queued_bytes

    def pause_reading(self) -> None:
        self._reading_paused = True

    def resume_reading(self) -> None:
        if self._reading_paused:
            self._reading_paused = False
            self._in.wake()

    def is_reading(self) -> bool:
        return not (self._reading_paused or self._closing)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._out.end_wanted = True
        self._out.pump()
        self._in.wake()  # what arrives from now on is thrown away
        if not self._out.unsent:
            self._lose(None)

    def abort(self) -> None:
        if not self._lost:
            self._closing = True
            self._out.reset()
            self._in.drop()
            self._lose(None)


def pipe(
    *,
    latency_s: float = 0.0,
    chunk_bytes: int | None = None,
    window_bytes: int = 64 * 1024,
    extra: dict[str, Any] | None = None,
) -> tuple[PipeTransport, PipeTransport]:
    """Two joined transports without protocols; call ``start`` on each.

    Args:
        latency_s: one way.
        chunk_bytes: size of the largest piece delivered; 1 is byte at a time.
        window_bytes: unread bytes that one direction holds.
        extra: for ``get_extra_info`` of both ends.
    """
    there = _Lane(latency_s, chunk_bytes, window_bytes)
    back = _Lane(latency_s, chunk_bytes, window_bytes)
    names = {"peername": ("192.0.2.2", 40002), "sockname": ("192.0.2.1", 40001)} | (extra or {})
    return PipeTransport(there, back, names), PipeTransport(back, there, names)


def connect(
    left: asyncio.BaseProtocol, right: asyncio.BaseProtocol, **options: Any
) -> tuple[PipeTransport, PipeTransport]:
    """Join two protocols by a pipe with these options."""
    ends = pipe(**options)
    ends[0].start(left)
    ends[1].start(right)
    return ends
