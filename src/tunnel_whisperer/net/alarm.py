"""One timer that follows the deadline of a protocol machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Alarm"]

_SAME_S = 0.001
"""Deadlines this close together are one: a machine that moves its deadline with each packet would
have the loop's heap of timers grow."""


class Alarm:
    """Calls ``ring`` once for each deadline that is reached, from the event loop.

    Args:
        ring: sets the next deadline itself, if there is one.
    """

    __slots__ = ("_loop", "_ring", "_timer")

    def __init__(self, ring: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None

    def set(self, deadline: float | None) -> None:
        """Ring at this loop time instead of the one before; None: not at all."""
        if self._timer is not None:
            if deadline is not None and abs(self._timer.when() - deadline) < _SAME_S:
                return
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._due)

    def _due(self) -> None:
        self._timer = None
        self._ring()
