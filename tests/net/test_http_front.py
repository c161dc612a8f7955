"""Which HTTP a visitor speaks, told by his first bytes."""

from __future__ import annotations

import asyncio
from typing import Any

import h2.config
import h2.connection
import h2.events
import h11
import pytest

from tests.kit.clock import run
from tests.kit.pipe import PipeTransport, pipe
from tests.kit.recorder import Recorder
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.base.limits import HEAD_TIMEOUT_S
from tunnel_whisperer.net.http import Exchange
from tunnel_whisperer.net.http_front import HttpFront
from tunnel_whisperer.wire.http import RequestHead, ResponseHead

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # RFC 9113 section 3.4


class Handler:
    """Takes what comes."""

    def response_received(self, head: ResponseHead) -> None: ...
    def body_received(self, data: bytes) -> None: ...
    def body_ended(self) -> None: ...
    def exchange_lost(self, exc: TwError | None) -> None: ...
    def body_progressed(self) -> None: ...


class Visitor:
    """A client at the front door, over a pipe."""

    def __init__(self, **options: Any) -> None:
        self.versions: list[str] = []
        self.recorder = Recorder()
        self.wire, inner = pipe(**options)
        self.wire.start(self.recorder)
        inner.start(HttpFront(self._accept))

    def _accept(self, head: RequestHead, exchange: Exchange) -> Handler:
        self.versions.append(exchange.get_extra_info("http_version"))
        exchange.respond(ResponseHead(404, ()), end=True)
        return Handler()


def _http2_request() -> bytes:
    client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    client.initiate_connection()
    fields = [(":method", "GET"), (":path", "/"), (":scheme", "https"), (":authority", "relay.test")]
    client.send_headers(1, fields, end_stream=True)
    return client.data_to_send()


def _http11_request() -> bytes:
    client = h11.Connection(h11.CLIENT)
    request = h11.Request(method="GET", target="/", headers=[("Host", "relay.test")])
    data = client.send(request)
    assert data is not None
    return data


async def _talk(wire: PipeTransport, data: bytes, visitor: Visitor) -> None:
    wire.write(data)
    await visitor.recorder.until(lambda: bool(visitor.versions), "the request")
    wire.abort()
    await visitor.recorder.got_lost()


@pytest.mark.parametrize("chunk_bytes", [None, 1, 7])
@pytest.mark.parametrize(("request_bytes", "version"), [(_http2_request(), "2"), (_http11_request(), "1.1")])
def test_plain_http_is_told_by_its_first_bytes(
    request_bytes: bytes, version: str, chunk_bytes: int | None
) -> None:
    async def main() -> None:
        visitor = Visitor(chunk_bytes=chunk_bytes)
        await _talk(visitor.wire, request_bytes, visitor)
        assert visitor.versions == [version]

    run(main())


@pytest.mark.parametrize("method", [b"PRI", b"PRIM", b"P", b"PROPFIND"])
def test_a_method_that_begins_like_the_preface_is_http_1(method: bytes) -> None:
    async def main() -> None:
        visitor = Visitor(chunk_bytes=1)
        await _talk(visitor.wire, method + b" /a HTTP/1.1\r\nHost: h\r\n\r\n", visitor)
        assert visitor.versions == ["1.1"]

    run(main())


@pytest.mark.parametrize(("alpn", "version"), [("h2", "2"), ("http/1.1", "1.1"), (None, "1.1")])
def test_over_tls_the_handshake_has_agreed_on_it(alpn: str | None, version: str) -> None:
    class Agreed:
        def selected_alpn_protocol(self) -> str | None:
            return alpn

    async def main() -> None:
        visitor = Visitor(extra={"ssl_object": Agreed()})
        request = _http2_request() if version == "2" else _http11_request()
        await _talk(visitor.wire, request, visitor)
        assert visitor.versions == [version]

    run(main())


@pytest.mark.parametrize("sent", [b"", b"P", PREFACE[:-1]])
def test_who_does_not_make_up_his_mind_is_cut_off(sent: bytes) -> None:
    async def main() -> None:
        visitor = Visitor()
        visitor.wire.write(sent)
        begun = asyncio.get_running_loop().time()
        await visitor.recorder.got_lost()
        assert asyncio.get_running_loop().time() - begun == pytest.approx(HEAD_TIMEOUT_S)
        assert not visitor.recorder.received

    run(main())


def test_who_leaves_before_the_first_byte_is_let_go() -> None:
    async def main() -> None:
        visitor = Visitor()
        visitor.wire.write_eof()
        await visitor.recorder.got_eof()
        visitor.wire.close()
        await visitor.recorder.got_lost()
        assert visitor.recorder.lost_exc is None
        await asyncio.sleep(HEAD_TIMEOUT_S * 2)  # the timer is gone: nothing is left to abort

    run(main())
