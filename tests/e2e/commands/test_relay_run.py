from __future__ import annotations

import signal
import socket
import ssl

import pytest

from tests.e2e.commands.conftest import MachineFactory, Site
from tests.e2e.commands.machines import free_port

pytestmark = pytest.mark.e2e


def test_a_stranger_meets_a_web_server(machine: MachineFactory) -> None:
    relay, port = machine("relay"), free_port()
    running = relay.start(
        "relay", "run", "--domain", "localhost", "--listen", f"127.0.0.1:{port}", until="listening on"
    )
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as sock,
    ):
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert sock.recv(12).startswith(b"HTTP/1.1 ")
    assert running.stop(signal.SIGINT) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_what_it_was_told_is_remembered(site: Site) -> None:
    site.running["relay"].stop(signal.SIGKILL)
    again = site.relay.start("relay", "run", until="listening")
    assert f"relay localhost: listening on 127.0.0.1:{site.port}" in again.lines
    site.serve()


def test_one_process_serves_an_identity(site: Site) -> None:
    assert "tw relay run (process" in site.relay.refused("already-running", "relay", "run")


def test_the_first_time_it_needs_a_name(machine: MachineFactory) -> None:
    newcomer = machine("newcomer")
    assert "--domain NAME" in newcomer.refused("not-set-up", "relay", "run")
    assert not newcomer.directory.exists()


def test_a_server_is_not_a_relay(site: Site) -> None:
    site.server.refused("wrong-role", "relay", "run")
