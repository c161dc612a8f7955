"""The requests that an XHTTP server is dealing with, and the orders about them.

Keeps the machine honest towards HTTP: one response head per request, no body after its end, and
a request is forgotten when both of its bodies are over, or when it was cut.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING

from ..base.limits import MAX_REFUSED_BODY_BYTES
from .http import RequestHead, ResponseHead
from .padding import Draw
from .xhttp_events import Acknowledge, EndBody, Event, ResetRequest, Respond, SendBody
from .xhttp_heads import plain_response

if TYPE_CHECKING:
    from .reorder import Packet
    from .xhttp_session import Session

__all__ = ["Request", "RequestTable", "Role"]


class Role(Enum):
    """What the body of a request is for."""

    STREAM = "stream"
    """Upload of stream-one and stream-up."""
    DOWNLOAD = "download"
    """None is expected; what comes is thrown away, up to a limit."""
    PACKET = "packet"
    """One packet of packet-up."""
    UNWANTED = "unwanted"
    """It is read and thrown away, up to a limit."""
    DUPLICATE = "duplicate"
    """A packet that is here already: thrown away, then answered 200."""


class Request:
    """One request under way."""

    __slots__ = ("answered", "body_over", "head", "packet", "request_id", "role", "session", "thrown_bytes")

    def __init__(self, request_id: int, head: RequestHead) -> None:
        self.request_id = request_id
        self.head = head
        self.role = Role.UNWANTED
        self.session: Session | None = None
        self.packet: Packet | None = None
        self.body_over = False
        self.answered = False  # our body is over, too; or nobody hears it
        self.thrown_bytes = 0


class RequestTable:
    """All requests of one server, by the shell's numbers.

    Args:
        draw: for the padding of responses.
    """

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.events: deque[Event] = deque()
        self._requests: dict[int, Request] = {}
        self.get = self._requests.get  # the hot path asks for every piece of every body

    def __len__(self) -> int:
        return len(self._requests)

    def add(self, request_id: int, head: RequestHead) -> Request:
        """A new request."""
        request = self._requests[request_id] = Request(request_id, head)
        return request

    # -- our side ---------------------------------------------------------------------------

    def respond(self, request: Request, head: ResponseHead) -> None:
        """Send the response head; a body follows."""
        self.events.append(Respond(request.request_id, head, False))

    def answer(self, request: Request, head: ResponseHead) -> None:
        """Send a whole response, unless the request was lost meanwhile."""
        if request.answered:
            return
        request.answered = True
        self.events.append(Respond(request.request_id, head, True))
        self._forget_if_over(request)

    def refuse(self, request: Request, status: int) -> None:
        """Answer with nothing but a status; what is left of the request's body is thrown away."""
        self.throw_away(request)
        self.answer(request, plain_response(request.head, status, self.draw))

    def send(self, request: Request, data: bytes) -> None:
        """Append to the response body."""
        if not request.answered:
            self.events.append(SendBody(request.request_id, data))

    def end(self, request: Request) -> None:
        """The response body is complete."""
        if not request.answered:
            request.answered = True
            self.events.append(EndBody(request.request_id))
            self._forget_if_over(request)

    def cut(self, request: Request) -> None:
        """Reset the request in both directions. Of one whose bodies are both complete the shell may
        still hold unsent bytes: they are dropped."""
        request.answered = True
        if self._requests.pop(request.request_id, None) is not None:
            self.events.append(ResetRequest(request.request_id))

    def acknowledge(self, request_id: int, count: int) -> None:
        """``count`` bytes of a request's body are of no more concern."""
        self.events.append(Acknowledge(request_id, count))

    # -- the peer's side --------------------------------------------------------------------

    def throw_away(self, request: Request) -> None:
        """From now on, nobody is interested in the request's body."""
        request.role = Role.UNWANTED
        request.session = request.packet = None

    def receive_unwanted(self, request: Request, data: bytes) -> bool:
        """Body that nobody is interested in. False: it is too much, the request should be cut."""
        request.thrown_bytes += len(data)
        if request.thrown_bytes > MAX_REFUSED_BODY_BYTES:
            return False
        self.acknowledge(request.request_id, len(data))
        return True

    def body_ended(self, request: Request) -> None:
        """The request's body is complete."""
        request.body_over = True
        self._forget_if_over(request)

    def lost(self, request: Request) -> None:
        """The request was reset by the peer: nothing can be said to it any more."""
        request.answered = True
        self._requests.pop(request.request_id, None)

    def release(self, request: Request) -> None:
        """Its session is over: from here on it only has to end."""
        request.session = request.packet = None
        self._forget_if_over(request)

    def _forget_if_over(self, request: Request) -> None:
        # One that carries a live session stays known: a reset may still hit what is unsent.
        if request.answered and request.body_over and request.session is None:
            self._requests.pop(request.request_id, None)
