"""Waiting for a provider, on a clock that tests turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ...base.errors import TwError, Unreachable
from ...base.limits import CLOUD_POLL_S

__all__ = ["Clock", "wait_for"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and sleep, in seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
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
