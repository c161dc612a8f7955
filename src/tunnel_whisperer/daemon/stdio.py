"""A stream on this process's standard input and output, for ssh's ProxyCommand.

Two threads do the blocking reads and writes: pipes, sockets and consoles are then all the same, on
each system. Nobody waits for the reader in the end: it may be blocked for ever.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from typing import cast

__all__ = ["Open", "carry_stdio"]

Open = Callable[
    [Callable[[], asyncio.Protocol]], Awaitable[tuple[asyncio.Transport, Callable[[], Awaitable[None]]]]
]
"""Opens a stream; returns it, and what closes the way below it."""

_CHUNK = 64 * 1024


async def carry_stdio(open_stream: Open, source: int = 0, sink: int = 1) -> None:
    """Until the other end closes, or ``sink`` is read no more.

    Args:
        source, sink: file descriptors.

    Raises:
        TwError: the stream could not be opened.
    """
    ends = _Ends(sink)
    transport, close = await open_stream(lambda: ends)
    loop = asyncio.get_running_loop()
    reader = threading.Thread(target=_read, args=(source, loop, ends, transport), name="stdin", daemon=True)
    reader.start()
    try:
        await ends.pump()
    finally:
        transport.abort()
        await close()


class _Ends(asyncio.Protocol):
    """What comes goes to the sink; what is read may be sent while there is room."""

    def __init__(self, sink: int) -> None:
        self._sink = sink
        self._arrived: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._transport: asyncio.Transport | None = None
        self.room = threading.Event()
        self.room.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.pause_reading()  # until it is written: the queue never holds much
        self._arrived.put_nowait(bytes(data))

    def eof_received(self) -> bool:
        self._arrived.put_nowait(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived.put_nowait(None)
        self.room.set()

    def pause_writing(self) -> None:
        self.room.clear()

    def resume_writing(self) -> None:
        self.room.set()

    async def pump(self) -> None:
        """Write what arrives, until it ends."""
        while (data := await self._arrived.get()) is not None:
            try:
                await asyncio.to_thread(_write_all, self._sink, data)
            except OSError:  # ssh is gone
                return
            if self._arrived.empty() and self._transport is not None:
                self._transport.resume_reading()


def _read(source: int, loop: asyncio.AbstractEventLoop, ends: _Ends, transport: asyncio.Transport) -> None:
    """In a thread of its own."""
    try:
        while data := os.read(source, _CHUNK):
            ends.room.wait()
            loop.call_soon_threadsafe(_send, transport, data)
        loop.call_soon_threadsafe(_finish, transport)
    except (OSError, RuntimeError):  # the loop is closed: all is over
        return


def _send(transport: asyncio.Transport, data: bytes) -> None:
    if not transport.is_closing():
        transport.write(data)


def _finish(transport: asyncio.Transport) -> None:
    if not transport.is_closing():
        transport.write_eof()


def _write_all(sink: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(sink, view) :]
