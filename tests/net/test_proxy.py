"""The dialogue with a scripted proxy, byte by byte."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from tests.kit.clock import real_run
from tests.net.certificates import Certificates
from tests.net.loops import LoopFactory, both_loops, tcp_pair
from tunnel_whisperer.base.errors import Refused, Retry
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net.proxy import Proxy, connect_through
from tunnel_whisperer.net.tls import server_context

RELAY = HostPort("relay.test", 443)

# -- the dialogue ------------------------------------------------------------------------------------

# What the client says, and what the proxy then answers.
CONNECT = [
    (
        (
            b"CONNECT relay.test:443 HTTP/1.1\r\nHost: relay.test:443\r\n"
            b"Proxy-Authorization: Basic YW5uOnNlY3JldA==\r\n\r\n"
        ),
        b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy.test\r\n\r\n",
    )
]
SOCKS5 = [
    (b"\x05\x02\x00\x02", b"\x05\x02"),
    (b"\x01\x03ann\x06secret", b"\x01\x00"),
    (b"\x05\x01\x00\x03\x0arelay.test\x01\xbb", b"\x05\x00\x00\x03\x05proxy\x04\x38"),
]


async def _play(
    sock: socket.socket, script: list[tuple[bytes, bytes]], *, pieces: int = 1, then: bytes = b""
) -> None:
    """The proxy's part; the last answer comes in one piece with the destination's first bytes."""
    loop = asyncio.get_running_loop()
    for index, (expected, answer) in enumerate(script):
        said = b""
        while len(said) < len(expected):
            piece = await loop.sock_recv(sock, len(expected) - len(said))
            assert piece, f"the client left after {said!r}"
            said += piece
        assert said == expected
        last = index == len(script) - 1
        cuts = range(0, len(answer), -(-len(answer) // pieces))
        step = cuts.step
        for at in cuts:
            final = last and at + step >= len(answer)
            await loop.sock_sendall(sock, answer[at : at + step] + (then if final else b""))
            await asyncio.sleep(0.001 if pieces > 1 else 0)


@both_loops
@pytest.mark.parametrize("pieces", [1, 2, 1000])
@pytest.mark.parametrize(
    ("url", "script"),
    [("http://ann:secret@proxy.test", CONNECT), ("socks5://ann:secret@proxy.test", SOCKS5)],
)
def test_an_answer_in_any_pieces_opens_the_way_and_no_byte_behind_it_is_lost(
    url: str, script: list[tuple[bytes, bytes]], pieces: int, loop_factory: LoopFactory
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = tcp_pair()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_play(theirs, script, pieces=pieces, then=b"SSH-2.0-first words"))
            sock = await connect_through(Proxy.parse(url), ours, RELAY)
        assert await loop.sock_recv(sock, 100) == b"SSH-2.0-first words"
        await loop.sock_sendall(sock, b"hello")
        assert await loop.sock_recv(theirs, 100) == b"hello"
        sock.close()
        theirs.close()

    real_run(main(), loop_factory=loop_factory)


def _fails(url: str, peer: Any, loop_factory: LoopFactory) -> Refused:
    """How it ends with a proxy that behaves like ``peer``; our socket must be closed then."""

    async def main() -> Refused:
        ours, theirs = tcp_pair()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(peer(theirs))
            with pytest.raises(Refused) as caught:
                await connect_through(Proxy.parse(url), ours, RELAY)
        assert ours.fileno() == -1
        theirs.close()
        return caught.value

    error: Refused = real_run(main(), loop_factory=loop_factory)
    assert error.code == "proxy-refused" and error.retry is Retry.BACKOFF
    assert "secret" not in f"{error}{error.hint}"
    return error


@both_loops
@pytest.mark.parametrize(
    ("url", "script", "words"),
    [
        (
            "http://proxy.test:3128",
            [(b"CONNECT relay.test:443 HTTP/1.1\r\nHost: relay.test:443\r\n\r\n",
              b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n")],
            "http://proxy.test:3128: the proxy wants a user name and a password",
        ),
        (
            "socks5://ann:secret@proxy.test",
            [SOCKS5[0], (SOCKS5[1][0], b"\x01\x01")],
            "socks5://proxy.test:1080: the proxy does not accept this user name and password",
        ),
        (
            "socks5://ann:secret@proxy.test",
            [*SOCKS5[:2], (SOCKS5[2][0], b"\x05\x05\x00\x01")],
            "socks5://proxy.test:1080: relay.test:443 refused the proxy's connection",
        ),
    ],
)  # fmt: skip
def test_a_refusal_names_the_proxy_and_closes_the_socket(
    url: str, script: list[tuple[bytes, bytes]], words: str, loop_factory: LoopFactory
) -> None:
    error = _fails(url, lambda sock: _play(sock, script), loop_factory)
    assert str(error) == words


@both_loops
def test_a_proxy_that_hangs_up_is_told(loop_factory: LoopFactory) -> None:
    async def hang_up(sock: socket.socket) -> None:
        await asyncio.get_running_loop().sock_recv(sock, 4096)
        sock.shutdown(socket.SHUT_WR)

    error = _fails("http://proxy.test", hang_up, loop_factory)
    assert error.why == "the proxy closed the connection without an answer"


@both_loops
def test_a_proxy_that_resets_is_told(loop_factory: LoopFactory) -> None:
    async def reset(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        sock.close()

    error = _fails("http://proxy.test", reset, loop_factory)
    assert error.why.startswith("the connection to the proxy broke: ")


@both_loops
def test_a_dialogue_that_is_cancelled_closes_the_socket(loop_factory: LoopFactory) -> None:
    async def main() -> None:
        ours, theirs = tcp_pair()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await connect_through(Proxy.parse("socks5://proxy.test"), ours, RELAY)
        assert ours.fileno() == -1
        theirs.close()

    real_run(main(), loop_factory=loop_factory)


# -- TLS to the proxy --------------------------------------------------------------------------------


class TlsProxy(asyncio.Protocol):
    """Answers one CONNECT inside TLS, then echoes in capitals."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.head = b""
        self.answered = False
        self.transport: Any = None
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.answered:
            self.transport.write(data.upper())
            return
        self.head += data
        if self.head.endswith(b"\r\n\r\n"):
            self.answered = True
            self.transport.write(self.answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


async def _tls_proxy(
    certificates: Certificates, answer: bytes = CONNECT[0][1] + b"welcome"
) -> tuple[socket.socket, TlsProxy, asyncio.Task[Any]]:
    ours, theirs = tcp_pair()
    proxy = TlsProxy(answer)
    context = server_context(*certificates.relay, [], alpn=["http/1.1"])
    loop = asyncio.get_running_loop()
    served = loop.create_task(loop.connect_accepted_socket(lambda: proxy, theirs, ssl=context))
    return ours, proxy, served


@both_loops
def test_an_https_proxy_is_asked_inside_tls(
    certificates: Certificates, loop_factory: LoopFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_text(certificates.relay_ca)
    monkeypatch.setenv("SSL_CERT_FILE", str(roots))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ours, proxy, served = await _tls_proxy(certificates)
        sock = await connect_through(Proxy.parse("https://ann:secret@localhost"), ours, RELAY)
        await served
        assert proxy.head == CONNECT[0][0]
        assert await loop.sock_recv(sock, 100) == b"welcome"
        await loop.sock_sendall(sock, b"x" * 300_000)
        received = b""
        while len(received) < 300_000:
            received += await loop.sock_recv(sock, 65536)
        assert received == b"X" * 300_000
        sock.close()
        await asyncio.wait_for(proxy.lost.wait(), 10)

    real_run(main(), loop_factory=loop_factory)


@both_loops
def test_an_https_proxy_that_is_not_trusted_gets_no_credentials(
    certificates: Certificates, loop_factory: LoopFactory
) -> None:
    async def main() -> None:
        ours, proxy, served = await _tls_proxy(certificates)
        with pytest.raises(Refused) as caught:
            await connect_through(Proxy.parse("https://ann:secret@localhost"), ours, RELAY)
        await asyncio.wait([served])
        assert served.exception() is not None
        assert not proxy.head
        assert caught.value.code == "proxy-refused"
        assert str(caught.value).startswith("https://localhost:443: its certificate is not trusted: ")
        await asyncio.sleep(0)
        assert ours.fileno() == -1

    real_run(main(), loop_factory=loop_factory)


@both_loops
def test_an_https_proxy_that_refuses_leaves_nothing_behind(
    certificates: Certificates, loop_factory: LoopFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_text(certificates.relay_ca)
    monkeypatch.setenv("SSL_CERT_FILE", str(roots))

    async def main() -> None:
        ours, proxy, served = await _tls_proxy(certificates, b"HTTP/1.1 403 Forbidden\r\n\r\n")
        with pytest.raises(Refused, match="does not allow"):
            await connect_through(Proxy.parse("https://localhost"), ours, RELAY)
        await served
        await asyncio.wait_for(proxy.lost.wait(), 10)
        while ours.fileno() != -1:
            await asyncio.sleep(0.001)

    real_run(main(), loop_factory=loop_factory)
