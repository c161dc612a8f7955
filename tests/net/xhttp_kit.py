"""XHTTP over in-memory pipes: a client's links, a server's acceptor, and one stream through both."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.kit.pipe import PipeTransport, connect
from tests.kit.recorder import Recorder
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.net.h1_client import H1ClientConnection
from tunnel_whisperer.net.h1_server import H1ServerConnection
from tunnel_whisperer.net.h2_client import H2ClientConnection
from tunnel_whisperer.net.h2_server import H2ServerConnection
from tunnel_whisperer.net.http import AcceptExchange, ClientConnection, Exchange, ExchangeHandler
from tunnel_whisperer.net.xhttp_client import XhttpAddress, open_xhttp
from tunnel_whisperer.net.xhttp_server import XhttpAcceptor
from tunnel_whisperer.net.xhttp_stream import XhttpStream
from tunnel_whisperer.wire.http import RequestHead, ResponseHead

__all__ = ["Answering", "Failing", "World", "each_mode", "each_version"]

ADDRESS = XhttpAddress("/tw/srv1", "h.test", "http")
SESSION_ID = "11111111-2222-4333-8444-555555555555"


each_mode = pytest.mark.parametrize("mode", ["stream-one", "stream-up", "packet-up"])
each_version = pytest.mark.parametrize("http_version", ["2", "1.1"])


class Failing(Recorder):
    """A protocol with a fault."""

    def data_received(self, data: bytes) -> None:
        raise ValueError("a fault of the application")


class Answering:
    """A server that answers every request with the same head, and perhaps ends it."""

    def __init__(self, head: ResponseHead, *, end: bool) -> None:
        self.head, self.end = head, end

    def __call__(self, head: RequestHead, exchange: Exchange) -> ExchangeHandler:
        exchange.respond(self.head, end=self.end)
        return self

    def response_received(self, head: ResponseHead) -> None: ...

    def body_received(self, data: bytes) -> None: ...

    def body_ended(self) -> None: ...

    def exchange_lost(self, exc: TwError | None) -> None: ...

    def body_progressed(self) -> None: ...


class _Knock(asyncio.Protocol):
    """Says one byte, then steps aside: packet-up opens its stream with the first packet."""

    def __init__(self, inner: asyncio.Protocol) -> None:
        self._inner = inner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"!")
        transport.set_protocol(self._inner)
        self._inner.connection_made(transport)


class _Door(asyncio.Protocol):
    """Takes that byte off."""

    def __init__(self, inner: asyncio.Protocol, opened: asyncio.Event) -> None:
        self._inner = inner
        self._opened = opened
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None and data[:1] == b"!"
        self._transport.set_protocol(self._inner)
        self._inner.connection_made(self._transport)
        if data[1:]:
            self._inner.data_received(data[1:])
        self._opened.set()


class World:
    """A client and a server; a LinkSource for streams.

    Args:
        http_version: ``"2"`` or ``"1.1"``.
        accept: gives the protocol of each new stream at the server.
        pipe: options of the pipes.
    """

    def __init__(
        self, http_version: str, accept: Callable[[XhttpStream], asyncio.Protocol], **pipe: Any
    ) -> None:
        self.http_version = http_version
        self.acceptor: XhttpAcceptor[None] = XhttpAcceptor(
            ADDRESS.path, lambda stream, visitor: accept(stream), random.Random(1).randint
        )
        self.links: list[H1ClientConnection | H2ClientConnection] = []
        self.pipes: list[PipeTransport] = []
        self._pipe = pipe
        self._accept: AcceptExchange = self._accept_xhttp

    def answer_with(self, accept: AcceptExchange) -> None:
        """Put another server in the acceptor's place."""
        self._accept = accept

    async def link(self) -> ClientConnection:
        """A link with room for one more request."""
        for link in self.links:
            if link.can_request:
                return link
        client = H2ClientConnection() if self.http_version == "2" else H1ClientConnection()
        server_type = H2ServerConnection if self.http_version == "2" else H1ServerConnection
        ends = connect(client, server_type(self._accept), **self._pipe)
        self.links.append(client)
        self.pipes.append(ends[0])
        return client

    def _accept_xhttp(self, head: RequestHead, exchange: Exchange) -> ExchangeHandler:
        return self.acceptor.accept(head, exchange, None)

    async def open(self, mode: str, protocol: asyncio.Protocol) -> asyncio.Transport:
        """A stream of the client."""
        transport, _ = await open_xhttp(
            self, ADDRESS, mode, lambda: protocol, session_id=SESSION_ID, draw=random.Random(2).randint
        )
        return transport

    async def join(self, mode: str, left: asyncio.Protocol, opened: asyncio.Event) -> asyncio.Transport:
        """A stream whose other end is there: the server's accept made a ``door``."""
        transport = await self.open(mode, _Knock(left))
        await opened.wait()
        return transport

    @staticmethod
    def door(inner: asyncio.Protocol, opened: asyncio.Event) -> asyncio.Protocol:
        """The server's protocol that ``join`` waits for."""
        return _Door(inner, opened)

    async def close(self) -> None:
        """Everything down."""
        self.acceptor.close()
        for link in self.links:
            link.abort()
        await asyncio.sleep(0.1)
