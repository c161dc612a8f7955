"""Signs of life of one session: asked for after a silence, with a deadline, for ever.

One end measures the round trip, too: it asks as often although it hears enough.

Any byte counts as a sign of life. After an interval without one the peer is asked
(``keepalive@openssh.com``, which every SSH answers, if only with a refusal); after
``SSH_KEEPALIVE_COUNT`` unanswered questions the session is given up.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from ..base.errors import TwError, Unreachable
from ..base.limits import (
    SSH_ANSWER_TIMEOUT_S,
    SSH_KEEPALIVE_COUNT,
    SSH_KEEPALIVE_INTERVAL_S,
    SSH_PROBE_TIMEOUT_S,
)
from .packets import PacketPath

__all__ = ["Pulse"]

_REQUEST = b"keepalive@openssh.com"
_TICK_S = 0.001
"""A timer may fire a little early: a silence is not waited for again for less than this."""


class Pulse:
    """Watches one connection.

    Args:
        connection: asked and listened to.
        give_up: called once with the reason when the peer is taken for dead.
        measures: ask at the start, and then as often as a silent peer is asked, so that ``rtt_s`` is
            there and is not old.
    """

    def __init__(
        self, connection: PacketPath, give_up: Callable[[TwError], None], *, measures: bool = False
    ) -> None:
        self._connection = connection
        self._give_up = give_up
        self._loop = asyncio.get_running_loop()
        self._measures = measures
        self._asked_at = -math.inf
        self._unanswered = 0
        self._missed = 0
        self._timer: asyncio.TimerHandle | None = None
        self.rtt_s: float | None = None
        """Round trip of the last question, end to end; None before the first answer."""

    def start(self) -> None:
        """Begin to watch."""
        self._timer = self._loop.call_later(SSH_KEEPALIVE_INTERVAL_S, self._check)
        self._measure()

    def stop(self) -> None:
        """Cease to watch."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        silent_s = self._loop.time() - self._connection.last_heard
        if silent_s + _TICK_S < SSH_KEEPALIVE_INTERVAL_S + SSH_ANSWER_TIMEOUT_S * max(0, self._missed - 1):
            self._missed = 0
            self._timer = self._loop.call_later(max(SSH_KEEPALIVE_INTERVAL_S - silent_s, 0), self._check)
            self._measure()
        elif self._missed >= SSH_KEEPALIVE_COUNT:
            self._timer = None
            self._give_up(Unreachable("session-lost", f"no sign of life for {silent_s:.0f} s"))
        else:
            self._missed += 1
            self._timer = self._loop.call_later(SSH_ANSWER_TIMEOUT_S, self._check)
            self._connection.create_task(self._ask())

    def _measure(self) -> None:
        if not self._measures or self._unanswered:
            return
        if self._loop.time() - self._asked_at + _TICK_S >= SSH_KEEPALIVE_INTERVAL_S:
            self._connection.create_task(self._ask())

    async def _ask(self) -> None:
        asked = self._asked_at = self._loop.time()
        self._unanswered += 1
        try:
            await self._connection._make_global_request(_REQUEST)
        finally:
            self._unanswered -= 1
        if not self._connection.over:  # else it is asyncssh that answers
            self.rtt_s = self._loop.time() - asked

    async def probe(self) -> bool:
        """Whether the peer answers a question, or says anything else, within
        ``SSH_PROBE_TIMEOUT_S``."""
        heard = self._connection.last_heard
        try:
            async with asyncio.timeout(SSH_PROBE_TIMEOUT_S):
                await self._ask()
        except TimeoutError:
            return self._connection.last_heard > heard and not self._connection.over
        return not self._connection.over
