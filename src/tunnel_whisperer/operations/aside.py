"""Work that blocks, in a thread beside the event loop, and an end to it when nobody wants it any more."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ..profile import Profile, running, who_runs
from ..provision.drivers import Stopped, stoppable
from .steps import Tell

__all__ = ["alone", "aside"]

T = TypeVar("T")


async def aside(work: Callable[[Tell], T], tell: Tell) -> T:
    """What ``work`` returns, called in a thread; its steps arrive on the event loop.

    Whoever is cancelled meanwhile waits until the thread has come to a stop, which is at its next
    step, or in its waiting for a provider: nothing is made any more when this is over.
    """
    loop = asyncio.get_running_loop()
    stop = threading.Event()

    def told(part: str, state: str, words: str, hint: str = "", /) -> None:
        if stop.is_set():
            raise Stopped
        loop.call_soon_threadsafe(tell, part, state, words, hint)

    def called() -> T:
        with stoppable(stop):
            return work(told)

    # In a copy of the context: whoever acts stays known to the audit record.
    future = loop.run_in_executor(None, contextvars.copy_context().run, called)
    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError:
            stop.set()
    if stop.is_set():
        future.exception()  # looked at, for nobody else does
        raise asyncio.CancelledError
    return future.result()


@contextmanager
def alone(profile: Profile, command: str) -> Iterator[None]:
    """Nobody else serves or changes this identity meanwhile; a process that serves it already keeps
    the others out.

    Args:
        command: as people know it.

    Raises:
        Misuse: ``already-running``, ``state-not-written``.
    """
    holder = who_runs(profile)
    if holder is not None and holder.pid == os.getpid():
        yield
        return
    with running(profile, command):
        yield
