"""Through the proxies that people have: squid and microsocks, with and without a password."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.interop.conftest import Pki
from tests.interop.proxies import PASSWORD, USER, Microsocks, Squid, missing_microsocks, missing_squid
from tests.kit.clock import real_run
from tests.net.loops import LoopFactory, both_loops
from tunnel_whisperer.base.errors import Refused, TwError
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net.http import Exchange, ExchangeHandler
from tunnel_whisperer.net.http_front import HttpFront
from tunnel_whisperer.net.link import RelayEndpoint, dial_link
from tunnel_whisperer.net.listener import Listener
from tunnel_whisperer.net.proxy import Proxy
from tunnel_whisperer.net.tls import server_context
from tunnel_whisperer.wire.http import RequestHead, ResponseHead

pytestmark = pytest.mark.interop
needs_squid = pytest.mark.skipif(bool(missing_squid()), reason=missing_squid())
needs_microsocks = pytest.mark.skipif(bool(missing_microsocks()), reason=missing_microsocks())

BODY = bytes(range(256)) * 16 * 1024
KNOWN = f"{USER}:{quote(PASSWORD, safe='')}@"


class Reader:
    """Waits for a response and its body."""

    def __init__(self) -> None:
        self.exchange: Exchange | None = None
        self.body = bytearray()
        self.over: asyncio.Future[TwError | None] = asyncio.get_running_loop().create_future()

    def response_received(self, head: ResponseHead) -> None:
        assert head.status == 200

    def body_received(self, data: bytes) -> None:
        self.body += data
        assert self.exchange is not None
        self.exchange.acknowledge(len(data))

    def body_ended(self) -> None: ...
    def body_progressed(self) -> None: ...

    def exchange_lost(self, exc: TwError | None) -> None:
        self.over.set_result(exc)


class Nothing:
    """The relay's handler of a request without a body."""

    def response_received(self, head: ResponseHead) -> None: ...
    def body_received(self, data: bytes) -> None: ...
    def body_ended(self) -> None: ...
    def body_progressed(self) -> None: ...
    def exchange_lost(self, exc: TwError | None) -> None: ...


def _serve(head: RequestHead, exchange: Exchange) -> ExchangeHandler:
    exchange.respond(ResponseHead(200, ()))
    exchange.send_body(BODY)
    exchange.end_body()
    return Nothing()


@asynccontextmanager
async def _relay(pki: Pki) -> AsyncIterator[HostPort]:
    context = server_context(pki.certificate, pki.key, [], alpn=("h2", "http/1.1"))
    listener = Listener(HostPort("127.0.0.1", 0), lambda: HttpFront(_serve), context=context)
    try:
        yield HostPort("localhost", (await listener.start()).port)
    finally:
        await listener.close()


async def _fetch(pki: Pki, proxy: str, address: HostPort) -> bytes:
    """The body that the relay serves: dial, proxy, TLS, HTTP/2."""
    endpoint = RelayEndpoint(address, pki.ca.read_text(), proxy=Proxy.parse(proxy))
    link = await dial_link(endpoint, endpoint.context())
    assert link.http_version == "2"
    reader = Reader()
    reader.exchange = link.request(RequestHead("GET", "/", "localhost", "https", ()), reader, end=True)
    assert await reader.over is None
    link.abort()
    await asyncio.sleep(0.01)
    return bytes(reader.body)


def _carries(pki: Pki, proxy: str, loop_factory: LoopFactory) -> None:
    async def main() -> None:
        async with _relay(pki) as address:
            assert await _fetch(pki, proxy, address) == BODY

    real_run(main(), loop_factory=loop_factory)


def _refusal(pki: Pki, proxy: str, *, listening: bool = True) -> str:
    """The words of the refusal."""

    async def main() -> str:
        async with _relay(pki) as address:
            with socket.socket() as unused:
                unused.bind(("127.0.0.1", 0))  # bound, and not listening
                if not listening:
                    address = HostPort("127.0.0.1", unused.getsockname()[1])
                with pytest.raises(Refused) as caught:
                    await _fetch(pki, proxy, address)
        assert caught.value.code == "proxy-refused"
        assert PASSWORD not in str(caught.value)
        return caught.value.why

    return real_run(main())


# -- squid -----------------------------------------------------------------------------------------


@needs_squid
@both_loops
def test_squid_connects_us(pki: Pki, loop_factory: LoopFactory) -> None:
    with Squid() as squid:
        _carries(pki, f"http://127.0.0.1:{squid.port}", loop_factory)


@needs_squid
@both_loops
def test_squid_over_tls_connects_us(
    pki: Pki, loop_factory: LoopFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pki.ca))
    with Squid(tls=(pki.certificate, pki.key)) as squid:
        _carries(pki, f"https://localhost:{squid.port}", loop_factory)


@needs_squid
def test_squid_with_a_password(pki: Pki) -> None:
    with Squid(password=True) as squid:
        at = f"127.0.0.1:{squid.port}"
        _carries(pki, f"http://{KNOWN}{at}", asyncio.SelectorEventLoop)
        wrong = _refusal(pki, f"http://{USER}:guess@{at}")
        assert wrong == "the proxy does not accept this user name and password"
        assert _refusal(pki, f"http://{at}") == "the proxy wants a user name and a password"


@needs_squid
def test_squid_that_does_not_allow_it(pki: Pki) -> None:
    with Squid(allowed=False) as squid:
        assert "does not allow connections to localhost:" in _refusal(pki, f"127.0.0.1:{squid.port}")


@needs_squid
def test_squid_that_cannot_reach_the_relay(pki: Pki) -> None:
    with Squid() as squid:
        why = _refusal(pki, f"http://127.0.0.1:{squid.port}", listening=False)
        assert why.startswith("the proxy cannot reach 127.0.0.1:")


# -- microsocks ------------------------------------------------------------------------------------


@needs_microsocks
@both_loops
def test_microsocks_connects_us(pki: Pki, loop_factory: LoopFactory) -> None:
    with Microsocks() as socks:
        _carries(pki, f"socks5://127.0.0.1:{socks.port}", loop_factory)


@needs_microsocks
def test_microsocks_with_a_password(pki: Pki) -> None:
    with Microsocks(password=True) as socks:
        at = f"127.0.0.1:{socks.port}"
        _carries(pki, f"socks5://{KNOWN}{at}", asyncio.SelectorEventLoop)
        wrong = _refusal(pki, f"socks5://{USER}:guess@{at}")
        assert wrong == "the proxy does not accept this user name and password"
        assert _refusal(pki, f"socks5://{at}") == "the proxy wants a user name and a password"


@needs_microsocks
def test_microsocks_that_cannot_reach_the_relay(pki: Pki) -> None:
    with Microsocks() as socks:
        why = _refusal(pki, f"socks5://127.0.0.1:{socks.port}", listening=False)
        assert why.endswith("refused the proxy's connection")


@needs_microsocks
def test_microsocks_taken_for_an_http_proxy_is_noticed(pki: Pki) -> None:
    with Microsocks() as socks:
        why = _refusal(pki, f"http://127.0.0.1:{socks.port}")
        assert why in (
            "it does not answer as an HTTP proxy",
            "the proxy closed the connection without an answer",
        )
