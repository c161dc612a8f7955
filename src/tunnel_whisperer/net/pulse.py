"""When to ask a silent peer for a sign of life, and when to give it up. Pure: ``now`` is an input.

received          -> alive; ask after ``interval_s`` of silence
asked             -> any byte is an answer; dead after ``timeout_s``
written since     -> our question may wait behind our own bytes on a slow path: as long as the
                     transport below makes headway, the answer has ``timeout_s`` from there
"""

from __future__ import annotations

from enum import Enum

__all__ = ["Pulse", "Verdict"]


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

    def headway(self, now: float) -> None:
        """The transport handed on bytes of ours that it had held."""
        if self._asked is not None and self._asked > self.last_received:
            self._asked = now

    def next_deadline(self) -> float:
        """When ``handle_deadline`` has something to decide."""
        if self._asked is not None and self._asked > self.last_received:
            return self._asked + self._timeout_s
        return self.last_received + self._interval_s

    def handle_deadline(self, now: float) -> Verdict:
        """Call it at or after ``next_deadline``; too early is harmless."""
        if now < self.next_deadline():
            return Verdict.WAIT
        if self._asked is not None and self._asked > self.last_received:
            return Verdict.DEAD
        self._asked = now
        return Verdict.ASK
