"""Two transports joined into one connection: bytes, ends, resets and back pressure.

    side A (accepted, or dialled) <-> Splice <-> side B (opened for it)

A comes first and waits, unread, until B is there. What holds for both, and what tests/net hold:

- A direction that ended is ended on the other side behind its last byte; the other one goes on.
- When both have ended, both transports are closed.
- A reset (``connection_lost`` with an exception, or ``give_up``) resets the other side; so does a
  transport that is over before its time without an exception, as one that was aborted from above.
- Whoever reads slowly slows the sender; no more than one write buffer waits in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from ..base.errors import TwError
from ..base.values import HostPort
from .sockets import reset
from .stream import StreamTransport

__all__ = ["SpliceResult", "Waiting"]

_NOWHERE = HostPort("0.0.0.0", 1)
"""Stands for a peer without an address, such as a pipe."""


@dataclass(frozen=True, slots=True)
class SpliceResult:
    """How a connection went."""

    bytes_ab: int
    """From A to B."""
    bytes_ba: int
    """From B to A."""
    error: BaseException | None
    """Why it was reset; None: both directions ended in order."""

    @property
    def reason(self) -> str:
        """Why it is over, in words."""
        return "closed in order" if self.error is None else _reason(self.error)

    def __str__(self) -> str:
        why = "" if self.error is None else f", reset: {self.reason}"
        return f"{self.bytes_ab} bytes up, {self.bytes_ba} bytes down{why}"


class _Side(asyncio.Protocol):
    """The protocol of one of the two transports."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self.peer: _Side | None = None
        self.transport: asyncio.Transport | None = None
        self.received = 0
        self.ended = False  # the direction from here
        self.full = False  # the transport takes no more for now
        self.closed = False  # by us, in order
        self.lost = False
        self.error: BaseException | None = None
        self._early: list[bytes] = []  # what came before the other side was there

    # -- asyncio.Protocol -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        peer = self.peer
        if peer is None or peer.transport is None:
            self._early.append(data)
        elif not peer.lost:
            peer.transport.write(data)

    def eof_received(self) -> bool:
        assert self.transport is not None
        if not self.ended:
            self.ended = True
            self._pass_on_end()
        return self.transport.can_write_eof()  # TLS cannot stay half open

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        peer = self.peer
        if exc is None and not self._is_complete():
            # asyncio tells an abort of our own making so: a session that ends takes its channels along.
            exc = ConnectionAbortedError("cut off")
        if exc is not None:
            # Of a side that we have reset because of the other one, the other one knows why.
            self.error = self.error or (None if peer is None else peer.error) or exc
            self._early.clear()
        if peer is not None and peer.transport is not None and not peer.lost:
            if self.error is not None:
                reset(peer.transport)
            else:
                peer.close()
        self._on_end()

    def _is_complete(self) -> bool:
        """Whether this side may be over now: we closed it, or both directions have ended."""
        if self.closed:
            return True
        both = self.peer is not None and self.peer.ended
        assert self.transport is not None
        return self.ended and (both or not self.transport.can_write_eof())

    def close(self) -> None:
        """End both directions of this side in order."""
        assert self.transport is not None
        self.closed = True
        self.transport.close()

    def pause_writing(self) -> None:
        self.full = True
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        self.full = False
        if self.peer is not None:
            self.peer.read_on()

    def read_on(self) -> None:
        """Take more from the transport, unless the other side is full."""
        # A socket that is read again behind its end would report the end again.
        if self.transport is None or self.lost or self.ended:
            return
        if self.peer is not None and not self.peer.full:
            self.transport.resume_reading()

    @property
    def held_bytes(self) -> int:
        """Bytes that wait on this side, either way."""
        held = sum(map(len, self._early))
        if self.transport is None or self.lost:
            return held
        held += self.transport.get_write_buffer_size()
        if isinstance(self.transport, StreamTransport):
            held += self.transport.get_read_buffer_size()
        return held

    # -- joining ----------------------------------------------------------------------------

    def join(self) -> None:
        """The other side is connected: hand on what came before, and read on."""
        assert self.peer is not None
        other = self.peer.transport
        assert other is not None
        for data in self._early:
            other.write(data)
        self._early.clear()
        if self.error is not None:
            reset(other)
        elif self.lost:
            self.peer.close()
        else:
            if self.full:
                other.pause_reading()
            if self.ended:
                self._pass_on_end()
            self.read_on()

    def give_up(self, error: BaseException) -> None:
        """Reset this side."""
        if self.error is None:
            self.error = error
        if self.transport is not None and not self.lost:
            reset(self.transport, error.why if isinstance(error, TwError) else "")

    def _pass_on_end(self) -> None:
        peer = self.peer
        if peer is None or peer.transport is None or peer.lost or self.transport is None:
            return
        if peer.ended:  # both directions are complete
            peer.close()
            self.close()
        elif peer.transport.can_write_eof():
            peer.transport.write_eof()
        else:  # a transport that cannot end one direction alone ends both
            peer.close()


class Waiting(_Side):
    """Side A. It is read only when side B is there.

    Args:
        on_start: called when A is connected.
        on_end: called once, when both sides are over.
    """

    def __init__(
        self,
        *,
        on_start: Callable[[], None] | None = None,
        on_end: Callable[[SpliceResult], None] | None = None,
    ) -> None:
        super().__init__(self._side_ended)
        self._on_start = on_start
        self._told = on_end
        self._other: _Other | None = None

    @property
    def origin(self) -> HostPort:
        """Who connected."""
        peer = None if self.transport is None else self.transport.get_extra_info("peername")
        if not isinstance(peer, tuple) or not peer[0] or not peer[1]:
            return _NOWHERE
        return HostPort(str(peer[0]), int(peer[1]))

    @property
    def held_bytes(self) -> int:
        """Bytes of this connection that wait in this process."""
        return super().held_bytes + (0 if self._other is None else self._other.held_bytes)

    @property
    def bytes_ab(self) -> int:
        """From A to B so far; what waits in this process included."""
        return self.received

    @property
    def bytes_ba(self) -> int:
        """From B to A so far."""
        return 0 if self._other is None else self._other.received

    def other_side(self) -> asyncio.Protocol:
        """The protocol for side B; to be asked for once. It is given its transport in any case,
        also when A is gone by then: then it is closed or reset at once."""
        assert self._other is None, "there is one other side"
        self._other = _Other(self)
        return self._other

    def give_up(self, error: BaseException | None = None) -> None:
        """There will be no other side, or the connection is to end: reset it."""
        reason = error or ConnectionAbortedError("given up")
        super().give_up(reason)
        if self._other is not None:
            self._other.give_up(reason)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        self.transport.pause_reading()
        if self.error is not None:  # given up in the meantime
            reset(self.transport)
        if self._on_start is not None:
            self._on_start()

    def joined(self, other: _Other) -> None:
        """B is connected."""
        self.peer, other.peer = other, self
        if other.error is not None:  # given up in the meantime
            other.give_up(other.error)
        self.join()

    def _side_ended(self) -> None:
        other = self._other
        if not self.lost or (other is not None and other.transport is not None and not other.lost):
            return
        told, self._told = self._told, None
        if told is not None:
            down = 0 if other is None else other.received
            error = self.error or (None if other is None else other.error)
            told(SpliceResult(self.received, down, error))

    def other_ended(self) -> None:
        """B is over."""
        self._side_ended()


class _Other(_Side):
    """Side B."""

    def __init__(self, first: Waiting) -> None:
        super().__init__(first.other_ended)
        self._first = first

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._first.joined(self)


def _reason(error: BaseException) -> str:
    if isinstance(error, TwError):
        return error.why
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
