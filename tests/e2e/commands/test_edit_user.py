from __future__ import annotations

import json
import socket
import time

import pexpect
import pytest

from tests.e2e.commands.conftest import Site
from tests.e2e.commands.machines import free_port

pytestmark = pytest.mark.e2e


def _is_cut(sock: socket.socket) -> bool:
    sock.settimeout(5)
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_port_that_is_taken_back_is_cut_and_the_others_stay(site: Site, echo: int) -> None:
    first, second = free_port(), free_port()
    bundle = site.add_user("alice", f"{first}:{echo}", f"{second}:localhost:{echo}")
    site.serve()
    site.connect(bundle)
    with (
        socket.create_connection(("127.0.0.1", first), timeout=20) as taken,
        socket.create_connection(("127.0.0.1", second), timeout=20) as kept,
    ):
        for sock in (taken, kept):
            sock.sendall(b"hello")
            assert sock.recv(5) == b"hello"
        out = site.server.ok("edit", "user", "alice", "--revoke", str(first), "--yes")
        assert "alice's file must be sent again" in out
        assert _is_cut(taken)
        kept.sendall(b"still")
        assert kept.recv(5) == b"still"


def test_whose_time_ends_is_out_within_a_second(site: Site, echo: int) -> None:
    local = free_port()
    bundle = site.add_user("alice", f"{local}:{echo}")
    site.serve()
    site.connect(bundle)
    with socket.create_connection(("127.0.0.1", local), timeout=20) as sock:
        sock.sendall(b"hello")
        assert sock.recv(5) == b"hello"
        end = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + 3))
        out = site.server.ok("edit", "user", "alice", "--expires", end, "--yes")
        assert "must be sent again" not in out
        assert _is_cut(sock)
    assert json.loads(site.server.ok("list", "users", "--json"))[0]["state"] == "expired"


def test_the_menu_changes_a_user_and_ctrl_c_does_not(site: Site) -> None:
    site.add_user("alice", "5432")
    child = site.server.terminal("edit", "user", "alice")
    child.expect_exact("Change what [done]: ")
    child.sendline("add")
    child.expect_exact("Port (nothing: back): ")
    child.sendline("10502:plc-7.plant.lan:502")
    child.expect_exact("Change what [done]: ")
    child.sendline("")
    child.expect_exact("Change alice so? Running sessions follow at once. [y/N] ")
    child.sendline("y")
    child.expect_exact("+ 10502 -> plc-7.plant.lan:502   (another machine)")
    child.expect_exact("tw export user alice")
    child.expect(pexpect.EOF)
    child = site.server.terminal("edit", "user", "alice", "--revoke", "5432")
    child.expect_exact("[y/N] ")
    child.send("\x03")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    (user,) = json.loads(site.server.ok("list", "users", "--json"))
    assert [grant["local_port"] for grant in user["grants"]] == [5432, 10502]
