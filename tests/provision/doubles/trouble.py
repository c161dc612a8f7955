"""What goes wrong at a provider, exactly once, at a chosen call, before or after it took effect."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

__all__ = ["Killed", "Trouble", "VirtualTime"]


class Killed(BaseException):
    """The process is gone in the middle of a call; nothing of ours may catch it."""


@dataclass
class Trouble:
    """Counts calls, and strikes at one of them."""

    calls: list[str] = field(default_factory=list)
    """``POST /servers``, in order."""
    at: int = -1
    """Index of the call to strike; none by default."""
    after: bool = False
    """Strike when the call has had its effect."""
    make: Callable[[], BaseException] = Killed
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def before(self, call: str) -> None:
        """A call of the provider's is about to be made."""
        with self._lock:  # several regions are asked at once
            self.calls.append(call)
            strike = not self.after and len(self.calls) - 1 == self.at
        if strike:
            raise self.make()

    def done(self) -> None:
        """The last one has had its effect."""
        if self.after and len(self.calls) - 1 == self.at:
            raise self.make()

    @contextmanager
    def around(self, call: str) -> Iterator[None]:
        """Both."""
        self.before(call)
        yield
        self.done()

    def calm(self) -> None:
        """No more trouble; the count begins again."""
        self.calls.clear()
        self.at = -1


@dataclass
class VirtualTime:
    """A clock that jumps when somebody sleeps."""

    time: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        """Seconds."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Takes no time."""
        assert seconds >= 0
        self.slept.append(seconds)
        self.time += seconds
