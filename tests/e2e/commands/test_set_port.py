from __future__ import annotations

import socket

import pytest

from tests.e2e.commands.conftest import Site
from tests.e2e.commands.machines import free_port

pytestmark = pytest.mark.e2e


def test_the_port_of_this_machines_choice_leads_to_the_target(site: Site, echo: int) -> None:
    given, own = free_port(), free_port()
    bundle = site.add_user("alice", f"{given}:{echo}")
    site.serve()
    site.connect(bundle).stop()
    assert str(own) in site.client.ok("set-port", str(given), str(own))
    site.client.start("connect", until="connected to")
    with socket.create_connection(("127.0.0.1", own), timeout=20) as sock:
        sock.sendall(b"hello")
        assert sock.recv(5) == b"hello"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", given), timeout=5)
