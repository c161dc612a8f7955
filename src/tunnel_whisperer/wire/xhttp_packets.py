"""The upload of packet-up, client side: bytes into numbered POSTs.

The first bytes leave at once; what is written while the allowed number of POSTs is unanswered is
batched into the next one. A POST that dies unanswered is sent once more under its number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..base.limits import MAX_BUFFERED_POSTS, MAX_POST_BYTES
from .xhttp_events import EndBody, Event, OpenRequest, SendBody
from .xhttp_heads import RequestHeads

__all__ = ["PacketSender"]

_ATTEMPTS = 2


class _Flight:
    """One packet whose POST was not answered yet."""

    __slots__ = ("attempts", "body", "last", "seq", "unsent")

    def __init__(self, seq: int, body: bytes, last: bool) -> None:
        self.seq = seq
        self.body = body
        self.last = last
        self.attempts = 0
        self.unsent = 0


class PacketSender:
    """Cuts, numbers and paces.

    Args:
        number: gives the next request number.
        posts: how many may be unanswered.
        interval_s: least time between the starts of two.
    """

    def __init__(
        self,
        heads: RequestHeads,
        events: deque[Event],
        number: Callable[[], int],
        *,
        posts: int,
        interval_s: float,
    ) -> None:
        self._heads = heads
        self._events = events
        self._number = number
        self._posts = posts
        self._interval_s = interval_s
        self._batch: deque[bytes] = deque()
        self._batch_bytes = 0
        self._end_waits = False
        self._flights: dict[int, _Flight] = {}
        self._next_seq = 0
        self._next_at = float("-inf")
        self.unsent_bytes = 0
        """Bytes taken and not yet handed to a transport."""

    @property
    def idle(self) -> bool:
        """Everything was sent and answered, the end included if there is one."""
        return not (self._flights or self._batch or self._end_waits)

    @property
    def requests(self) -> list[int]:
        """Requests not answered yet."""
        return list(self._flights)

    def write(self, data: bytes) -> None:
        """Append bytes; :meth:`pump` sends them."""
        self.unsent_bytes += len(data)
        self._batch_bytes += len(data)
        if len(data) <= MAX_POST_BYTES:
            self._batch.append(data)
        else:
            starts = range(0, len(data), MAX_POST_BYTES)
            self._batch.extend(data[start : start + MAX_POST_BYTES] for start in starts)

    def end(self) -> None:
        """Nothing more will be written."""
        self._end_waits = True

    def pump(self, now: float) -> None:
        """Start the POSTs that may start."""
        while self._may_start() and now >= self._next_at:
            body = self._cut()
            flight = _Flight(self._next_seq, body, last=not body)
            if not body:
                self._end_waits = False
            self._next_seq += 1
            self._next_at = now + self._interval_s
            self._start(flight)

    @property
    def deadline(self) -> float | None:
        """When :meth:`pump` can do more than now, if only time is missing."""
        return self._next_at if self._may_start() else None

    def _may_start(self) -> bool:
        if not (self._batch or self._end_waits) or len(self._flights) >= self._posts:
            return False
        # The server gives up when too many packets overtook one.
        oldest = min((flight.seq for flight in self._flights.values()), default=self._next_seq)
        return self._next_seq - oldest < MAX_BUFFERED_POSTS

    def _cut(self) -> bytes:
        """The next body: as much of the batch as fits."""
        pieces: list[bytes] = []
        size = 0
        while self._batch and size + len(self._batch[0]) <= MAX_POST_BYTES:
            piece = self._batch.popleft()
            size += len(piece)
            pieces.append(piece)
        self._batch_bytes -= size
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _start(self, flight: _Flight) -> None:
        request_id = self._number()
        self._flights[request_id] = flight
        flight.attempts += 1
        flight.unsent = len(flight.body)
        head = self._heads.packet(flight.seq, len(flight.body), end=flight.last)
        self._events.append(OpenRequest(request_id, head, flight.last))
        if flight.body:
            self._events.append(SendBody(request_id, flight.body))
            self._events.append(EndBody(request_id))

    def sent(self, request_id: int) -> None:
        """The body of a POST was handed to a transport."""
        if (flight := self._flights.get(request_id)) is not None:
            self.unsent_bytes -= flight.unsent
            flight.unsent = 0

    def answered(self, request_id: int) -> None:
        """A POST was answered 200."""
        self.sent(request_id)
        self._flights.pop(request_id, None)

    def lost(self, request_id: int) -> bool:
        """A POST died. False: this was its last attempt."""
        flight = self._flights.pop(request_id, None)
        if flight is None:
            return True
        self.unsent_bytes += len(flight.body) - flight.unsent
        if flight.attempts >= _ATTEMPTS:
            return False
        self._start(flight)
        return True
