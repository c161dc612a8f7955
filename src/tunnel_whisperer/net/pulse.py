"""When to ask a silent peer for a sign of life, and when to give it up. Pure: ``now`` is an input.

silent for interval_s          -> ask
asked                          -> any byte is an answer; without one, dead after timeout_s
question held up behind our
own bytes that are moving      -> timeout_s from there: a slow path is not a dead one
deadline missed by LATE_S      -> we were suspended, or starved: ask again, for the answer may
                                  wait unread, and a dead peer will be as dead in timeout_s
"""

from __future__ import annotations

from enum import Enum

__all__ = ["Pulse", "Verdict"]

_LATE_S = 1.0
"""More than a busy event loop is ever late by; a tenth of a usual timeout."""

_LOOKS = 4
"""Looks at the backlog per timeout."""


class Verdict(Enum):
    """What a deadline calls for."""

    WAIT = "wait"
    ASK = "ask"
    DEAD = "dead"


class Pulse:
    """One peer's signs of life.

    Args:
        interval_s: silence after which to ask.
        timeout_s: time for an answer.
        now: seconds, of any clock that only goes forward.
    """

    def __init__(self, interval_s: float, timeout_s: float, now: float) -> None:
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self.last_received = now
        """Set it at each byte from the peer: an attribute, for it is on the data path."""
        self._asked: float | None = None
        self._looked = now
        self.backlog = 0
        """Set it when a question was queued: bytes that the layer below holds in front of it."""

    @property
    def _waits(self) -> bool:
        """For an answer. One may come in the instant of the question, on a coarse clock."""
        return self._asked is not None and self._asked > self.last_received

    def next_deadline(self) -> float:
        """When ``handle_deadline`` has something to look at."""
        if self._asked is not None and self._waits:
            return min(self._asked + self._timeout_s, self._looked + self._timeout_s / _LOOKS)
        return self.last_received + self._interval_s

    def handle_deadline(self, now: float, backlog: int) -> Verdict:
        """Call it at or after ``next_deadline``; too early is harmless.

        Args:
            backlog: bytes of ours that the layer below still holds in front of the last question.
        """
        deadline = self.next_deadline()
        if now < deadline:
            return Verdict.WAIT
        if self._asked is None or not self._waits or now > deadline + _LATE_S:
            self._asked = self._looked = now
            return Verdict.ASK
        self._looked = now
        if backlog < self.backlog:
            self._asked, self.backlog = now, backlog
        return Verdict.DEAD if now >= self._asked + self._timeout_s else Verdict.WAIT
