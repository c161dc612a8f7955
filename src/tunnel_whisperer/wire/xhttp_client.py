"""The XHTTP client of one stream, in any of its three modes.

===========  ====================================================================================
stream-one   one POST: its body is the upload, its response the download
stream-up    a GET for the download, a POST whose body is the upload
packet-up    a GET for the download, numbered POSTs for the upload
===========  ====================================================================================

==============  =====================================================================
state           meaning
==============  =====================================================================
``NEW``         not started
``OPEN``        both directions carry
``WE_ENDED``    our end was sent; the download goes on
``PEER_ENDED``  the download is complete; we may go on
``ENDING``      both directions ended; requests of ours are not yet sent or answered
``OVER``        nothing more happens
==============  =====================================================================

=================  ==========  ========  ==========  ======
input              OPEN        WE_ENDED  PEER_ENDED  ENDING
=================  ==========  ========  ==========  ======
we end             WE_ENDED    --        ENDING      --
download ends      PEER_ENDED  ENDING    --          --
all is answered    --          --        --          OVER
status not 200     OVER        OVER      OVER        OVER
request is reset   OVER        OVER      OVER        OVER
we reset           OVER        OVER      OVER        OVER
=================  ==========  ========  ==========  ======

A packet whose request dies before its answer is sent once more under its number: the server drops
what it has already (idle HTTP/1.1 connections die just when they are used again). The answer to a
stream-up upload is garbage against idle timers. If it ends early, the server takes no more: that
matters when the application writes again, not before (spec 6).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from .http import Headers, ResponseHead
from .padding import Draw
from .xhttp_events import (
    Acknowledge,
    EndBody,
    Event,
    OpenRequest,
    ResetRequest,
    SendBody,
    StreamData,
    StreamEnded,
    StreamLost,
)
from .xhttp_heads import BROWSER_HEADERS, RequestHeads
from .xhttp_packets import PacketSender
from .xhttp_paths import normalise

__all__ = ["MODES", "ClientSettings", "XhttpClient"]

MODES = ("stream-one", "stream-up", "packet-up")

_STREAM = 0
"""The number of the only stream."""


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """How packet-up uploads, and what all requests carry."""

    posts_http2: int = 8
    """Unanswered POSTs on HTTP/2. Enough to fill the path while answers are under way."""
    posts_http1: int = 4
    """The same on HTTP/1.1, where each one under way needs a connection of its own."""
    post_interval_s: float = 0.0
    """Least time between the starts of two POSTs; Xray waits 30 ms."""
    headers: Headers = BROWSER_HEADERS
    """Sent with each request."""


class _State(Enum):
    NEW = "new"
    OPEN = "open"
    WE_ENDED = "we-ended"
    PEER_ENDED = "peer-ended"
    ENDING = "ending"
    OVER = "over"


_OUR_END = MappingProxyType({_State.OPEN: _State.WE_ENDED, _State.PEER_ENDED: _State.ENDING})
_PEER_END = MappingProxyType({_State.OPEN: _State.PEER_ENDED, _State.WE_ENDED: _State.ENDING})


class XhttpClient:
    """One stream; its number is always 0.

    Args:
        mode: one of ``MODES``.
        path: of the server, such as ``/tw/srv1``.
        authority: Host header, without a port.
        scheme: ``https`` or ``http``.
        session_id: a fresh random UUID in text; unused by stream-one.
        http_version: ``"2"`` or ``"1.1"``.
        draw: ``draw(lo, hi)`` returns a random integer, both ends included.
    """

    def __init__(
        self,
        mode: str,
        *,
        path: str,
        authority: str,
        scheme: str,
        session_id: str,
        http_version: str,
        draw: Draw,
        settings: ClientSettings | None = None,
    ) -> None:
        assert mode in MODES, mode
        settings = settings or ClientSettings()
        prefix, query = normalise(path)
        self._heads = RequestHeads(
            prefix=prefix,
            query=query,
            authority=authority,
            scheme=scheme,
            session_id=session_id,
            http_version=http_version,
            draw=draw,
            extra=settings.headers,
        )
        self._mode = mode
        self._state = _State.NEW
        self._events: deque[Event] = deque()
        self._next_request = 0
        self._download = -1
        self._upload: int | None = None
        # Requests not over in both directions, without packets. In stream-one the server may have
        # ended before our upload is out: only request_sent tells.
        self._open: set[int] = set()
        self._upload_sent = False  # to its end
        self._upload_refused = False  # the answer to a stream-up upload ended before the upload
        self._packets: PacketSender | None = None
        if mode == "packet-up":
            self._packets = PacketSender(
                self._heads,
                self._events,
                self._number,
                posts=settings.posts_http2 if http_version == "2" else settings.posts_http1,
                interval_s=settings.post_interval_s,
            )

    def _number(self) -> int:
        self._next_request += 1
        return self._next_request - 1

    def start(self, now: float) -> None:
        """Ask for the first requests; once, before anything else."""
        assert self._state is _State.NEW
        self._state = _State.OPEN
        self._download = self._number()
        self._open.add(self._download)
        if self._mode == "stream-one":
            self._upload = self._download
            self._events.append(OpenRequest(self._download, self._heads.stream_one(), False))
            return
        self._events.append(OpenRequest(self._download, self._heads.download(), True))
        if self._mode == "stream-up":
            self._upload = self._number()
            self._open.add(self._upload)
            self._events.append(OpenRequest(self._upload, self._heads.stream_up(), False))

    # -- from the requests ------------------------------------------------------------------

    def receive_response(self, request_id: int, head: ResponseHead, now: float) -> None:
        """The response head of a request."""
        if head.status != 200 and self._state is not _State.OVER:
            self._lose("relay-refused", f"HTTP {head.status}")

    def receive_body(self, request_id: int, data: bytes, now: float) -> None:
        """A piece of a response body."""
        if request_id != self._download:
            self._events.append(Acknowledge(request_id, len(data)))
        elif self._state is not _State.OVER:
            self._events.append(StreamData(_STREAM, data))

    def receive_end(self, request_id: int, now: float) -> None:
        """A response body is complete."""
        if self._state is _State.OVER:
            return
        if request_id == self._download:
            self._download_ended()
        elif request_id == self._upload:
            if self._state in (_State.OPEN, _State.PEER_ENDED):
                self._upload_refused = True
            else:
                self._open.discard(request_id)
        elif self._packets is not None:
            self._packets.answered(request_id)
            self._packets.pump(now)
        self._finish_if_done()

    def _download_ended(self) -> None:
        if self._state not in _PEER_END:
            return
        self._state = _PEER_END[self._state]
        if self._download != self._upload or self._upload_sent:
            self._open.discard(self._download)
        self._events.append(StreamEnded(_STREAM))

    def receive_reset(self, request_id: int, now: float) -> None:
        """A request was reset by the peer, its link was lost, or it could not be opened."""
        if self._state is _State.OVER:
            return
        if self._packets is not None and request_id != self._download:
            if not self._packets.lost(request_id):
                self._lose("stream-reset", "a packet of the upload got no answer, twice")
        elif request_id in self._open:
            self._open.discard(request_id)
            if request_id != self._upload or not self._upload_refused:
                self._lose("stream-reset", "the peer reset the stream")

    def request_sent(self, request_id: int, now: float) -> None:
        """All of a request's body, its end included, was handed to the transport."""
        if self._state is _State.OVER:
            return
        if self._packets is not None:
            self._packets.sent(request_id)
        elif request_id == self._upload and self._state in (_State.WE_ENDED, _State.ENDING):
            self._upload_sent = True
            if self._mode == "stream-one" and self._state is _State.ENDING:
                self._open.discard(request_id)
            self._finish_if_done()

    # -- from the application ---------------------------------------------------------------

    def send_data(self, data: bytes, now: float) -> None:
        """Bytes for the peer. Ignored after our end and once the stream is over."""
        if self._state not in _OUR_END or not data:
            return
        if self._packets is not None:
            self._packets.write(data)
            self._packets.pump(now)
        elif self._upload_refused:
            self._lose("stream-reset", "the server takes no more")
        else:
            assert self._upload is not None
            self._events.append(SendBody(self._upload, data))

    def send_end(self, now: float) -> None:
        """Our direction is complete. Once."""
        if self._state not in _OUR_END:
            return
        self._state = _OUR_END[self._state]
        if self._packets is not None:
            self._packets.end()
            self._packets.pump(now)
        else:
            assert self._upload is not None
            self._events.append(EndBody(self._upload))
            if self._upload_refused:
                self._open.discard(self._upload)
        self._finish_if_done()

    def reset(self, now: float) -> None:
        """Give the stream up; no report follows."""
        if self._state is not _State.OVER:
            self._cut()

    def acknowledge(self, count: int, now: float) -> None:
        """``count`` bytes of StreamData were handed on."""
        self._events.append(Acknowledge(self._download, count))

    @property
    def unsent_bytes(self) -> int:
        """Bytes held here, or in packets that no transport has taken yet."""
        return 0 if self._packets is None else self._packets.unsent_bytes

    def upload_request(self) -> int | None:
        """The exchange that carries a stream upload; None in packet-up."""
        return self._upload

    def next_event(self) -> Event | None:
        """The next order or report; call it until it returns None."""
        return self._events.popleft() if self._events else None

    # -- time -------------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When :meth:`handle_deadline` wants to be called."""
        if self._packets is None or self._state is _State.OVER:
            return None
        return self._packets.deadline

    def handle_deadline(self, now: float) -> None:
        """Do what is due."""
        if self._packets is not None and self._state is not _State.OVER:
            self._packets.pump(now)

    # -- the end ----------------------------------------------------------------------------

    def _finish_if_done(self) -> None:
        """Orderly: nothing is left to be sent or answered."""
        if self._state is not _State.ENDING or self._open:
            return
        if self._packets is None or self._packets.idle:
            self._state = _State.OVER
            self._events.append(StreamLost(_STREAM, None, "both directions ended"))

    def _lose(self, code: str, why: str) -> None:
        self._cut()
        self._events.append(StreamLost(_STREAM, code, why))

    def _cut(self) -> None:
        self._state = _State.OVER
        requests = sorted(self._open)
        if self._packets is not None:
            requests += self._packets.requests
        self._events.extend(ResetRequest(request_id) for request_id in requests)
        self._open.clear()
