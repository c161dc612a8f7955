from __future__ import annotations

import socket

import pexpect
import pytest

from tests.e2e.commands.conftest import Site
from tests.e2e.commands.machines import free_port

pytestmark = pytest.mark.e2e


def test_a_port_taken_from_an_app_is_cut_for_its_users(site: Site, echo: int) -> None:
    local, other = free_port(), str(free_port())
    site.server.ok("create", "app", "echo", "-m", f"{local}:{echo}", "-m", other)
    bundle = site.files / "alice.zip"
    site.server.ok("create", "user", "alice", "--app", "echo", "--out", str(bundle))
    site.serve()
    site.connect(bundle)
    with socket.create_connection(("127.0.0.1", local), timeout=20) as sock:
        sock.sendall(b"hello")
        assert sock.recv(5) == b"hello"
        child = site.server.terminal("edit", "app", "echo", "--revoke", str(local))
        child.expect_exact("Who has it: alice.")
        child.expect_exact("Change echo so? [y/N] ")
        child.sendline("y")
        child.expect_exact("alice's file must be sent again")
        child.expect(pexpect.EOF)
        sock.settimeout(5)
        try:
            assert sock.recv(1) == b""
        except ConnectionResetError:
            pass
    assert "nothing to change" in site.server.ok("edit", "app", "echo", "-m", other, "--yes")
