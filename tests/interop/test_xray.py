"""The real Xray as client of our server, and as server of our client, in each mode."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.interop import caddy
from tests.interop.conftest import Pki, probe
from tests.interop.mini import LoopThread, MiniClient, MiniServer
from tests.interop.xray import PATH, Xray, client_config, free_port, missing, server_config
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net.link import RelayEndpoint

BIG = 64 * 1024 * 1024
MODES = ("stream-one", "stream-up", "packet-up")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]
needs_caddy = pytest.mark.skipif(bool(caddy.missing()), reason=caddy.missing())

# Another version of the wheel, in a virtual environment of its own (make test sets it up).
PYTHONS = [pytest.param("", id="current")]
if other := os.environ.get("TW_XRAY_PYTHON"):
    PYTHONS.append(pytest.param(other, id="other-version"))


def _carry(port: int) -> None:
    """64 MB each way with checksums, and fifty connections at once."""
    probe("fetch", port, BIG)
    probe("put", port, BIG)


def _banner(port: int) -> None:
    """A short exchange: the first bytes go through in both directions."""
    with socket.create_connection(("127.0.0.1", port), 20) as sock:
        sock.sendall(b"echo\nhello")
        assert sock.recv(5) == b"hello"


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("http", ["plain 1.1", "tls 1.1", "tls 2"])
def test_xray_client_on_our_server(
    mode: str, http: str, python: str, tmp_path: Path, pki: Pki, service: int, loop_thread: LoopThread
) -> None:
    tls = http.startswith("tls")

    async def start() -> tuple[MiniServer, int]:
        server = MiniServer((pki.certificate, pki.key) if tls else None)
        return server, await server.start()

    server, port = loop_thread.run(start())
    local = free_port()
    config = client_config(local, port, service, mode=mode, ca=pki.ca if tls else None, http=http.split()[1])
    with Xray(config, tmp_path, "client", python):
        _banner(local)
        _carry(local)
    loop_thread.run(server.stop())


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("http", ["plain 1.1", "plain 2", "tls 1.1", "tls 2"])
def test_our_client_on_xray_server(
    mode: str, http: str, python: str, tmp_path: Path, pki: Pki, service: int, loop_thread: LoopThread
) -> None:
    layer, version = http.split()
    port = free_port()
    endpoint = RelayEndpoint(
        HostPort("localhost" if layer == "tls" else "127.0.0.1", port),
        ca_pem=pki.ca.read_text(),
        http=version,
        plain=layer == "plain",
    )
    tls = (pki.certificate, pki.key) if layer == "tls" else None
    with Xray(server_config(port, tls=tls), tmp_path, "server", python):

        async def start() -> tuple[MiniClient, int]:
            client = MiniClient(endpoint, service, mode=mode)
            return client, await client.start()

        client, local = loop_thread.run(start())
        _banner(local)
        _carry(local)
        assert not client.failures
        loop_thread.run(client.stop())


@needs_caddy
@pytest.mark.parametrize("mode", MODES)
def test_xray_client_behind_caddy_on_our_server(
    mode: str, tmp_path: Path, pki: Pki, service: int, loop_thread: LoopThread
) -> None:
    async def start() -> tuple[MiniServer, int]:
        server = MiniServer()
        return server, await server.start()

    server, backend = loop_thread.run(start())
    front, local = free_port(), free_port()
    caddyfile = caddy.reverse_proxy(front, backend, pki.certificate, pki.key, PATH)
    with (
        caddy.Caddy(caddyfile, tmp_path, front),
        Xray(client_config(local, front, service, mode=mode, ca=pki.ca), tmp_path, "client"),
    ):
        _banner(local)
        _carry(local)
    loop_thread.run(server.stop())


@needs_caddy
@pytest.mark.parametrize("http", ["1.1", "2"])
@pytest.mark.parametrize("mode", MODES)
def test_our_client_behind_caddy_on_xray_server(
    mode: str, http: str, tmp_path: Path, pki: Pki, service: int, loop_thread: LoopThread
) -> None:
    backend, front = free_port(), free_port()
    caddyfile = caddy.reverse_proxy(front, backend, pki.certificate, pki.key, PATH).replace(
        "relay.test", "localhost"
    )
    endpoint = RelayEndpoint(HostPort("localhost", front), ca_pem=pki.ca.read_text(), http=http)
    with (
        Xray(server_config(backend), tmp_path, "server"),
        caddy.Caddy(caddyfile, tmp_path, front),
    ):

        async def start() -> tuple[MiniClient, int]:
            client = MiniClient(endpoint, service, mode=mode)
            return client, await client.start()

        client, local = loop_thread.run(start())
        _banner(local)
        _carry(local)
        loop_thread.run(client.stop())


@pytest.mark.parametrize("mode", MODES)
def test_a_wrong_uuid_is_told_apart_from_a_missing_target(
    mode: str, tmp_path: Path, loop_thread: LoopThread
) -> None:
    port = free_port()
    endpoint = RelayEndpoint(HostPort("127.0.0.1", port), http="2", plain=True)
    with Xray(server_config(port), tmp_path, "server"):

        async def start(user: str) -> tuple[MiniClient, int]:
            client = MiniClient(endpoint, 1, mode=mode, user=user)
            return client, await client.start()

        client, local = loop_thread.run(start("99999999-2222-3333-4444-555555555555"))
        with socket.create_connection(("127.0.0.1", local), 20) as sock, pytest.raises(ConnectionError):
            if sock.recv(1) == b"":
                raise ConnectionError
        assert [failure.code for failure in client.failures] == ["user-not-active"]
        loop_thread.run(client.stop())


def test_half_close_towards_xray_ends_within_its_second(
    tmp_path: Path, service: int, loop_thread: LoopThread
) -> None:
    """Xray forwards no FIN: what is answered while data flows arrives, then all ends (spec 6)."""
    port = free_port()
    endpoint = RelayEndpoint(HostPort("127.0.0.1", port), http="2", plain=True)
    with Xray(server_config(port), tmp_path, "server"):

        async def start() -> tuple[MiniClient, int]:
            client = MiniClient(endpoint, service, mode="stream-one")
            return client, await client.start()

        client, local = loop_thread.run(start())
        with socket.create_connection(("127.0.0.1", local), 20) as sock:
            sock.sendall(b"echo\nlast words")
            sock.shutdown(socket.SHUT_WR)
            got = b""
            while data := sock.recv(100):
                got += data
        assert got == b"last words"
        loop_thread.run(client.stop())
