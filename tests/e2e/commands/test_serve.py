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


def test_a_server_that_ends_is_missed_and_one_that_is_back_carries_on(site: Site, echo: int) -> None:
    local = free_port()
    bundle = site.add_user("alice", f"{local}:{echo}")
    first = site.server.start("serve", until="connected: published")
    client = site.connect(bundle)
    assert _says_back(local, b"one") == b"one"
    assert first.stop() == 0
    client.wait_for("not connected")
    site.server.start("serve", until="connected: published")
    assert _says_back(local, b"two") == b"two"  # it waits until there is a session again


def test_one_process_serves_an_identity(site: Site) -> None:
    site.serve()
    told = site.server.refused("already-running", "serve")
    assert "tw serve (process" in told


def test_a_server_that_is_killed_can_be_started_again(site: Site) -> None:
    site.serve().stop(signal.SIGKILL)
    site.serve()


def test_without_a_relay_it_says_how_to_get_one(machine: MachineFactory) -> None:
    newcomer = machine("newcomer")
    assert "tw join" in newcomer.refused("not-set-up", "serve")
    newcomer.ok("join", "localhost", "--id", "lab")
    assert "tw join" in newcomer.refused("not-set-up", "serve")


def test_a_relay_is_not_a_server(site: Site) -> None:
    site.running["relay"].stop()
    site.relay.refused("wrong-role", "serve")
