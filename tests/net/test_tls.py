"""Handshakes on loopback, under both loops: who is trusted, who is refused, and in which words."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tests.kit.recorder import Recorder
from tests.net.certificates import NAME, Certificates
from tests.net.loops import LoopFactory, both_loops, tcp_pair
from tunnel_whisperer.base.errors import Misuse, Refused, Retry, TwError, Unreachable
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net import tls
from tunnel_whisperer.net.listener import Listener
from tunnel_whisperer.net.tls import client_context, server_context, start_tls_client, tls_fault


class Echo(asyncio.Protocol):
    """Answers each piece with itself."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)  # type: ignore[attr-defined]


@asynccontextmanager
async def _relay(certificates: Certificates, alpn: tuple[str, ...] = ("h2",)) -> AsyncIterator[HostPort]:
    context = server_context(*certificates.relay, [certificates.tenant_ca], alpn=alpn)
    listener = Listener(HostPort("127.0.0.1", 0), Echo, context=context)
    try:
        yield await listener.start()
    finally:
        await listener.close()


async def _connect(address: HostPort) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (address.host, address.port))
    return sock


def _client(
    certificates: Certificates,
    identity: tuple[Path, Path] | None = None,
    *,
    ca: str = "",
    alpn: tuple[str, ...] = ("h2",),
) -> ssl.SSLContext:
    cert, key = identity or (None, None)
    return client_context(ca_pem=ca or certificates.relay_ca, cert=cert, key=key, alpn=alpn)


class _Talker(Recorder):
    """Knows which HTTP was agreed on."""

    def __init__(self) -> None:
        super().__init__(keep_open=False)
        self.alpn: str | None = None


async def _exchange(address: HostPort, context: ssl.SSLContext, name: str = NAME) -> _Talker:
    """Connect, say hello, and see what comes: the echo, or the end."""
    recorder = _Talker()
    transport, _ = await start_tls_client(await _connect(address), context, name, lambda: recorder)
    recorder.alpn = transport.get_extra_info("ssl_object").selected_alpn_protocol()
    transport.write(b"hello")
    await recorder.until(lambda: recorder.lost or recorder.received == b"hello", "an answer")
    transport.abort()
    await recorder.got_lost()
    return recorder


@both_loops
@pytest.mark.parametrize("identity", [None, "good"])
def test_a_stranger_and_a_known_client_are_both_met(
    certificates: Certificates, identity: str | None, loop_factory: LoopFactory
) -> None:
    async def main() -> None:
        async with _relay(certificates) as address:
            known = getattr(certificates, identity) if identity else None
            recorder = await _exchange(address, _client(certificates, known))
            assert recorder.received == b"hello"

    real_run(main(), loop_factory=loop_factory)


@both_loops
@pytest.mark.parametrize(
    ("identity", "words"),
    [("unknown", "no tenant of this relay issued it"), ("expired", "it has expired")],
)
def test_a_client_certificate_that_is_refused_is_told_so(
    certificates: Certificates, identity: str, words: str, loop_factory: LoopFactory
) -> None:
    async def main() -> None:
        async with _relay(certificates) as address:
            recorder = await _exchange(address, _client(certificates, getattr(certificates, identity)))
            error = tls_fault(recorder.lost_exc, "relay")
            assert isinstance(error, Refused) and error.code == "certificate-refused"
            assert words in error.why
            assert error.retry is Retry.BACKOFF

    real_run(main(), loop_factory=loop_factory)


@both_loops
@pytest.mark.parametrize(
    ("ca", "name", "words"),
    [
        ("stranger_ca", NAME, "its certificate is not trusted: unable to get local issuer certificate"),
        ("relay_ca", "other.test", "Hostname mismatch"),
        ("relay_ca", "127.0.0.2", "IP address mismatch"),
    ],
)
def test_an_impostor_gets_nothing(
    certificates: Certificates, ca: str, name: str, words: str, loop_factory: LoopFactory
) -> None:
    async def main() -> None:
        async with _relay(certificates) as address:
            context = _client(certificates, certificates.good, ca=getattr(certificates, ca))
            sock = await _connect(address)
            recorder = Recorder()
            with pytest.raises(Unreachable) as caught:
                await start_tls_client(sock, context, name, lambda: recorder)
            assert caught.value.code == "relay-tls-failed"
            assert words in caught.value.why
            assert caught.value.where == name
            assert recorder.transport is None
            await asyncio.sleep(0)
            assert sock.fileno() == -1

    real_run(main(), loop_factory=loop_factory)


@both_loops
@pytest.mark.parametrize(
    ("offered", "agreed"), [(("h2", "http/1.1"), "h2"), (("http/1.1",), "http/1.1"), (("spdy/3",), None)]
)
def test_both_sides_agree_on_http(
    certificates: Certificates, offered: tuple[str, ...], agreed: str | None, loop_factory: LoopFactory
) -> None:
    async def main() -> None:
        async with _relay(certificates, ("h2", "http/1.1")) as address:
            recorder = await _exchange(address, _client(certificates, alpn=offered))
            assert recorder.alpn == agreed

    real_run(main(), loop_factory=loop_factory)


async def _against_script(reply: bytes | None, *, timeout_s: float = 10) -> TwError:
    """How the handshake fails with a peer that says this to anything, then ends; None: is silent."""
    ours, theirs = tcp_pair()
    loop = asyncio.get_running_loop()

    async def peer() -> None:
        await loop.sock_recv(theirs, 4096)
        if reply is not None:
            await loop.sock_sendall(theirs, reply)
            theirs.shutdown(socket.SHUT_WR)

    context = client_context(alpn=["h2"])
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(peer())
            with pytest.raises(TwError) as caught:
                await start_tls_client(ours, context, NAME, asyncio.Protocol)
    finally:
        theirs.close()
    await asyncio.sleep(0)
    assert ours.fileno() == -1
    return caught.value


@both_loops
@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the TLS handshake failed: wrong version number"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "protocol version"),  # RFC 8446 section 6: fatal alert 70
        (b"\x15\x03\x03\x00\x02\x02\x28", "handshake failure"),  # alert 40
        (b"", "was closed during the TLS handshake"),
    ],
)
def test_a_peer_that_speaks_no_tls_is_named(reply: bytes, words: str, loop_factory: LoopFactory) -> None:
    error = real_run(_against_script(reply), loop_factory=loop_factory)
    assert error.code == "relay-tls-failed"
    assert words in error.why
    assert error.hint


@both_loops
def test_a_silent_peer_is_given_up(monkeypatch: pytest.MonkeyPatch, loop_factory: LoopFactory) -> None:
    monkeypatch.setattr(tls, "HANDSHAKE_TIMEOUT_S", 0.05)
    error = real_run(_against_script(None), loop_factory=loop_factory)
    assert error.code == "relay-tls-failed"
    assert error.why == "no TLS handshake within 0.05 s"


@both_loops
def test_a_cancelled_handshake_leaves_no_socket_behind(loop_factory: LoopFactory) -> None:
    async def main() -> None:
        ours, theirs = tcp_pair()
        context = client_context(alpn=["h2"])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await start_tls_client(ours, context, NAME, asyncio.Protocol)
        loop = asyncio.get_running_loop()
        while await loop.sock_recv(theirs, 4096):  # the hello, then the end
            pass
        theirs.close()
        assert ours.fileno() == -1

    real_run(main(), loop_factory=loop_factory)


# -- files -----------------------------------------------------------------------------------------


def test_a_key_that_does_not_belong_to_its_certificate_is_refused(certificates: Certificates) -> None:
    with pytest.raises(Misuse) as caught:
        server_context(certificates.relay[0], certificates.good[1], [], alpn=["h2"])
    assert caught.value.code == "bad-certificate"
    assert caught.value.where == str(certificates.relay[0])


def test_a_missing_file_is_named(certificates: Certificates, tmp_path: Path) -> None:
    missing = tmp_path / "client.key"
    with pytest.raises(Misuse) as caught:
        client_context(cert=certificates.good[0], key=missing, alpn=["h2"])
    assert caught.value.code == "file-unreadable"
    assert caught.value.where == str(missing)


@pytest.mark.parametrize(
    "pem", ["no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_a_ca_that_is_none_is_refused(pem: str) -> None:
    with pytest.raises(Misuse) as caught:
        client_context(ca_pem=pem, alpn=["h2"])
    assert caught.value.code == "bad-certificate"


def test_without_a_private_ca_the_roots_of_the_system_are_believed(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_text(certificates.relay_ca)
    monkeypatch.setenv("SSL_CERT_FILE", str(roots))

    async def main() -> None:
        async with _relay(certificates) as address:
            context = client_context(alpn=["h2"])
            assert (await _exchange(address, context)).received == b"hello"

    real_run(main())


# -- words -----------------------------------------------------------------------------------------


def test_a_fault_with_words_of_its_own_keeps_them() -> None:
    error = Unreachable("timeout", "nothing came")
    assert tls_fault(error, "relay") is error


@pytest.mark.parametrize("code", [9, 10])  # x509_vfy.h: not yet valid, has expired
def test_a_certificate_out_of_its_time_points_at_the_clock_too(code: int) -> None:
    exc = ssl.SSLCertVerificationError("verify")
    exc.verify_code, exc.verify_message = code, "certificate is out of its time."
    fault = tls_fault(exc, NAME)
    assert fault.why == "its certificate is not trusted: certificate is out of its time"
    assert "clock" in fault.hint


@pytest.mark.parametrize("exc", [None, ConnectionResetError(104, "reset"), OSError("odd")])
def test_any_other_end_is_an_end_during_the_handshake(exc: BaseException | None) -> None:
    error = tls_fault(exc, "relay.test:443")
    assert error.code == "relay-tls-failed"
    assert str(error) == "relay.test:443: the connection was closed during the TLS handshake"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "none was presented"),
        ("SSLV3_ALERT_CERTIFICATE_REVOKED", "it was revoked"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "it does not accept it"),
    ],
)
def test_each_alert_about_our_certificate_has_its_words(reason: str, words: str) -> None:
    exc = ssl.SSLError(1, reason)
    exc.reason = reason
    error = tls_fault(exc, "relay")
    assert error.code == "certificate-refused" and words in error.why
