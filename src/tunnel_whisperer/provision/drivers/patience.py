"""Waiting for a provider, on a clock that tests turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from ...base.errors import TwError, Unreachable
from ...base.limits import CLOUD_POLL_S

__all__ = ["Clock", "Stopped", "stoppable", "wait_for"]

T = TypeVar("T")

_stop: ContextVar[threading.Event | None] = ContextVar("stop", default=None)


class Stopped(BaseException):
    """Nobody wants it any more: it ends as if the process had, and the next run goes on."""


@contextmanager
def stoppable(stop: threading.Event) -> Iterator[None]:
    """Inside, in this thread, waiting for a provider ends when ``stop`` is set.

    Raises:
        Stopped
    """
    token = _stop.set(stop)
    try:
        yield
    finally:
        _stop.reset(token)


def _sleep(seconds: float) -> None:
    stop = _stop.get()
    if stop is None:
        time.sleep(seconds)
    elif stop.wait(seconds):
        raise Stopped


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and sleep, in seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = _sleep
    today: Callable[[], float] = time.time
    """Since 1970: for providers that name the moment from which they answer again."""


def wait_for(
    look: Callable[[], T | None], clock: Clock, timeout_s: float, late: Callable[[], TwError] | str
) -> T:
    """What ``look`` returns once that is not None; asked at once, then every few seconds.

    Args:
        late: the error when the time is over, or what was waited for in words.

    Raises:
        Unreachable: ``timeout``.
    """
    deadline = clock.now() + timeout_s
    while True:
        seen = look()
        if seen is not None:
            return seen
        if clock.now() >= deadline:
            if not isinstance(late, str):
                raise late()
            raise Unreachable(
                "timeout",
                f"{late} within {timeout_s / 60:g} minutes",
                hint="run it again: it goes on where it stopped",
            )
        clock.sleep(CLOUD_POLL_S)
