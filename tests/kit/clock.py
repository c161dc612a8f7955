"""Running coroutines in tests: on a virtual clock, or on a real loop with a deadline.

``run`` jumps to the next timer whenever nothing is ready, so a test of a 35 s timeout takes no
time and always sees the same order. It is for code without sockets, threads and child processes:
real input would arrive after its deadline had been jumped over. Such tests use ``real_run``.

Both fail the test when it leaves a task behind, or when a callback raised.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["VirtualClockLoop", "real_run", "run"]

T = TypeVar("T")

_PATIENCE_S = 1.0  # real seconds to wait for a thread when no timer is left to jump to
_SETTLE_TURNS = 20  # loop turns that closing callbacks get before leftovers are counted


class _JumpingSelector(selectors.DefaultSelector):
    """Never sleeps: moves the clock instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0  # not 0, so that a forgotten "no time yet" shows

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is not None:
            self.now += timeout
            return ready
        ready = super().select(_PATIENCE_S)
        if not ready:
            raise RuntimeError("deadlock: every task waits, and no timer is set")
        return ready


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """An event loop whose ``time`` jumps to the next timer when nothing is ready."""

    def __init__(self) -> None:
        self._clock = _JumpingSelector()
        super().__init__(self._clock)
        # A timer is due when less than this is missing; jumping lands exactly on it otherwise.
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Virtual seconds."""
        return self._clock.now


def run(coro: Coroutine[Any, Any, T], *, timeout_s: float = 3600.0) -> T:
    """Run ``coro`` on a virtual clock.

    Args:
        timeout_s: virtual seconds; a test that takes longer fails.
    """
    return _run(coro, VirtualClockLoop, timeout_s)


def real_run(
    coro: Coroutine[Any, Any, T],
    *,
    timeout_s: float = 20.0,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.SelectorEventLoop,
) -> T:
    """Run ``coro`` on a real loop, for sockets, threads and programs.

    Args:
        timeout_s: real seconds.
        loop_factory: such as ``uvloop.new_event_loop``.
    """
    return _run(coro, loop_factory, timeout_s)


def _run(
    coro: Coroutine[Any, Any, T],
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
    timeout_s: float,
) -> T:
    faults: list[dict[str, Any]] = []
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: faults.append(context))
        result, left = runner.run(_bounded(coro, timeout_s))
    if faults:
        first = faults[0]
        raise AssertionError(f"a callback failed: {first['message']}: {first}") from first.get("exception")
    if left:
        raise AssertionError(f"tasks left behind: {left}")
    return result


async def _bounded(coro: Coroutine[Any, Any, T], timeout_s: float) -> tuple[T, list[str]]:
    async with asyncio.timeout(timeout_s):
        result = await coro
    for _ in range(_SETTLE_TURNS):
        await asyncio.sleep(0)
    left = [str(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    return result, left
