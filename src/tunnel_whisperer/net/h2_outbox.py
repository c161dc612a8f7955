"""What an HTTP/2 connection has to send: control frames first, then DATA in turns. Pure.

Control frames and heads wait in one queue, in order; bodies wait in their exchanges, each behind
its own head. While nothing can be written the queue is bounded: a peer that asks and does not read
the answers is given up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from ..base.limits import MAX_WAITING_CONTROL_BYTES, MAX_WAITING_CONTROL_FRAMES, TURN_BYTES
from .h2_exchange import H2Exchange

__all__ = ["Outbox", "SendTurns"]

_DEFAULT_WINDOW = 65535  # RFC 9113 section 6.9.2
_DEFAULT_FRAME_BYTES = 16384  # RFC 9113 section 6.5.2


class SendTurns:
    """Who may send next: round robin, so that no stream waits for more than one turn of each."""

    def __init__(self) -> None:
        self._ready: deque[H2Exchange] = deque()

    def __bool__(self) -> bool:
        return bool(self._ready)

    def add(self, exchange: H2Exchange) -> None:
        """It has something to send."""
        if not exchange.is_ready and exchange.can_send:
            exchange.is_ready = True
            self._ready.append(exchange)

    def take(
        self,
        budget: int,
        max_frame_bytes: int,
        parts: list[bytes | memoryview],
    ) -> tuple[int, Iterable[H2Exchange]]:
        """Fill ``parts`` with DATA frames.

        Args:
            budget: body bytes that may be taken now.
            max_frame_bytes: of the peer.

        Returns:
            Body bytes taken, and the exchanges that progressed.
        """
        ready, taken = self._ready, 0
        progressed: dict[H2Exchange, None] = {}
        blocked: list[H2Exchange] = []
        while ready:
            exchange = ready.popleft()
            if not exchange.can_send:  # reset, or its window was taken back
                exchange.is_ready = False
                continue
            if budget <= taken and exchange.unsent_bytes:  # only bare ends of bodies go for free
                blocked.append(exchange)
                continue
            turn = min(budget - taken, TURN_BYTES) if ready or blocked else budget - taken
            taken += exchange.take(turn, max_frame_bytes, parts)
            progressed[exchange] = None
            exchange.is_ready = False
            self.add(exchange)
        ready.extend(blocked)
        return taken, progressed


class Outbox:
    """Frames on their way to the transport."""

    def __init__(self) -> None:
        self._control: list[bytes] = []
        self._control_bytes = 0
        self._turns = SendTurns()
        self.window = _DEFAULT_WINDOW
        """Body bytes that the peer takes on this connection."""
        self.max_frame_bytes = _DEFAULT_FRAME_BYTES
        """The peer's."""

    @property
    def body_waits(self) -> bool:
        """Whether ``take`` would yield body, if it was given room."""
        return bool(self._turns) and self.window > 0

    def put(self, frame: bytes) -> bool:
        """Queue a frame that is not DATA. False when too much waits."""
        self._control.append(frame)
        self._control_bytes += len(frame)
        return (
            len(self._control) <= MAX_WAITING_CONTROL_FRAMES
            and self._control_bytes <= MAX_WAITING_CONTROL_BYTES
        )

    def add(self, exchange: H2Exchange) -> bool:
        """It may have body to send. Returns whether it has."""
        self._turns.add(exchange)
        return exchange.is_ready

    def take_control(self) -> bytes:
        """All that is not DATA."""
        control = b"".join(self._control)
        self._control.clear()
        self._control_bytes = 0
        return control

    def take(self, budget: int) -> tuple[bytes | memoryview, int, Iterable[H2Exchange]]:
        """What goes out now: control frames, then up to ``budget`` bytes of body.

        Returns:
            The bytes, how many of them are body, and the exchanges that progressed.
        """
        parts: list[bytes | memoryview] = list(self._control)
        self._control.clear()
        self._control_bytes = 0
        taken, progressed = self._turns.take(min(budget, self.window), self.max_frame_bytes, parts)
        self.window -= taken
        return parts[0] if len(parts) == 1 else b"".join(parts), taken, progressed
