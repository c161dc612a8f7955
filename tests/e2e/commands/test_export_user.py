from __future__ import annotations

import socket

import pytest

from tests.e2e.commands.conftest import Site
from tests.e2e.commands.machines import free_port

pytestmark = pytest.mark.e2e


def test_the_file_of_an_edited_user_brings_the_new_port(site: Site, echo: int) -> None:
    first, second = free_port(), free_port()
    site.add_user("alice", f"{first}:{echo}")
    site.server.ok("edit", "user", "alice", "-m", f"{second}:{echo}", "--yes")
    bundle = site.files / "again.zip"
    assert site.server.ok("export", "user", "alice", "--out", str(bundle)).startswith(str(bundle))
    site.serve()
    site.connect(bundle)
    with socket.create_connection(("127.0.0.1", second), timeout=20) as sock:
        sock.sendall(b"hello")
        assert sock.recv(5) == b"hello"
    assert "--force" in site.server.refused("exists", "export", "user", "alice", "--out", str(bundle))
