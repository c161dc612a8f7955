from __future__ import annotations

import json
import socket

import pytest

from tests.e2e.commands.conftest import Site
from tests.e2e.commands.machines import free_port

pytestmark = pytest.mark.e2e


def test_an_unregistered_users_connection_ends_at_once_and_the_files_stay(site: Site, echo: int) -> None:
    local = free_port()
    bundle = site.add_user("alice", f"{local}:{echo}")
    site.serve()
    site.connect(bundle)
    with socket.create_connection(("127.0.0.1", local), timeout=20) as sock:
        sock.sendall(b"hello")
        assert sock.recv(5) == b"hello"
        assert "unregistered alice" in site.server.ok("unregister", "alice")
        sock.settimeout(5)
        try:
            assert sock.recv(1) == b""
        except ConnectionResetError:
            pass
    (user,) = json.loads(site.server.ok("list", "users", "--json"))
    assert user["state"] == "unregistered"
    assert (site.server.directory / "users" / "alice" / "id_ed25519").exists()
