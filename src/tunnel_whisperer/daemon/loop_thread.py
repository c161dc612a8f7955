"""An event loop in a thread of its own, for a program that does something else.

The program may run no loop at all, or one that it blocks with a database driver that waits, as
notebooks do: the tunnel must go on meanwhile. The loop is asyncio's own: a program may fork, and
with uvloop's (0.23) open in a thread the child crashes at its end.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from ..base.errors import Misuse

__all__ = ["LoopThread"]

T = TypeVar("T")


class LoopThread:
    """The thread; it does not keep the program from ending.

    Args:
        name: of the thread, as debuggers show it.
    """

    def __init__(self, name: str) -> None:
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._running = threading.Event()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    def start(self) -> None:
        """Once; returns when the loop runs."""
        self._thread.start()
        self._running.wait()

    @property
    def is_running(self) -> bool:
        """Whether it takes work; never in a process that was forked from its own, which has no threads."""
        return self._loop is not None and self._thread.is_alive()

    def submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run ``work`` there; it is cancelled with the future, and with the thread.

        Raises:
            Misuse: the thread has been stopped.
        """
        with self._lock:  # between this look and the hand-over nobody stops the loop
            if self._loop is None or not self.is_running:
                work.close()
                raise Misuse("bad-argument", "this connection is closed", hint="make a new one")
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def stop(self) -> None:
        """Cancel what runs there, and wait for its end; nothing happens the second time, nor when it
        was never started."""
        if self._thread.ident is None:
            return
        self._running.wait()  # a start that was interrupted may be under way
        with self._lock:
            loop = self._loop if self.is_running else None
            self._loop = None
        if loop is not None:
            assert self._stop is not None
            loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:  # which cancels what is left
                runner.run(self._until_stopped())
        finally:
            self._running.set()  # nobody waits for a loop that could not be made

    async def _until_stopped(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._running.set()
        await self._stop.wait()
