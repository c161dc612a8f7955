"""Between a stream and an SSH connection: joins small writes, and holds writers back.

    stream transport  <->  SshWire  <->  asyncssh connection  <->  channels
                              `---- WriteGate ------------------------'

asyncssh ignores ``pause_writing`` of its transport, so a slow stream would pile up a whole window
(16 MB) per channel. The gate tells the channels themselves: while it is shut they keep their
bytes, and their own writers are paused; when it opens they send in turn, one packet each.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Protocol, cast

from ..base.errors import PeerFault
from ..base.limits import SSH_BACKLOG_BYTES, SSH_CLOSE_LINGER_S

__all__ = ["Hold", "SshWire", "WireConnection", "WriteGate"]

_FLUSH_BYTES = 64 * 1024
"""Written bytes that are handed down at once instead of at the end of the loop iteration, so that
the stream can say "enough" before more packets are sealed. Measured: 16 to 256 KiB are alike."""


class Hold(Enum):
    """Why a gate is shut."""

    STREAM = "the stream below takes no more"
    KEYS = "new keys are being agreed on"


class WriteGate:
    """Whether the channels of one connection may send now, and whose turn is next."""

    def __init__(self) -> None:
        self.paused = False
        """Shut: send no data."""
        self._holds: set[Hold] = set()
        self._waiting: deque[Callable[[], bool]] = deque()

    def hold(self, reason: Hold) -> None:
        """Shut the gate until ``release`` is called for the same reason."""
        self._holds.add(reason)
        self.paused = True

    def release(self, reason: Hold) -> None:
        """Withdraw a reason; without any left, those who wait get their turns."""
        self._holds.discard(reason)
        self.paused = bool(self._holds)
        while self._waiting and not self.paused:
            turn = self._waiting.popleft()
            if turn():
                self._waiting.append(turn)

    def wait(self, turn: Callable[[], bool]) -> None:
        """Have ``turn`` called once when the gate is open; it sends one packet and returns
        whether it wants another turn."""
        self._waiting.append(turn)

    def clear(self) -> None:
        """Forget who waits: the connection is over."""
        self._waiting.clear()


class WireConnection(Protocol):
    """What a wire needs of the connection above it."""

    gate: WriteGate

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...

    def connection_lost(self, exc: Exception | None = None) -> None: ...

    def data_received(self, data: bytes) -> None: ...


class SshWire(asyncio.Protocol, asyncio.Transport):
    """The stream's protocol and the SSH connection's transport, in one.

    Args:
        connection: told of data, and of the end.
    """

    def __init__(self, connection: WireConnection) -> None:
        super().__init__()
        self._connection = connection
        self._gate = connection.gate
        self._loop = asyncio.get_running_loop()
        self._stream: asyncio.Transport | None = None
        self._written: list[bytes] = []
        self._written_bytes = 0
        self._flush_scheduled = False
        self._closing = False
        self._linger: asyncio.TimerHandle | None = None

    # -- the stream's protocol ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The stream is there: start the SSH dialogue."""
        self._stream = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance
        self._connection.connection_made(self)

    def data_received(self, data: bytes) -> None:
        """Bytes of the peer."""
        if not self._closing:
            self._connection.data_received(data)

    def eof_received(self) -> bool:
        """SSH has no use for a half-closed stream: the session is over."""
        self._connection.connection_lost(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream is gone."""
        self._stream = None
        self._closing = True
        self._written.clear()
        self._gate.clear()
        if self._linger is not None:
            self._linger.cancel()
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        """The stream has enough."""
        self._gate.hold(Hold.STREAM)

    def resume_writing(self) -> None:
        """The stream takes more."""
        self._gate.release(Hold.STREAM)

    # -- the connection's transport -----------------------------------------------------------

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Of the stream, except its socket, whose options are not asyncssh's to set."""
        if self._stream is None or name == "socket":
            return default
        return self._stream.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, at the latest at the end of this loop iteration."""
        self.writelines((bytes(data),))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Send all parts; they are joined with their neighbours, so they may be small."""
        if self._closing:
            return
        for part in list_of_data:
            self._written.append(part)  # type: ignore[arg-type]
            self._written_bytes += len(part)
        if self._written_bytes >= _FLUSH_BYTES:
            self._flush()
        elif not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._flush_later)

    def _flush_later(self) -> None:
        self._flush_scheduled = False
        self._flush()

    def _flush(self) -> None:
        if self._written and self._stream is not None:
            data = b"".join(self._written)
            self._written.clear()
            self._written_bytes = 0
            self._stream.write(data)
            if self._gate.paused and self._stream.get_write_buffer_size() > SSH_BACKLOG_BYTES:
                self._connection.connection_lost(
                    PeerFault("protocol-fault", "the other end asks on and on, and reads no answer")
                )

    def is_closing(self) -> bool:
        """Whether nothing more is sent or received."""
        return self._closing

    def close(self) -> None:
        """Send what was written (a last message is part of it), then end the stream; a stream
        that does not end soon is cut."""
        if self._closing or self._stream is None:
            return
        self._flush()
        self._closing = True
        self._stream.close()
        self._linger = self._loop.call_later(SSH_CLOSE_LINGER_S, self.cut)

    def abort(self) -> None:
        """What asyncssh calls right after its disconnect message: that message should still go."""
        self.close()

    def cut(self) -> None:
        """End the stream at once."""
        self._closing = True
        if self._stream is not None:
            self._stream.abort()
