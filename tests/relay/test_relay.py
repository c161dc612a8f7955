"""The relay's front as a stranger and as a proxy see it; what tenants see is in test_three_roles."""

from __future__ import annotations

import asyncio
import base64
import ssl
import urllib.parse
import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import PingAckReceived, ResponseReceived, StreamReset

from tests.kit.clock import real_run
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.pki import check_client, issue_client, issue_server, make_ca
from tunnel_whisperer.relay import Relay, RelaySettings, Tenant
from tunnel_whisperer.ssh.keys import generate_ed25519

SERVER = uuid.UUID(int=7)
PADDING = "X" * 200


class Front:
    """A relay with one tenant."""

    def __init__(self, directory: Path, *, behind_proxy: bool) -> None:
        own = make_ca("relay CA")
        self.ca_pem = own.cert_pem
        cert, key = issue_server(own, ["localhost"])
        (directory / "relay.crt").write_text(cert)
        (directory / "relay.key").write_text(key)
        tenant_ca = make_ca("plant CA")
        self.certificate, _ = issue_client(tenant_ca, SERVER, "plant server")
        self.foreign, _ = issue_client(make_ca("another CA"), SERVER, "plant server")
        self.relay = Relay(
            RelaySettings(
                HostPort("127.0.0.1", 0),
                generate_ed25519()[0],
                None if behind_proxy else directory / "relay.crt",
                None if behind_proxy else directory / "relay.key",
                behind_proxy=behind_proxy,
            ),
            check_client,
        )
        self.relay.set_tenants([Tenant("plant", SERVER, tenant_ca.cert_pem, "ssh-ed25519 AAAA", 20000)])


def _play(front: Front, scenario: Callable[[HostPort], Coroutine[None, None, None]]) -> None:
    async def main() -> None:
        address = await front.relay.start()
        try:
            await scenario(address)
        finally:
            await front.relay.close()
            await asyncio.sleep(0.01)

    real_run(main())


async def _ask(address: HostPort, request: bytes, context: ssl.SSLContext | None = None) -> bytes:
    """The head of the answer to a raw HTTP/1.1 request."""
    reader, writer = await asyncio.open_connection(
        address.host, address.port, ssl=context, server_hostname="localhost" if context else None
    )
    try:
        writer.write(request)
        async with asyncio.timeout(5):
            return await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()


def _request(method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]
    return "\r\n".join(lines).encode()


REQUESTS = [
    _request("GET", "/"),
    _request("GET", "/tw/plant/"),
    _request("GET", f"/tw/plant/?x_padding={PADDING}"),
    _request("POST", "/tw/plant/", f"Referer: https://localhost/?x_padding={PADDING}", "Content-Length: 0"),
    _request("OPTIONS", "/tw/plant/x"),
    _request("GET", "/tw/ghost/"),
    _request("DELETE", "/../../etc/passwd"),
]


def test_a_stranger_gets_the_same_bare_404_for_everything(tmp_path: Path) -> None:
    front = Front(tmp_path, behind_proxy=False)
    context = ssl.create_default_context(cadata=front.ca_pem)

    async def scenario(address: HostPort) -> None:
        answers = {await _ask(address, request, context) for request in REQUESTS}
        assert len({answer.split(b"Date", 1)[0].split(b"date", 1)[0] for answer in answers}) == 1
        assert all(answer.startswith(b"HTTP/1.1 404 ") for answer in answers)
        text = b"".join(answers).lower()
        assert not any(word in text for word in (b"tw", b"padding", b"server", b"tunnel", b"allow"))

    _play(front, scenario)


@pytest.mark.parametrize("form", ["base64 der", "url-encoded pem"])
def test_behind_a_proxy_the_certificate_comes_in_a_header(form: str, tmp_path: Path) -> None:
    front = Front(tmp_path, behind_proxy=True)

    def encoded(pem: str) -> str:
        if form == "url-encoded pem":
            return urllib.parse.quote(pem)
        return base64.b64encode(ssl.PEM_cert_to_DER_cert(pem)).decode()

    path = f"/tw/plant/{uuid.uuid4()}"
    padding = f"Referer: https://localhost/tw/plant/?x_padding={PADDING}"

    async def scenario(address: HostPort) -> None:
        good = _request("GET", path, padding, f"X-Client-Certificate: {encoded(front.certificate)}")
        assert (await _ask(address, good)).startswith(b"HTTP/1.1 200 ")
        for value in (encoded(front.foreign), "", "!!!!", "QUJD", "A" * 4000):
            bad = _request("GET", path, padding, f"X-Client-Certificate: {value}")
            assert (await _ask(address, bad)).startswith(b"HTTP/1.1 404 ")
        assert (await _ask(address, _request("GET", path, padding))).startswith(b"HTTP/1.1 404 ")

    _play(front, scenario)


def test_without_a_proxy_that_header_means_nothing(tmp_path: Path) -> None:
    front = Front(tmp_path, behind_proxy=False)
    context = ssl.create_default_context(cadata=front.ca_pem)
    der = base64.b64encode(ssl.PEM_cert_to_DER_cert(front.certificate)).decode()

    async def scenario(address: HostPort) -> None:
        request = _request(
            "GET",
            "/tw/plant/sid",
            f"Referer: https://localhost/?x_padding={PADDING}",
            f"X-Client-Certificate: {der}",
        )
        assert (await _ask(address, request, context)).startswith(b"HTTP/1.1 404 ")

    _play(front, scenario)


def test_a_strangers_unfinished_request_keeps_no_place(tmp_path: Path) -> None:
    front = Front(tmp_path, behind_proxy=False)
    context = ssl.create_default_context(cadata=front.ca_pem)
    context.set_alpn_protocols(["h2"])

    async def scenario(address: HostPort) -> None:
        reader, writer = await asyncio.open_connection(
            address.host, address.port, ssl=context, server_hostname="localhost"
        )
        client = H2Connection(H2Configuration(client_side=True))
        client.initiate_connection()
        head = [(":scheme", "https"), (":authority", "localhost"), (":path", "/")]
        client.send_headers(1, [(":method", "POST"), *head])  # its body never comes
        client.send_headers(3, [(":method", "GET"), *head], end_stream=True)
        writer.write(client.data_to_send())
        seen: list[object] = []
        async with asyncio.timeout(5):
            while not any(isinstance(event, StreamReset) for event in seen):
                seen += client.receive_data(await reader.read(65536))
        client.ping(b"12345678")
        writer.write(client.data_to_send())
        async with asyncio.timeout(5):
            while not any(isinstance(event, PingAckReceived) for event in seen):
                seen += client.receive_data(await reader.read(65536))
        resets = [(e.stream_id, e.error_code) for e in seen if isinstance(e, StreamReset)]
        assert resets == [(1, 0)]  # the answer was whole: NO_ERROR (RFC 9113 section 8.1)
        answers = [e.stream_id for e in seen if isinstance(e, ResponseReceived)]
        assert sorted(answers) == [1, 3]
        writer.close()

    _play(front, scenario)
