from __future__ import annotations

import socket

import pytest

from tests.e2e.commands.conftest import Site
from tests.e2e.commands.machines import free_port

pytestmark = pytest.mark.e2e


def test_an_unregistered_user_is_let_in_again_and_the_client_comes_back(site: Site, echo: int) -> None:
    local = free_port()
    bundle = site.add_user("alice", f"{local}:{echo}")
    site.server.ok("unregister", "alice")
    site.serve()
    assert "tw apply alice lets them in again" in site.server.ok("apply")
    assert site.server.ok("apply", "alice") == "alice: let in again\n"
    site.connect(bundle)
    with socket.create_connection(("127.0.0.1", local), timeout=20) as sock:
        sock.sendall(b"hello")
        assert sock.recv(5) == b"hello"
    site.server.refused("no-such-name", "apply", "ghost")
