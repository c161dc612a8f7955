"""tw create user --invite, and tw connect with what it prints: no private key travels."""

from __future__ import annotations

import json
import socket

import pytest

from tests.e2e.commands.conftest import MachineFactory, Site
from tests.e2e.commands.machines import free_port

pytestmark = pytest.mark.e2e


def test_an_invitation_is_pasted_and_the_port_is_open(site: Site, echo: int, machine: MachineFactory) -> None:
    local = free_port()
    site.serve()
    token = site.server.ok("create", "user", "alice", "-m", f"{local}:{echo}", "--invite").strip()
    client = site.client.terminal("connect", "-")
    client.expect("Invitation")
    client.sendline(token)
    client.expect("this machine is alice at plant from now on")
    client.expect("connected to")
    with socket.create_connection(("127.0.0.1", local), timeout=20) as sock:
        sock.sendall(b"hello")
        assert sock.recv(5) == b"hello"
    assert token not in str(client.before)
    (user,) = json.loads(site.server.ok("list", "users", "--json"))
    assert (user["name"], user["let_in"]) == ("alice", True)
    assert "somebody else" in machine("late").refused("invitation-over", "connect", token)


def test_an_old_file_is_noticed_by_the_client(site: Site, echo: int) -> None:
    site.serve()
    bundle = site.add_user("alice", f"{free_port()}:{echo}")
    site.server.ok("edit", "user", "alice", "-m", f"{free_port()}:22", "--yes")
    client = site.connect(bundle)
    client.wait_for("your file is older than the server's record: ask for a new one")
