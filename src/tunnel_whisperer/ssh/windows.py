"""The receive windows of all channels of one session, held to a sum.

SSH has no window for the whole connection: 4096 channels of 16 MiB would be 64 GiB that a peer can
make us hold. A window cannot be taken back either, only not be given again. So a channel starts
small and grows with use, as long as the sum allows; when the sum is used up, new channels get the
least window and keep it.
"""

from __future__ import annotations

from ..base.limits import (
    CHANNEL_LEAST_WINDOW_BYTES,
    CHANNEL_START_WINDOW_BYTES,
    PATH_WINDOW_BYTES,
    SESSION_WINDOW_BYTES,
)

__all__ = ["WindowBudget"]


class WindowBudget:
    """What the channels of one session may have under way to us.

    Args:
        total: bytes; exceeded by the least windows alone.
    """

    def __init__(self, total: int = SESSION_WINDOW_BYTES) -> None:
        self._free = total

    def start(self) -> int:
        """The window of a new channel, bytes."""
        size = CHANNEL_START_WINDOW_BYTES
        if size > self._free:
            size = CHANNEL_LEAST_WINDOW_BYTES
        self._free -= size
        return size

    def growth(self, window: int) -> int:
        """How many bytes a window of this size may grow now: to the double, or not at all."""
        if window >= PATH_WINDOW_BYTES or window > self._free:
            return 0
        self._free -= window
        return window

    def end(self, window: int) -> None:
        """A channel with a window of this size is over."""
        self._free += window
