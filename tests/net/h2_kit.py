"""Both ends of an HTTP/2 connection for tests: raw bytes, the ``h2`` library, and a handler.

Frames are built here from RFC 9113 section 4.1, not with our codec; heads with ``hpack``.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import hpack

from tests.kit.pipe import connect
from tests.kit.recorder import Recorder
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.net.h2_client import H2ClientConnection
from tunnel_whisperer.net.h2_server import H2ServerConnection
from tunnel_whisperer.net.http import Exchange, ExchangeHandler
from tunnel_whisperer.wire.http import RequestHead, ResponseHead

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    range(10)
)
END_STREAM = ACK = 1
END_HEADERS = 4
PADDED = 8
PRIORITISED = 32
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR,
 REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM) = range(12)  # fmt: skip

GET: tuple[tuple[str, str], ...] = (
    (":method", "GET"),
    (":scheme", "https"),
    (":authority", "relay.test"),
    (":path", "/x"),
)
POST = ((":method", "POST"), *GET[1:])
OK = ((":status", "200"),)


# -- frames ----------------------------------------------------------------------------------------


def raw(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """A frame."""
    return len(payload).to_bytes(3, "big") + struct.pack(">BBL", kind, flags, stream) + payload


def u32(*values: int) -> bytes:
    """32-bit numbers."""
    return struct.pack(f">{len(values)}L", *values)


def settings(*values: tuple[int, int]) -> bytes:
    """SETTINGS with these (number, value) pairs."""
    return raw(SETTINGS, 0, 0, b"".join(struct.pack(">HL", *pair) for pair in values))


def block(fields: Iterable[tuple[str, str]]) -> bytes:
    """HPACK that neither uses nor changes a dynamic table."""
    return hpack.Encoder().encode([(name, value, True) for name, value in fields])


def headers(stream: int, fields: Iterable[tuple[str, str]], *, end: bool = False, flags: int = 0) -> bytes:
    """HEADERS of a whole head."""
    return raw(HEADERS, END_HEADERS | (END_STREAM if end else 0) | flags, stream, block(fields))


def data(stream: int, payload: bytes, *, end: bool = False) -> bytes:
    """DATA."""
    return raw(DATA, END_STREAM if end else 0, stream, payload)


class Seen(NamedTuple):
    """A frame that arrived."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class RawPeer(Recorder):
    """The other end, in frames: ``send`` writes, ``frames`` tells what came."""

    def __init__(self, *, is_client: bool) -> None:
        super().__init__()
        self._skip = 0 if is_client else len(PREFACE)
        self._decoder = hpack.Decoder()

    def send(self, *frames: bytes) -> None:
        """Write at once."""
        assert self.transport is not None
        self.transport.write(b"".join(frames))

    def frames(self, kind: int | None = None, stream: int | None = None) -> list[Seen]:
        """All that came, in order."""
        found, at = [], self._skip
        while at + 9 <= len(self.received):
            size = int.from_bytes(self.received[at : at + 3], "big")
            if at + 9 + size > len(self.received):
                break
            frame_kind, flags, frame_stream = struct.unpack_from(">BBL", self.received, at + 3)
            payload = bytes(self.received[at + 9 : at + 9 + size])
            at += 9 + size
            if kind in (None, frame_kind) and stream in (None, frame_stream):
                found.append(Seen(frame_kind, flags, frame_stream, payload))
        return found

    @property
    def goaways(self) -> list[tuple[int, int]]:
        """(last stream, code) of each GOAWAY."""
        return [struct.unpack(">LL", frame.payload) for frame in self.frames(GOAWAY)]

    @property
    def resets(self) -> list[tuple[int, int]]:
        """(stream, code) of each RST_STREAM."""
        return [(frame.stream, int.from_bytes(frame.payload, "big")) for frame in self.frames(RST_STREAM)]

    def body(self, stream: int) -> bytes:
        """All DATA of a stream."""
        return b"".join(frame.payload for frame in self.frames(DATA, stream))

    def credit(self, stream: int) -> int:
        """The sum of its WINDOW_UPDATEs."""
        return sum(int.from_bytes(frame.payload, "big") for frame in self.frames(WINDOW_UPDATE, stream))

    def heads(self) -> list[tuple[int, list[tuple[str, str]]]]:
        """(stream, fields) of all heads; call it once, for it has a table."""
        return [
            (frame.stream, [(str(name), str(value)) for name, value in self._decoder.decode(frame.payload)])
            for frame in self.frames(HEADERS)
        ]


# -- handlers --------------------------------------------------------------------------------------


class Scribe:
    """A handler that writes down what happens.

    Args:
        acknowledges: gives each byte back at once.
    """

    def __init__(self, *, acknowledges: bool = True) -> None:
        self.acknowledges = acknowledges
        self.exchange: Exchange
        self.request: RequestHead | None = None
        self.response: ResponseHead | None = None
        self.body = bytearray()
        self.pieces = 0
        self.ended = False
        self.lost: list[TwError | None] = []
        self.progressed = 0
        self.on_body: Callable[[bytes], None] | None = None

    def response_received(self, head: ResponseHead) -> None:
        assert not self.lost
        assert self.response is None and not self.body
        self.response = head

    def body_received(self, data: bytes) -> None:
        assert data and not self.ended and not self.lost
        self.body += data
        self.pieces += 1
        if self.acknowledges:
            self.exchange.acknowledge(len(data))
        if self.on_body is not None:
            self.on_body(data)

    def body_ended(self) -> None:
        assert not self.ended and not self.lost
        self.ended = True

    def exchange_lost(self, exc: TwError | None) -> None:
        assert not self.lost, "lost twice"
        self.lost.append(exc)

    def body_progressed(self) -> None:
        assert not self.lost
        self.progressed += 1

    @property
    def fault(self) -> TwError:
        """Why it was lost."""
        assert len(self.lost) == 1 and self.lost[0] is not None, self.lost
        return self.lost[0]


class Door:
    """Accepts every request; keeps the handlers in order of arrival.

    Args:
        answer: called with each, before anything of the body.
        acknowledges: for the handlers.
    """

    def __init__(self, answer: Callable[[Scribe], None] | None = None, *, acknowledges: bool = True) -> None:
        self._answer = answer
        self._acknowledges = acknowledges
        self.scribes: list[Scribe] = []

    def __call__(self, head: RequestHead, exchange: Exchange) -> ExchangeHandler:
        scribe = Scribe(acknowledges=self._acknowledges)
        scribe.request, scribe.exchange = head, exchange
        self.scribes.append(scribe)
        if self._answer is not None:
            self._answer(scribe)
        return scribe


def answer_ok(scribe: Scribe) -> None:
    """200, without a body."""
    scribe.exchange.respond(ResponseHead(200), end=True)


def open_ok(scribe: Scribe) -> None:
    """200, and the body to come."""
    scribe.exchange.respond(ResponseHead(200))


def echo(scribe: Scribe) -> None:
    """200, and what comes back."""
    scribe.exchange.respond(ResponseHead(200))
    scribe.on_body = scribe.exchange.send_body
    ended = scribe.body_ended

    def end() -> None:
        ended()
        scribe.exchange.end_body()

    scribe.body_ended = end  # type: ignore[method-assign]


def ask(client: H2ClientConnection, method: str = "GET", *, end: bool = False, **options: Any) -> Scribe:
    """Start an exchange."""
    scribe = Scribe(**options)
    scribe.exchange = client.request(RequestHead(method, "/x", "relay.test"), scribe, end=end)
    return scribe


# -- whole connections -----------------------------------------------------------------------------


async def settle(turns: int = 30) -> None:
    """Let everything happen that needs no time."""
    for _ in range(turns):
        await asyncio.sleep(0)


class RawServed:
    """Our server, and a raw client that has greeted it."""

    def __init__(self, door: Door | None = None, *, greeting: bytes | None = None, **pipe: Any) -> None:
        self.door = door or Door()
        self.server = H2ServerConnection(self.door)
        self.peer = RawPeer(is_client=True)
        self.near, self.far = connect(self.peer, self.server, **pipe)
        self.peer.send(PREFACE + settings() + raw(SETTINGS, ACK) if greeting is None else greeting)

    async def send(self, *frames: bytes) -> None:
        """Write, and let it work."""
        self.peer.send(*frames)
        await settle()


class RawAsked:
    """Our client, and a raw server that has greeted it."""

    def __init__(self, *, greeting: bytes | None = None, **pipe: Any) -> None:
        self.client = H2ClientConnection()
        self.peer = RawPeer(is_client=False)
        self.far, self.near = connect(self.client, self.peer, **pipe)
        self.peer.send(settings() + raw(SETTINGS, ACK) if greeting is None else greeting)

    async def send(self, *frames: bytes) -> None:
        """Write, and let it work."""
        self.peer.send(*frames)
        await settle()


class LibraryPeer(asyncio.Protocol):
    """The ``h2`` library on a transport: another implementation of everything.

    It acknowledges what it receives, sends as its windows allow, and writes down all events.
    """

    def __init__(self, *, client: bool) -> None:
        config = h2.config.H2Configuration(client_side=client, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        self.events: list[Any] = []
        self.bodies: dict[int, bytearray] = {}
        self.transport: asyncio.Transport
        self.lost = False
        self._unsent: dict[int, tuple[bytes, bool]] = {}
        self.hold_acknowledgements = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.h2.initiate_connection()
        self.flush()

    def data_received(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            self.events.append(event)
            if isinstance(event, h2.events.DataReceived):
                self.bodies.setdefault(event.stream_id, bytearray()).extend(event.data)
                if event.flow_controlled_length and not self.hold_acknowledgements:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def send(self, stream: int, payload: bytes, *, end: bool = False) -> None:
        """Send body as the windows allow."""
        held, _ = self._unsent.get(stream, (b"", False))
        self._unsent[stream] = held + payload, end
        self.flush()

    def flush(self) -> None:
        """Write what is to be written."""
        for stream, (payload, end) in list(self._unsent.items()):
            while payload:
                room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
                if room <= 0:
                    break
                piece, payload = payload[:room], payload[room:]
                self.h2.send_data(stream, piece)
            if payload:
                self._unsent[stream] = payload, end
            else:
                del self._unsent[stream]
                if end:
                    self.h2.end_stream(stream)
        out = self.h2.data_to_send()
        if not self.transport.is_closing():
            self.transport.write(out)

    def of(self, kind: type[h2.events.Event], stream: int | None = None) -> list[Any]:
        """Events of a kind."""
        return [
            event
            for event in self.events
            if type(event) is kind and stream in (None, getattr(event, "stream_id", None))
        ]


class LibraryServed:
    """Our server, and the library as its client."""

    def __init__(self, door: Door, **pipe: Any) -> None:
        self.door = door
        self.server = H2ServerConnection(door)
        self.peer = LibraryPeer(client=True)
        self.near, self.far = connect(self.peer, self.server, **pipe)

    def request(self, fields: Iterable[tuple[str, str]] = GET, *, end: bool = True, **options: Any) -> int:
        """Send a head. Returns the stream."""
        stream = self.peer.h2.get_next_available_stream_id()
        self.peer.h2.send_headers(stream, list(fields), end_stream=end, **options)
        self.peer.flush()
        return stream


class LibraryAsked:
    """Our client, and the library as its server."""

    def __init__(self, **pipe: Any) -> None:
        self.client = H2ClientConnection()
        self.peer = LibraryPeer(client=False)
        self.far, self.near = connect(self.client, self.peer, **pipe)

    def respond(self, stream: int, fields: Iterable[tuple[str, str]] = OK, *, end: bool = False) -> None:
        """Send a head."""
        self.peer.h2.send_headers(stream, list(fields), end_stream=end)
        self.peer.flush()


class Pair:
    """Our client and our server."""

    def __init__(self, door: Door, **pipe: Any) -> None:
        self.door = door
        self.client, self.server = H2ClientConnection(), H2ServerConnection(door)
        self.near, self.far = connect(self.client, self.server, **pipe)
