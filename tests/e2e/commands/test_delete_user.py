from __future__ import annotations

import json
import socket

import pexpect
import pytest

from tests.e2e.commands.conftest import Site
from tests.e2e.commands.machines import free_port

pytestmark = pytest.mark.e2e


def test_a_deleted_users_open_connection_ends_at_once(site: Site, echo: int) -> None:
    local = free_port()
    bundle = site.add_user("alice", f"{local}:{echo}")
    site.serve()
    site.connect(bundle)
    with socket.create_connection(("127.0.0.1", local), timeout=20) as sock:
        sock.sendall(b"hello")
        assert sock.recv(5) == b"hello"
        assert site.server.ok("delete", "user", "alice", "--yes") == "deleted alice\n"
        sock.settimeout(5)
        try:
            assert sock.recv(1) == b""
        except ConnectionResetError:
            pass
    assert json.loads(site.server.ok("list", "users", "--json")) == []


def test_it_is_asked_at_a_terminal_and_ctrl_c_deletes_nobody(site: Site) -> None:
    site.add_user("alice", "5432")
    for answer, status, left in (("n\r", 1, 1), ("\x03", 130, 1), ("y\r", 0, 0)):
        child = site.server.terminal("delete", "user", "alice")
        child.expect_exact("5432 -> 127.0.0.1:5432")
        child.expect_exact("Delete user alice? (tw unregister alice keeps the files) [y/N] ")
        child.send(answer)
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == status
        assert len(json.loads(site.server.ok("list", "users", "--json"))) == left
    site.server.refused("no-such-name", "delete", "user", "alice", "--yes")
