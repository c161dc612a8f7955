"""How long to wait before trying again: pure, with randomness passed in."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Backoff"]

# cli.md: 2 s eight times, then 4, 8 and 16 s four times each, then 30 s.
_STEPS = (2.0,) * 8 + (4.0,) * 4 + (8.0,) * 4 + (16.0,) * 4
_LAST = 30.0
_LASTING_S = 60.0
"""A connection that held this long was a good one: the next failure starts from the beginning."""
_JITTER = 0.2
"""Each delay is spread over +-20 %, so that a restarted relay is not met by everyone at once."""


class Backoff:
    """The delays of one reconnect loop.

    Args:
        random: returns a number in [0, 1), such as ``random.random``.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._failures = 0

    def next_delay(self) -> float:
        """Seconds to wait before the next attempt."""
        base = _STEPS[self._failures] if self._failures < len(_STEPS) else _LAST
        self._failures += 1
        return base * (1 - _JITTER + 2 * _JITTER * self._random())

    def connection_ended(self, lasted_s: float) -> None:
        """Tell how long the connection held; a lasting one resets the schedule."""
        if lasted_s >= _LASTING_S:
            self._failures = 0
