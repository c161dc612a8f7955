"""Bounds on what an HTTP/2 peer may send: receive windows and frame allowances. Pure."""

from __future__ import annotations

from ..base.limits import (
    BYTES_PER_WINDOW_UPDATE,
    IDLE_FRAMES_BURST,
    IDLE_FRAMES_PER_S,
    MAX_REMEMBERED_RESETS,
    RESETS_BURST,
    RESETS_PER_S,
)
from .h2_frames import ErrorCode, H2Fault

__all__ = ["Allowance", "PeerBounds", "ReceiveWindow"]


class ReceiveWindow:
    """One flow-control window (RFC 9113 section 5.2), seen from the receiver.

    ``target`` is what may be under way or unacknowledged together. Credit is given back in pieces
    of at least an eighth of it: an update per frame would cost more than the frame.

    Args:
        target: bytes.
        credit: what the peer believes to have now, if that differs.
    """

    __slots__ = ("_credit", "_step", "target", "unacknowledged")

    def __init__(self, target: int, credit: int | None = None) -> None:
        self._credit = target if credit is None else credit
        self.target = target
        self._step = target // 8
        self.unacknowledged = 0
        """Bytes received and not yet handed on."""

    def receive(self, count: int) -> bool:
        """``count`` bytes arrived; False if the peer had no right to send them."""
        self._credit -= count
        self.unacknowledged += count
        return self._credit >= 0

    def acknowledge(self, count: int) -> int:
        """``count`` bytes were handed on. Returns the credit to send now, often 0."""
        self.unacknowledged -= count
        assert self.unacknowledged >= 0, "acknowledged more than was received"
        due = self.target - self.unacknowledged - self._credit
        if due < self._step or due <= 0:
            return 0
        self._credit += due
        return due

    def grow(self, target: int) -> int:
        """Widen to ``target`` if that is more. Returns the credit to send now."""
        if target <= self.target:
            return 0
        self.target = target
        self._step = target // 8
        return self.acknowledge(0)


class Allowance:
    """How often something may happen: at once, and for good.

    Args:
        burst: uses that may come at once.
        per_s: uses per second after that.
    """

    __slots__ = ("_burst", "_left", "_per_s", "_since")

    def __init__(self, burst: int, per_s: float, now: float) -> None:
        self._burst = burst
        self._left = float(burst)
        self._per_s = per_s
        self._since = now

    def use(self, now: float) -> bool:
        """One use; False when there were too many."""
        left = min(self._burst, self._left + (now - self._since) * self._per_s)
        self._since = now
        self._left = left - 1 if left >= 1 else left
        return left >= 1

    def earn(self, uses: float) -> None:
        """The peer has a reason for some more."""
        self._left = min(self._burst, self._left + uses)


class PeerBounds:
    """What one peer may make us do for nothing."""

    __slots__ = ("_idle_frames", "_reset_ids", "_resets")

    def __init__(self, now: float) -> None:
        self._idle_frames = Allowance(IDLE_FRAMES_BURST, IDLE_FRAMES_PER_S, now)
        self._resets = Allowance(RESETS_BURST, RESETS_PER_S, now)
        self._reset_ids: dict[int, None] = {}

    def count_idle_frame(self, now: float) -> None:
        """A frame that carries nothing.

        Raises:
            H2Fault: too many.
        """
        if not self._idle_frames.use(now):
            raise H2Fault(ErrorCode.ENHANCE_YOUR_CALM, "too many frames that carry nothing")

    def count_reset(self, now: float) -> None:
        """A stream that the peer reset, or made us reset.

        Raises:
            H2Fault: too many.
        """
        if not self._resets.use(now):
            raise H2Fault(ErrorCode.ENHANCE_YOUR_CALM, "too many streams reset")

    def count_sent(self, body_bytes: int) -> None:
        """What we send may be answered with WINDOW_UPDATE, for its stream and the connection."""
        self._idle_frames.earn(2 + body_bytes / BYTES_PER_WINDOW_UPDATE)

    def remember_ignored(self, stream_id: int) -> None:
        """Frames of this stream may still be under way; they are to be ignored."""
        self._reset_ids[stream_id] = None
        if len(self._reset_ids) > MAX_REMEMBERED_RESETS:
            del self._reset_ids[next(iter(self._reset_ids))]

    def is_ignored(self, stream_id: int) -> bool:
        """Whether it is one of those, and not too long ago."""
        return stream_id in self._reset_ids
