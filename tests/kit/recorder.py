"""A protocol that writes down what happens to it and insists on asyncio's order of calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

__all__ = ["Recorder"]


class Recorder(asyncio.Protocol):
    """Collects everything; its assertions are the grammar of asyncio protocols:

    made, (data | pause | resume)*, [eof], (pause | resume)*, lost

    Args:
        keep_open: answer to ``eof_received``: whether our direction stays open.
    """

    def __init__(self, *, keep_open: bool = True) -> None:
        self.keep_open = keep_open
        self.transport: asyncio.Transport | None = None
        self.received = bytearray()
        self.calls = 0
        self.eof = False
        self.paused = False
        self.was_paused = False
        self.lost = False
        self.lost_exc: Exception | None = None
        self.on_data: Callable[[bytes], None] | None = None
        self.on_eof: Callable[[], None] | None = None
        self._changed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert self.transport is None, "connection_made twice"
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None, "data before connection_made"
        assert not self.eof, "data after eof"
        assert not self.lost, "data after connection_lost"
        assert data, "empty data"
        self.received += data
        self.calls += 1
        self._changed.set()
        if self.on_data is not None:
            self.on_data(data)

    def eof_received(self) -> bool | None:
        assert not self.eof, "eof twice"
        assert not self.lost, "eof after connection_lost"
        self.eof = True
        self._changed.set()
        if self.on_eof is not None:
            self.on_eof()
        return self.keep_open

    def connection_lost(self, exc: Exception | None) -> None:
        assert not self.lost, "connection_lost twice"
        self.lost, self.lost_exc = True, exc
        self._changed.set()

    def pause_writing(self) -> None:
        assert not self.paused, "pause_writing twice"
        assert not self.lost
        self.paused = self.was_paused = True
        self._changed.set()

    def resume_writing(self) -> None:
        assert self.paused, "resume_writing without pause_writing"
        self.paused = False
        self._changed.set()

    # -- for tests --------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], bool], what: str = "condition", s: float = 30) -> None:
        """Wait until ``condition`` holds; it is looked at after every call to this protocol."""
        try:
            async with asyncio.timeout(s):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"waited {s:g} s in vain for {what}: {self}") from None

    async def got(self, count: int) -> None:
        """Wait for ``count`` bytes in all."""
        await self.until(lambda: len(self.received) >= count, f"{count} bytes")

    async def got_eof(self) -> None:
        """Wait for the peer's end."""
        await self.until(lambda: self.eof, "eof")

    async def got_lost(self) -> None:
        """Wait for the end of the connection."""
        await self.until(lambda: self.lost, "connection_lost")

    def __str__(self) -> str:
        return (
            f"{len(self.received)} bytes, eof={self.eof}, paused={self.paused}, "
            f"lost={self.lost} ({self.lost_exc!r})"
        )
