"""One stream on the server: the requests of one session id, joined to two directions.

=============  ==================================================================================
``HALF_OPEN``  only one half is here: the download, or something of an upload
``OPEN``       both halves are here, the stream is told to the application
``PEER_ENDED`` the peer's direction is complete, ours is not
``WE_ENDED``   the other way round
``OVER``       nothing more happens
=============  ==================================================================================

========================  ==========  ==========  ==========  ==========
input                     HALF_OPEN   OPEN        PEER_ENDED  WE_ENDED
========================  ==========  ==========  ==========  ==========
the other half came       OPEN        --          --          --
the upload ended          (later)     PEER_ENDED  --          OVER
our direction was ended   --          WE_ENDED    OVER        --
cut, or waited too long   OVER        OVER        OVER        OVER
========================  ==========  ==========  ==========  ==========

An upload that ends while the download is missing counts when the stream opens. The end of each
direction is the end of a body: request body, last packet, response body. A reset is a reset of
the download or of a stream upload; a packet that is cut off says nothing, its client sends it
again. Towards Xray, which knows no half-close, this is what spec section 6 expects.

A second download for a live session is answered with an empty body. (Xray lets the two compete
for the upload's packets: of no use to anybody but a thief.)
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from types import MappingProxyType
from typing import Protocol

from ..base.limits import MAX_BUFFERED_POSTS, MAX_POST_BYTES, PACKET_BACKLOG_BYTES, PATH_WINDOW_BYTES
from ..base.pieces import append_piece
from .reorder import Packet, PacketQueue
from .xhttp_events import StreamData, StreamEnded, StreamLost, StreamOpened
from .xhttp_heads import plain_response, stream_response, upload_response
from .xhttp_requests import Request, RequestTable, Role

__all__ = ["Phase", "Session", "SessionOwner"]


_MAX_PACKETS = 2 * MAX_BUFFERED_POSTS
"""Packets under way and waiting, per session. Xray counts only whole ones; a client of either kind
has no more than a few unfinished ones."""


class Phase(Enum):
    """See the table above."""

    HALF_OPEN = "half-open"
    OPEN = "open"
    PEER_ENDED = "peer-ended"
    WE_ENDED = "we-ended"
    OVER = "over"


_OTHER_HALF, _PEER_END, _OUR_END = "other half", "peer end", "our end"

_NEXT = MappingProxyType(
    {
        (Phase.HALF_OPEN, _OTHER_HALF): Phase.OPEN,
        (Phase.OPEN, _PEER_END): Phase.PEER_ENDED,
        (Phase.OPEN, _OUR_END): Phase.WE_ENDED,
        (Phase.PEER_ENDED, _OUR_END): Phase.OVER,
        (Phase.WE_ENDED, _PEER_END): Phase.OVER,
    }
)


class SessionOwner(Protocol):
    """What a session asks of the server."""

    def session_opened(self, session: Session) -> int:
        """Both halves are here; returns the stream's number."""

    def session_over(self, session: Session) -> None:
        """Forget it."""


class Session:
    """The server's half of one stream.

    Args:
        session_id: as the client chose it; empty for stream-one.
    """

    __slots__ = (
        "_closing",
        "_delivered",
        "_download",
        "_early",
        "_early_end",
        "_owed",
        "_owner",
        "_packets",
        "_table",
        "_unanswered",
        "_upload",
        "deliver_now",
        "half_closed_at",
        "keepalive_at",
        "phase",
        "reap_at",
        "session_id",
        "stream_id",
        "waiting_bytes",
    )

    def __init__(self, session_id: str, table: RequestTable, owner: SessionOwner) -> None:
        self.session_id = session_id
        self.stream_id = -1  # until it is open
        self.phase = Phase.HALF_OPEN
        self.deliver_now = False
        """Whether upload bytes go straight to the application."""
        self.reap_at: float | None = None
        self.keepalive_at: float | None = None
        self.half_closed_at: float | None = None
        self.waiting_bytes = 0
        """Upload bytes that came while it was half open; kept by the server."""
        self._table = table
        self._owner = owner
        self._download: Request | None = None
        self._upload: Request | None = None  # of stream-one and stream-up
        self._packets: PacketQueue | None = None
        self._early: deque[bytes] = deque()  # upload before the download came
        self._early_end = False
        self._closing = False  # the application is gone: an upload is only counted out
        self._delivered = 0  # bytes of packets handed on and not acknowledged
        self._owed: deque[tuple[int, int]] = deque()  # request and count of those bytes, in order
        self._unanswered: list[Request] = []  # complete packets whose answer has to wait

    @property
    def download(self) -> Request | None:
        """The request whose response carries the download."""
        return self._download

    @property
    def upload(self) -> Request | None:
        """The upload request of stream-one and stream-up."""
        return self._upload

    @property
    def takes_upload(self) -> bool:
        """Whether a stream-up upload may still come: there is none, and the direction goes on."""
        return self._upload is None and self.phase is not Phase.PEER_ENDED

    @property
    def overtook_bytes(self) -> int:
        """Bytes of packets that wait for an earlier one."""
        return 0 if self._packets is None else self._packets.waiting_bytes

    @property
    def mode(self) -> str:
        """In which mode the peer speaks."""
        if self._upload is None:
            return "packet-up"
        return "stream-one" if self._upload is self._download else "stream-up"

    # -- requests come ----------------------------------------------------------------------

    def attach_download(self, request: Request) -> None:
        """The GET."""
        if self._download is not None:
            self._table.answer(request, stream_response(request.head, self._table.draw))
            return
        request.role, request.session = Role.DOWNLOAD, self
        self._download = request
        self._table.respond(request, stream_response(request.head, self._table.draw))
        self._open_if_both()

    def attach_upload(self, request: Request) -> None:
        """The POST of stream-up; the server has checked that it is the first."""
        request.role, request.session = Role.STREAM, self
        if self._packets is not None:
            self._drop_packets()
        self._upload = request
        self.half_closed_at = None  # the upload tells whether its client is there
        self._table.respond(request, upload_response(request.head, self._table.draw))
        self._open_if_both()

    def attach_both(self, request: Request) -> None:
        """The one request of stream-one."""
        request.role, request.session = Role.STREAM, self
        self._upload = self._download = request
        self._table.respond(request, stream_response(request.head, self._table.draw))
        self._open_if_both()

    def attach_packet(self, request: Request, seq: int, *, last: bool) -> None:
        """A POST of packet-up."""
        if self._packets is None:
            self._packets = PacketQueue()
        # A client that resets its packets once they are complete gets their windows back, and is
        # not stopped by them.
        if len(self._packets) >= _MAX_PACKETS or self._delivered > PATH_WINDOW_BYTES:
            self._table.refuse(request, 500)
            return
        packet, old = self._packets.open(seq, request.request_id, last=last)
        if packet is None:
            request.role = Role.DUPLICATE
        else:
            request.role, request.session, request.packet = Role.PACKET, self, packet
        if old is not None:
            self._supersede(old.request_id)
        self._open_if_both()

    def _supersede(self, request_id: int) -> None:
        """A packet came again while its first copy is still under way: the first is a duplicate."""
        old = self._table.get(request_id)
        if old is not None and old.packet is not None:
            self._count_out(old.packet)
            old.role, old.session, old.packet = Role.DUPLICATE, None, None

    def _count_out(self, packet: Packet) -> None:
        """Nobody will take what waits of this packet."""
        for piece in packet.pieces:
            self._table.acknowledge(packet.request_id, len(piece))
        packet.pieces.clear()

    def _open_if_both(self) -> None:
        if self.phase is not Phase.HALF_OPEN or self._download is None:
            return
        if self._upload is None and self._packets is None:
            return
        self._step(_OTHER_HALF)
        self.reap_at = None
        self.deliver_now = True
        self.stream_id = self._owner.session_opened(self)
        self._table.events.append(StreamOpened(self.stream_id, self.mode, self._download.request_id))
        self._drain_packets()
        while self._early:
            self._table.events.append(StreamData(self.stream_id, self._early.popleft()))
        if self._early_end:
            self._peer_ended()

    def _step(self, cause: str) -> None:
        self.phase = _NEXT[self.phase, cause]

    # -- bodies of stream uploads -----------------------------------------------------------

    def receive_early(self, request: Request, data: bytes) -> None:
        """Upload while nobody takes it: it waits, or it is counted out."""
        if self.phase is Phase.HALF_OPEN:
            append_piece(self._early, data)
        else:
            self._table.acknowledge(request.request_id, len(data))

    def upload_ended(self) -> None:
        """The body of a stream upload is complete."""
        if self.phase is Phase.HALF_OPEN:
            self._early_end = True
        else:
            self._peer_ended()

    def _peer_ended(self) -> None:
        if (self.phase, _PEER_END) not in _NEXT:
            return
        self.deliver_now = False
        if self._upload is not None and self._upload is not self._download:
            self._table.end(self._upload)
            self.keepalive_at = None
        if not self._closing:
            self._table.events.append(StreamEnded(self.stream_id))
        self._step(_PEER_END)
        self._finish_if_over()

    # -- bodies of packets ------------------------------------------------------------------

    def receive_packet(self, request: Request, data: bytes) -> None:
        """A piece of a packet."""
        packet, packets = request.packet, self._packets
        assert packet is not None and packets is not None
        packets.receive(packet, data)
        if packet.size > MAX_POST_BYTES:
            self.packet_lost(request)
            self._table.refuse(request, 413)
        elif self.phase is not Phase.HALF_OPEN:
            self._drain_packets()

    def packet_ended(self, request: Request) -> None:
        """A packet is complete."""
        packet, packets = request.packet, self._packets
        assert packet is not None and packets is not None
        packets.finish(packet)
        if self.phase is Phase.HALF_OPEN:
            if packets.held <= MAX_BUFFERED_POSTS:
                self._answer_packet(request)
            else:
                self._unanswered.append(request)
            return
        self._unanswered.append(request)
        self._drain_packets()

    def packet_lost(self, request: Request) -> None:
        """A packet was cut off; its bytes that passed stay passed."""
        if request.packet is not None and self._packets is not None:
            self._packets.abandon(request.packet)
            self._count_out(request.packet)

    def _drain_packets(self) -> None:
        packets = self._packets
        if packets is None:
            return
        while (taken := packets.take()) is not None:
            packet, data, skipped = taken
            if skipped:
                self._table.acknowledge(packet.request_id, skipped)
            if not data:
                continue
            if self._closing:
                self._table.acknowledge(packet.request_id, len(data))
            else:
                self._delivered += len(data)
                self._owed.append((packet.request_id, len(data)))
                self._table.events.append(StreamData(self.stream_id, data))
        # One more than the queue holds is what Xray gets away with (vector s_packet_up_missing_seq).
        if packets.held > MAX_BUFFERED_POSTS + 1:
            self.lose("bad-xhttp", f"more than {MAX_BUFFERED_POSTS} packets came before an earlier one")
            return
        self._answer_packets()
        if packets.ended:
            self._peer_ended()

    def _answer_packets(self) -> None:
        """Answer complete packets, unless the application lags: that is the back-pressure."""
        if self._delivered <= PACKET_BACKLOG_BYTES:
            for request in self._unanswered:
                self._answer_packet(request)
            self._unanswered.clear()

    def _answer_packet(self, request: Request) -> None:
        empty = request.packet is not None and request.packet.size == 0
        extra = (("cache-control", "no-store"),) if empty else ()
        request.session = None
        self._table.answer(request, plain_response(request.head, 200, self._table.draw, extra))

    def _drop_packets(self) -> None:
        """No packet will be taken any more: those that were are answered 200, the others 500."""
        packets, self._packets = self._packets, None
        for request in self._unanswered:
            packet = request.packet
            if packet is not None and packet.taken == packet.size:
                self._answer_packet(request)
            else:
                self._table.refuse(request, 500)
        self._unanswered.clear()
        for packet in packets.unfinished() if packets is not None else ():
            self._count_out(packet)
            unfinished = self._table.get(packet.request_id)
            if unfinished is not None:
                self._table.refuse(unfinished, 500)

    # -- from the application ---------------------------------------------------------------

    def acknowledge(self, count: int) -> None:
        """``count`` delivered bytes were handed on."""
        while self._owed and count:
            request_id, owed = self._owed.popleft()
            if owed > count:
                self._owed.appendleft((request_id, owed - count))
                owed = count
            self._table.acknowledge(request_id, owed)
            self._delivered -= owed
            count -= owed
        if count and self._upload is not None:
            self._table.acknowledge(self._upload.request_id, count)
        if self._unanswered:
            self._answer_packets()

    def send(self, data: bytes) -> None:
        """Bytes for the peer."""
        if self._download is not None:
            self._table.send(self._download, data)

    def end(self) -> None:
        """Our direction is complete."""
        if (self.phase, _OUR_END) in _NEXT and self._download is not None:
            self._table.end(self._download)
            self._step(_OUR_END)
            self._finish_if_over()

    def close(self) -> None:
        """Our direction is complete, and what still comes is of no interest."""
        self._closing = True
        self.deliver_now = False
        self.end()
        if self._upload is not None:  # stream-up: tells the client to stop, as Xray's refusal does
            self._table.end(self._upload)
            self.keepalive_at = None

    # -- the end ----------------------------------------------------------------------------

    def lose(self, code: str, why: str) -> None:
        """It was cut: by the peer, or for the peer's fault."""
        if self.phase is not Phase.OVER:
            if self.stream_id >= 0:
                self._table.events.append(StreamLost(self.stream_id, code, why))
            self.cut()

    def cut(self) -> None:
        """Reset what is left of its requests."""
        self._over()
        for request in (self._download, self._upload):
            if request is not None:
                self._table.cut(request)

    def reap(self) -> None:
        """The other half did not come: end what there is, in order (spec 5.4)."""
        if self._upload is not None:
            for piece in self._early:
                self._table.acknowledge(self._upload.request_id, len(piece))
        self._over()
        for request in (self._download, self._upload):
            if request is not None:
                self._table.throw_away(request)
                self._table.end(request)

    def _finish_if_over(self) -> None:
        if self.phase is Phase.OVER:
            self._table.events.append(StreamLost(self.stream_id, None, "both directions ended"))
            self._over()
            for request in (self._download, self._upload):
                if request is not None:
                    self._table.release(request)

    def _over(self) -> None:
        self.phase = Phase.OVER
        self.deliver_now = False
        self.reap_at = self.keepalive_at = self.half_closed_at = None
        self._early.clear()
        self._drop_packets()
        self._owner.session_over(self)
