"""What was read from many files, kept for as long as they stay: pages that ask for the same are many."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Remembered"]

T = TypeVar("T")

_OLDEST_S = 1.0
"""A change that the key does not show, such as one by hand, is seen after this long."""


class Remembered(Generic[T]):
    """One value, read again for another key, and after a second. From any thread: while one reads, the
    others wait for what it reads.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[Hashable, float, T] | None = None

    def get(self, key: Callable[[], Hashable], read: Callable[[], T]) -> T:
        """The value.

        Args:
            key: changes when the files do; asked before they are read.
            read: may raise, and then nothing is known.
        """
        with self._lock:
            now, wanted = self._clock(), key()
            if self._known is not None:
                known, at, value = self._known
                if known == wanted and now - at < _OLDEST_S:
                    return value
            self._known = None
            value = read()
            self._known = wanted, now, value
            return value
