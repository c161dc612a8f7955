from __future__ import annotations

import signal
import socket

import pytest

from tests.e2e.commands.conftest import MachineFactory, Site
from tests.e2e.commands.machines import free_port

pytestmark = pytest.mark.e2e


def _says_back(local: int, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", local), timeout=20) as sock:
        sock.settimeout(20)
        sock.sendall(text)
        return sock.recv(len(text))


def test_the_file_is_needed_once(site: Site, echo: int) -> None:
    local = free_port()
    bundle = site.add_user("alice", f"{local}:{echo}")
    site.serve()
    client = site.client.start("connect", str(bundle), until=f"127.0.0.1:{local} -> 127.0.0.1:{echo}")
    assert _says_back(local, b"hello") == b"hello"
    assert client.stop(signal.SIGINT) == 0
    bundle.unlink()
    site.client.start("connect", until="connected to")
    assert _says_back(local, b"again") == b"again"


def test_another_local_port_for_one_run(site: Site, echo: int) -> None:
    granted, other = free_port(), free_port()
    bundle = site.add_user("alice", f"{granted}:{echo}")
    site.serve()
    site.client.start("connect", str(bundle), "--map", f"{other}:{echo}", until="connected to")
    assert _says_back(other, b"hello") == b"hello"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", granted), timeout=5)


def test_a_server_that_is_not_there_is_told_in_those_words_while_the_port_stays_open(
    site: Site, echo: int
) -> None:
    local = free_port()
    bundle = site.add_user("alice", f"{local}:{echo}")
    client = site.client.start("connect", str(bundle), until="not connected")
    assert "the relay answers, but the server's side does not" in client.lines[-1]
    with socket.create_connection(("127.0.0.1", local), timeout=20) as sock:
        sock.settimeout(20)
        sock.sendall(b"early")
        site.serve()
        assert sock.recv(5) == b"early"  # it waited


def test_what_was_let_in_elsewhere_is_refused(site: Site, machine: MachineFactory) -> None:
    newcomer = machine("newcomer")
    newcomer.refused("file-unreadable", "connect", "gone.zip")
    (newcomer.home / "x.zip").write_bytes(b"no zip")
    newcomer.refused("bad-bundle", "connect", "x.zip")
    newcomer.refused("not-set-up", "connect")
    site.server.refused("wrong-role", "connect")
    assert not newcomer.directory.exists() or not list(newcomer.directory.glob("*.yaml"))
