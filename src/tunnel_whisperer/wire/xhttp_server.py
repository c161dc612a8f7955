"""The XHTTP server of one path: requests in, streams out.

Decides what each request means and whether it is allowed (this file), joins requests to streams
(:mod:`.xhttp_session`), and keeps the requests in order (:mod:`.xhttp_requests`). Sessions belong
to the path, never to a connection: their requests may come on any number of them.

======  =========================================================================================
status  when (Xray splithttp/hub.go; spec 3.4)
======  =========================================================================================
200     accepted, even if the VLESS header turns out to be refused later
400     no padding of the right length; a mode that the settings shut out; a senseless session id
404     other path or host: bare, without a sign of XHTTP
405     HEAD and CONNECT: nobody's client, and no body could answer them
409     a second stream-up upload, or one after the last packet
413     a packet above the limit, by its content-length or by its bytes
500     no sequence number; a packet for a stream-up session; a packet that nobody took
======  =========================================================================================

Not supported, for no client does it unless told to: uploads in ``X-Data`` headers or cookies.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from ..base.limits import (
    HALF_CLOSED_REAP_S,
    MAX_HALF_OPEN_BYTES,
    MAX_HALF_OPEN_SESSIONS,
    MAX_POST_BYTES,
    MAX_SESSION_ID_CHARS,
    SESSION_REAP_S,
)
from .http import RequestHead, header
from .padding import Draw, has_padding, make_padding
from .xhttp_events import Event, StreamData
from .xhttp_heads import END_HEADER, not_found, plain_response, preflight_response
from .xhttp_paths import Kind, Route, classify, normalise, parse_seq
from .xhttp_requests import Request, RequestTable, Role
from .xhttp_session import Phase, Session

__all__ = ["ServerSettings", "XhttpServer"]

_HALF_CLOSED_STEP_S = 10.0
"""That deadline moves in steps, so that a busy session does not fill the heap with old ones."""

_REFUSED_METHODS = frozenset({"HEAD", "CONNECT"})

_SHUT_OUT = {
    "auto": frozenset[Kind](),
    "stream-one": frozenset({Kind.STREAM_UP, Kind.PACKET_UP}),
    "stream-up": frozenset({Kind.PACKET_UP}),
    "packet-up": frozenset({Kind.STREAM_ONE, Kind.STREAM_UP}),
}


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What one path allows; the defaults are Xray's."""

    mode: str = "auto"
    """``auto`` or the one mode that clients may use (``stream-up`` allows stream-one, too)."""
    host: str | None = None
    """The only Host that is answered (port and case do not matter); None: any."""
    keepalive_s: tuple[int, int] | None = (20, 79)
    """Pause between the keep-alive bytes that answer a stream-up upload, drawn; None: none."""


class XhttpServer:
    """All streams below one path.

    Args:
        path: such as ``/tw/srv1``.
        draw: ``draw(lo, hi)`` returns a random integer, both ends included.
    """

    def __init__(self, path: str, draw: Draw, *, settings: ServerSettings | None = None) -> None:
        self._prefix, _ = normalise(path)
        self._draw = draw
        self._settings = settings or ServerSettings()
        self._shut_out = _SHUT_OUT[self._settings.mode]
        self._table = RequestTable(draw)
        self._events = self._table.events
        self._sessions: dict[str, Session] = {}  # not those of stream-one
        self._half_open: dict[Session, None] = {}  # in order of age
        self._waiting_bytes = 0  # held by these
        self._streams: dict[int, Session] = {}
        self._next_stream = 0
        self._deadlines: list[tuple[float, int, str, Session]] = []
        self._deadline_count = 0  # tells equal deadlines apart

    # -- requests ---------------------------------------------------------------------------

    def receive_request(self, request_id: int, head: RequestHead, now: float) -> None:
        """A request head; ``request_id`` is the shell's and must be new."""
        request = self._table.add(request_id, head)
        route = classify(head.method, head.target, self._prefix)
        if route is None or not self._is_our_host(head.authority):
            self._table.answer(request, not_found())
        elif route.kind is Kind.PREFLIGHT:
            self._table.answer(request, preflight_response(head, self._draw))
        elif (status := self._refusal(route, head)) is not None:
            self._table.refuse(request, status)
        else:
            self._accept(request, route, now)

    def _is_our_host(self, authority: str) -> bool:
        host = self._settings.host
        if host is None:
            return True
        name, colon, port = authority.rpartition(":")
        if not colon or not port.isdigit():
            name = authority
        return name.lower() == host.lower()

    def _refusal(self, route: Route, head: RequestHead) -> int | None:
        """The status for a request that its head alone rules out."""
        if not has_padding(head) or route.kind in self._shut_out:
            return 400
        if head.method in _REFUSED_METHODS:
            return 405
        if len(route.session_id) > MAX_SESSION_ID_CHARS:
            return 400
        session = self._sessions.get(route.session_id)
        if session is not None:
            if route.kind is Kind.STREAM_UP and not session.takes_upload:
                return 409
            if route.kind is Kind.PACKET_UP and session.upload is not None:
                return 500
        if route.kind is Kind.PACKET_UP:
            if parse_seq(route.seq) is None:
                return 500
            if _content_length(head) > MAX_POST_BYTES:
                return 413
        return None

    def _accept(self, request: Request, route: Route, now: float) -> None:
        if route.kind is Kind.STREAM_ONE:
            Session("", self._table, self).attach_both(request)
            return
        session = self._sessions.get(route.session_id) or self._new_session(route.session_id, now)
        if route.kind is Kind.DOWNLOAD:
            session.attach_download(request)
        elif route.kind is Kind.STREAM_UP:
            session.attach_upload(request)
            if header(request.head.headers, "referer") is not None:
                self._keep_alive(session, now)
        else:
            seq = parse_seq(route.seq)
            assert seq is not None  # _refusal has seen to it
            session.attach_packet(request, seq, last=header(request.head.headers, END_HEADER) == "1")
            self._watch_half_closed(session, now)

    def _new_session(self, session_id: str, now: float) -> Session:
        if len(self._half_open) >= MAX_HALF_OPEN_SESSIONS:
            # The oldest: it is the least likely to be completed, and the newcomer just might be.
            next(iter(self._half_open)).reap()
        session = self._sessions[session_id] = Session(session_id, self._table, self)
        self._half_open[session] = None
        session.reap_at = now + SESSION_REAP_S
        self._set_deadline(session.reap_at, "reap", session)
        return session

    def receive_body(self, request_id: int, data: bytes, now: float) -> None:
        """A piece of a request's body."""
        request = self._table.get(request_id)
        if request is None:
            return
        session = request.session
        if session is not None and session.deliver_now and request.role is Role.STREAM:
            self._events.append(StreamData(session.stream_id, data))
        elif session is None or request.role is Role.DOWNLOAD:
            self._receive_surplus(request, data)
        else:
            if session.phase is Phase.HALF_OPEN:
                session.waiting_bytes += len(data)
                self._waiting_bytes += len(data)
            if request.role is Role.STREAM:
                session.receive_early(request, data)
            else:
                session.receive_packet(request, data)
            while self._waiting_bytes > MAX_HALF_OPEN_BYTES:
                max(self._half_open, key=_waiting_bytes).reap()

    def _receive_surplus(self, request: Request, data: bytes) -> None:
        if request.role is not Role.DUPLICATE:
            if not self._table.receive_unwanted(request, data):
                if request.session is not None:
                    request.session.lose("bad-xhttp", "the request for a download has a large body")
                self._table.cut(request)
            return
        request.thrown_bytes += len(data)
        self._table.acknowledge(request.request_id, len(data))
        if request.thrown_bytes > MAX_POST_BYTES:
            self._table.refuse(request, 413)

    def receive_end(self, request_id: int, now: float) -> None:
        """A request's body is complete."""
        request = self._table.get(request_id)
        if request is None or request.body_over:
            return
        session, role = request.session, request.role
        request.body_over = True
        if role is Role.DUPLICATE:
            self._table.answer(request, plain_response(request.head, 200, self._draw))
        elif session is None or role is Role.UNWANTED:
            self._table.body_ended(request)
        elif role is Role.STREAM:
            session.upload_ended()
        elif role is Role.PACKET:
            session.packet_ended(request)
            self._watch_half_closed(session, now)

    def receive_reset(self, request_id: int, now: float) -> None:
        """A request was reset by the peer, or its link was lost."""
        request = self._table.get(request_id)
        if request is None:
            return
        session = request.session
        self._table.lost(request)
        if session is None:
            return
        if request.role is Role.PACKET:
            if not request.body_over:
                session.packet_lost(request)
        elif request is session.download:
            session.lose("stream-reset", "the peer reset the download")
        elif not request.body_over:
            session.lose("stream-reset", "the peer reset the upload")

    # -- the application --------------------------------------------------------------------

    def send_data(self, stream_id: int, data: bytes, now: float) -> None:
        """Bytes for the peer. Ignored once the stream is over."""
        session = self._streams.get(stream_id)
        if session is not None and data:
            session.send(data)

    def send_end(self, stream_id: int, now: float) -> None:
        """Our direction is complete."""
        if (session := self._streams.get(stream_id)) is not None:
            session.end()
            self._watch_half_closed(session, now)

    def close_stream(self, stream_id: int, now: float) -> None:
        """Our direction is complete, and the peer's is of no more interest: what still comes is
        counted out. Right after the opening this is Xray's refusal (spec 1.3)."""
        if (session := self._streams.get(stream_id)) is not None:
            session.close()
            self._watch_half_closed(session, now)

    def reset_stream(self, stream_id: int, now: float) -> None:
        """Give the stream up; no event follows for it."""
        if (session := self._streams.get(stream_id)) is not None:
            session.cut()

    def acknowledge(self, stream_id: int, count: int, now: float) -> None:
        """``count`` bytes of StreamData were handed on."""
        if (session := self._streams.get(stream_id)) is not None:
            session.acknowledge(count)

    def download_request(self, stream_id: int) -> int | None:
        """The exchange that carries our bytes, while the stream lives."""
        session = self._streams.get(stream_id)
        if session is None or session.download is None:
            return None
        return session.download.request_id

    def overtook_bytes(self, stream_id: int) -> int:
        """Bytes of packets that wait for an earlier one."""
        session = self._streams.get(stream_id)
        return 0 if session is None else session.overtook_bytes

    def next_event(self) -> Event | None:
        """The next order or report; call it until it returns None."""
        return self._events.popleft() if self._events else None

    # -- time -------------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When :meth:`handle_deadline` wants to be called."""
        deadlines = self._deadlines
        while deadlines and not self._is_set(deadlines[0]):
            heapq.heappop(deadlines)
        return deadlines[0][0] if deadlines else None

    def handle_deadline(self, now: float) -> None:
        """Do what is due."""
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            _, _, what, session = heapq.heappop(self._deadlines)
            if what == "reap":
                session.reap()
            elif what == "keepalive":
                self._keep_alive(session, now)
            else:
                session.lose("timeout", "no packet came for a long time after the download's end")

    def _set_deadline(self, when: float, what: str, session: Session) -> None:
        self._deadline_count += 1
        heapq.heappush(self._deadlines, (when, self._deadline_count, what, session))

    @staticmethod
    def _is_set(entry: tuple[float, int, str, Session]) -> bool:
        """Whether a deadline is still wanted: sessions change theirs without searching the heap."""
        when, _, what, session = entry
        if what == "reap":
            return session.reap_at == when
        return when == (session.keepalive_at if what == "keepalive" else session.half_closed_at)

    def _keep_alive(self, session: Session, now: float) -> None:
        """Garbage in the answer to an upload, so that no proxy finds it idle (spec 5.2)."""
        pause, upload = self._settings.keepalive_s, session.upload
        if pause is None or upload is None or upload.answered:
            return
        self._table.send(upload, make_padding(self._draw).encode())
        session.keepalive_at = now + self._draw(*pause)
        self._set_deadline(session.keepalive_at, "keepalive", session)

    def _watch_half_closed(self, session: Session, now: float) -> None:
        if session.phase is not Phase.WE_ENDED or session.upload is not None:
            return
        when = now + HALF_CLOSED_REAP_S
        if session.half_closed_at is None or when > session.half_closed_at + _HALF_CLOSED_STEP_S:
            session.half_closed_at = when
            self._set_deadline(when, "half-closed", session)

    # -- SessionOwner -----------------------------------------------------------------------

    def session_opened(self, session: Session) -> int:
        """Both halves of a session are here."""
        self._no_longer_half_open(session)
        stream_id = self._next_stream
        self._next_stream += 1
        self._streams[stream_id] = session
        return stream_id

    def session_over(self, session: Session) -> None:
        """A session is over; its id is free again."""
        self._no_longer_half_open(session)
        self._streams.pop(session.stream_id, None)
        if self._sessions.get(session.session_id) is session:
            del self._sessions[session.session_id]

    def _no_longer_half_open(self, session: Session) -> None:
        self._half_open.pop(session, None)
        self._waiting_bytes -= session.waiting_bytes
        session.waiting_bytes = 0


def _waiting_bytes(session: Session) -> int:
    return session.waiting_bytes


def _content_length(head: RequestHead) -> int:
    text = header(head.headers, "content-length")
    length = None if text is None else parse_seq(text)
    return length or 0
