"""Handlers and doors that write down what happens to them, and the two ends over a pipe."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.kit.pipe import PipeTransport, pipe
from tests.kit.recorder import Recorder
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.net.h1_client import H1ClientConnection
from tunnel_whisperer.net.h1_server import H1ServerConnection
from tunnel_whisperer.net.http import Exchange, ExchangeHandler
from tunnel_whisperer.wire.http import RequestHead, ResponseHead

__all__ = ["BAD", "GET", "OK", "POST", "Door", "Visit", "Witness", "client_and_peer", "dechunk", "empty", "holds",
           "load", "pair", "says", "server_and_peer", "settle"]  # fmt: skip

GET = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
BAD = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Connection: close\r\n\r\n400 Bad Request"
)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

_DATA = Path(__file__).parent.parent / "data" / "h1"


def load(name: str) -> Any:
    """A file of tests/data/h1."""
    return json.loads((_DATA / name).read_text())


def holds(condition: object) -> bool:
    """Whether it holds now; a type checker takes a bare ``assert`` for a promise that it always will."""
    return bool(condition)


async def settle(turns: int = 30) -> None:
    """Let everything happen that needs no time."""
    for _ in range(turns):
        await asyncio.sleep(0)


class Witness:
    """An exchange handler; its assertions are the grammar of the calls.

    Args:
        acknowledge: hand on at once whatever arrives.
    """

    def __init__(self, *, acknowledge: bool = True) -> None:
        self.acknowledge = acknowledge
        self.exchange: Exchange | None = None
        self.response: ResponseHead | None = None
        self.body = bytearray()
        self.pieces = 0
        self.ended = False
        self.over = False
        self.lost: TwError | None = None
        self.progressed = 0
        self.in_send = False
        self.on_body: Callable[[bytes], None] | None = None
        self.on_end: Callable[[], None] | None = None
        self.on_progress: Callable[[], None] | None = None

    def send(self, data: bytes) -> None:
        """Send, and notice callbacks from inside it."""
        assert self.exchange is not None
        self.in_send = True
        self.exchange.send_body(data)
        self.in_send = False

    def response_received(self, head: ResponseHead) -> None:
        assert not self.over and self.response is None and not self.body
        self.response = head

    def body_received(self, data: bytes) -> None:
        assert not self.over and not self.ended and data and type(data) is bytes
        self.body += data
        self.pieces += 1
        if self.acknowledge and self.exchange is not None:
            self.exchange.acknowledge(len(data))
        if self.on_body is not None:
            self.on_body(data)

    def body_ended(self) -> None:
        assert not self.over and not self.ended
        self.ended = True
        if self.on_end is not None:
            self.on_end()

    def exchange_lost(self, exc: TwError | None) -> None:
        assert not self.over, "exchange_lost twice"
        self.over, self.lost = True, exc

    def body_progressed(self) -> None:
        assert not self.over and not self.in_send
        self.progressed += 1
        if self.on_progress is not None:
            self.on_progress()


class Visit(Witness):
    """The server's side of one exchange."""

    def __init__(self, head: RequestHead, exchange: Exchange, *, acknowledge: bool = True) -> None:
        super().__init__(acknowledge=acknowledge)
        self.head = head
        self.exchange = exchange

    @property
    def ex(self) -> Exchange:
        """The exchange."""
        assert self.exchange is not None
        return self.exchange

    def answer(self, status: int = 200, body: bytes = b"") -> None:
        """A whole response."""
        if not body:
            self.ex.respond(ResponseHead(status), end=True)
            return
        self.ex.respond(ResponseHead(status, (("content-length", str(len(body))),)))
        self.ex.send_body(body)
        self.ex.end_body()


class Door:
    """Accepts everything; ``on_visit`` says what to do with it."""

    def __init__(self, on_visit: Callable[[Visit], None] | None = None, *, acknowledge: bool = True) -> None:
        self.on_visit = on_visit
        self.acknowledge = acknowledge
        self.visits: list[Visit] = []

    def __call__(self, head: RequestHead, exchange: Exchange) -> ExchangeHandler:
        visit = Visit(head, exchange, acknowledge=self.acknowledge)
        self.visits.append(visit)
        if self.on_visit is not None:
            self.on_visit(visit)
        return visit


def server_and_peer(door: Door, **options: Any) -> tuple[H1ServerConnection, Recorder, PipeTransport]:
    """A server connection, and the raw other end."""
    ours, theirs = pipe(**options)
    server, peer = H1ServerConnection(door), Recorder()
    ours.start(server)
    theirs.start(peer)
    return server, peer, theirs


def client_and_peer(**options: Any) -> tuple[H1ClientConnection, Recorder, PipeTransport]:
    """A client connection, and the raw other end."""
    ours, theirs = pipe(**options)
    client, peer = H1ClientConnection(), Recorder()
    ours.start(client)
    theirs.start(peer)
    return client, peer, theirs


def pair(door: Door, **options: Any) -> tuple[H1ClientConnection, H1ServerConnection]:
    """Client and server joined."""
    a, b = pipe(**options)
    client, server = H1ClientConnection(), H1ServerConnection(door)
    a.start(client)
    b.start(server)
    return client, server


def says(visit: Visit) -> None:
    """Answers with the target."""
    visit.answer(200, visit.head.target.encode())


def empty(visit: Visit) -> None:
    """Answers with nothing."""
    visit.answer()


def dechunk(stream: bytes) -> bytes:
    """Joins the chunks of a body; sizes below 64 KiB, no extensions."""
    body = b""
    while stream:
        size, _, stream = stream.partition(b"\r\n")
        body += stream[: int(size, 16)]
        stream = stream[int(size, 16) + 2 :]
    return body
