"""What the XHTTP machines ask for and report: the only language between them and their shells.

Both machines are driven in the same way. The shell numbers nothing: the client machine numbers
the requests that it wants opened; on the server the shell numbers the requests it received.
After each ``receive_*``, ``send_*`` or ``handle_deadline`` call the shell drains ``next_event()``
until it returns None, carries out the orders, delivers the reports, and re-arms its timer with
``next_deadline()``.
"""

from __future__ import annotations

from dataclasses import dataclass

from .http import RequestHead, ResponseHead

__all__ = [
    "Acknowledge",
    "EndBody",
    "Event",
    "OpenRequest",
    "ResetRequest",
    "Respond",
    "SendBody",
    "StreamData",
    "StreamEnded",
    "StreamLost",
    "StreamOpened",
]

# -- orders: the shell carries them out on the HTTP exchange of that number ----------------------


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """Client: start an exchange. ``end``: it has no body."""

    request_id: int
    head: RequestHead
    end: bool


@dataclass(frozen=True, slots=True)
class Respond:
    """Server: send the response head. ``end``: it has no body."""

    request_id: int
    head: ResponseHead
    end: bool


@dataclass(frozen=True, slots=True)
class SendBody:
    """Append to the body of our side."""

    request_id: int
    data: bytes


@dataclass(frozen=True, slots=True)
class EndBody:
    """The body of our side is complete."""

    request_id: int


@dataclass(frozen=True, slots=True)
class ResetRequest:
    """Give up the exchange in both directions; the machine forgets its number."""

    request_id: int


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Received body bytes are of no more concern: open the exchange's window."""

    request_id: int
    count: int


# -- reports: the shell delivers them to the stream's protocol -----------------------------------


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """Server: a new stream; 0, 1, 2.. per machine."""

    stream_id: int
    mode: str
    """``stream-one``, ``stream-up`` or ``packet-up``."""
    request_id: int
    """The exchange that carries the download: for addresses and certificates."""


@dataclass(frozen=True, slots=True)
class StreamData:
    """Bytes for the application; it must hand ``acknowledge(stream_id, n)`` back."""

    stream_id: int
    data: bytes


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """The peer's direction ended in order."""

    stream_id: int


@dataclass(frozen=True, slots=True)
class StreamLost:
    """The stream is over in both directions. ``code``: an error code, or None after an orderly
    end of both; ``why``: words for it. No event about this stream follows."""

    stream_id: int
    code: str | None
    why: str


Event = (
    OpenRequest
    | Respond
    | SendBody
    | EndBody
    | ResetRequest
    | Acknowledge
    | StreamOpened
    | StreamData
    | StreamEnded
    | StreamLost
)
