from __future__ import annotations

import socket

import pytest

from tests.e2e.commands.conftest import Site
from tests.e2e.commands.machines import free_port

pytestmark = pytest.mark.e2e


def test_the_ports_are_opened_there_and_the_network_is_warned_of(site: Site, echo: int) -> None:
    given = free_port()
    bundle = site.add_user("alice", f"{given}:{echo}")
    site.client.ok("import", str(bundle))
    assert site.client.ok("listen") == "127.0.0.1\n"
    assert "whoever reaches 0.0.0.0" in site.client.tw("listen", "0.0.0.0").err
    site.serve()
    client = site.client.start("connect", until="whoever reaches 0.0.0.0")
    client.wait_for("connected to")
    with socket.create_connection(("127.0.0.2", given), timeout=20) as sock:
        sock.sendall(b"hello")
        assert sock.recv(5) == b"hello"
