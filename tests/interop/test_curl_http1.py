"""curl speaks HTTP/1.1 to the relay's own front, plain and over TLS; and to both our ends at once."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.interop.conftest import Pki
from tests.kit.clock import real_run
from tests.net.h1_kit import Door, Visit, Witness
from tunnel_whisperer.base.limits import PATH_WINDOW_BYTES
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net.h1_client import H1ClientConnection
from tunnel_whisperer.net.http_front import HttpFront
from tunnel_whisperer.net.link import RelayEndpoint, dial_link
from tunnel_whisperer.net.listener import Listener
from tunnel_whisperer.net.tls import server_context
from tunnel_whisperer.wire.http import RequestHead, ResponseHead

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]

BIG = bytes(range(256)) * 4096  # 1 MB


def _echo(visit: Visit) -> None:
    if visit.head.target.startswith("/404"):
        visit.ex.respond(ResponseHead(404, (("content-length", "0"),)), end=True)
        return
    visit.ex.grow_window(PATH_WINDOW_BYTES)
    visit.ex.respond(ResponseHead(200, (("x-method", visit.head.method),)))
    visit.on_body = visit.send
    visit.on_end = visit.ex.end_body


def _with_relay(pki: Pki, tls: bool, body: Callable[[Door, int], Awaitable[None]]) -> None:
    async def main() -> None:
        door = Door(_echo)
        context = None
        if tls:
            context = server_context(pki.certificate, pki.key, [], alpn=("h2", "http/1.1"))
        listener = Listener(HostPort("127.0.0.1", 0), lambda: HttpFront(door), context=context)
        port = (await listener.start()).port
        try:
            await body(door, port)
        finally:
            await listener.close()

    real_run(main())


async def _curl(pki: Pki, tls: bool, port: int, *options: str, send: bytes = b"") -> tuple[str, bytes]:
    """Response codes, in order, and the output."""
    process = await asyncio.create_subprocess_exec(
        "curl", "-sS", "--http1.1", "--noproxy", "*", "--max-time", "10", "--cacert", str(pki.ca),
        "--resolve", f"relay.test:{port}:127.0.0.1", "-w", "%{stderr}%{http_code}:%{num_connects} ",
        *(x.replace("URL", f"http{'s' if tls else ''}://relay.test:{port}") for x in options),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate(send)
    assert process.returncode == 0, err.decode()
    return err.decode().strip(), out


@pytest.mark.parametrize("tls", [False, True])
def test_uploads_chunked_and_by_length(pki: Pki, tls: bool, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(BIG)

    async def body(door: Door, port: int) -> None:
        assert await _curl(pki, tls, port, "-T", "-", "URL/a", send=BIG) == ("200:1", BIG)
        assert await _curl(pki, tls, port, "-T", str(tmp_path / "big"), "URL/a") == ("200:1", BIG)
        scheme = "https" if tls else "http"
        assert {(x.head.method, x.head.scheme) for x in door.visits} == {("PUT", scheme)}
        assert all(x.over and x.lost is None for x in door.visits)

    _with_relay(pki, tls, body)


@pytest.mark.parametrize("tls", [False, True])
def test_an_upload_that_waits_for_100(pki: Pki, tls: bool) -> None:
    async def body(door: Door, port: int) -> None:
        options = ("--data-binary", "@-", "-H", "Expect: 100-continue", "--expect100-timeout", "9")
        assert await _curl(pki, tls, port, *options, "URL/a", send=BIG) == ("200:1", BIG)
        assert await _curl(pki, tls, port, *options, "URL/404", send=BIG) == ("404:1", b"")

    _with_relay(pki, tls, body)


@pytest.mark.parametrize("tls", [False, True])
def test_a_connection_is_used_again(pki: Pki, tls: bool) -> None:
    async def body(door: Door, port: int) -> None:
        codes, out = await _curl(pki, tls, port, "URL/1", "URL/404", "-d", "x=y", "URL/3")
        assert codes == "200:1 404:0 200:0" and out == b"x=yx=y"

    _with_relay(pki, tls, body)


@pytest.mark.parametrize("tls", [False, True])
def test_head_http_1_0_and_a_refused_upload(pki: Pki, tls: bool) -> None:
    async def body(door: Door, port: int) -> None:
        codes, out = await _curl(pki, tls, port, "-I", "URL/a")
        assert codes == "200:1" and b"X-Method: HEAD" in out
        assert await _curl(pki, tls, port, "--http1.0", "-d", "abc", "URL/a") == ("200:1", b"abc")
        codes, _ = await _curl(pki, tls, port, "-T", "-", "-H", "Expect:", "URL/404", send=BIG)
        assert codes == "404:1"

    _with_relay(pki, tls, body)


@pytest.mark.parametrize("tls", [False, True])
def test_our_client_over_real_sockets(pki: Pki, tls: bool) -> None:
    async def body(door: Door, port: int) -> None:
        address, ca_pem = HostPort("localhost", port), pki.ca.read_text()
        endpoint = RelayEndpoint(address, ca_pem=ca_pem, http="1.1", plain=not tls)
        link = await dial_link(endpoint, endpoint.context() if tls else None)
        assert isinstance(link, H1ClientConnection)
        for _ in range(2):
            stream = Witness()
            stream.exchange = link.request(RequestHead("POST", "/", "relay.test"), stream)
            for i in range(0, len(BIG), 65536):
                stream.send(BIG[i : i + 65536])
            stream.exchange.end_body()
            while not stream.over:
                await asyncio.sleep(0.01)
            assert stream.body == BIG and stream.lost is None
            assert stream.exchange.get_extra_info("peername")[1] == port
        stream = Witness()
        stream.exchange = link.request(RequestHead("POST", "/", "relay.test"), stream)
        stream.send(b"x")
        while not stream.body:
            await asyncio.sleep(0.01)
        stream.exchange.reset()
        while not door.visits[-1].over:
            await asyncio.sleep(0.01)
        assert door.visits[-1].lost is not None and door.visits[-1].lost.code == "link-lost"

    _with_relay(pki, tls, body)
