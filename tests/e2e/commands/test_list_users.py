from __future__ import annotations

import json
import socket
import time

import pytest

from tests.e2e.commands.conftest import Site
from tests.e2e.commands.machines import Machine, free_port

pytestmark = pytest.mark.e2e


def _is_online(server: Machine, name: str) -> bool:
    users = json.loads(server.ok("list", "users", "--json"))
    return any(user["online"] for user in users if user["name"] == name)


def test_a_user_who_was_made_is_listed_and_reaches_the_granted_port(site: Site, echo: int) -> None:
    local = free_port()
    bundle = site.add_user("alice", f"{local}:{echo}")
    listed = json.loads(site.server.ok("list", "users", "--json"))
    assert [(user["name"], user["let_in"]) for user in listed] == [("alice", True)]
    site.serve()
    site.connect(bundle)
    with socket.create_connection(("127.0.0.1", local), timeout=20) as sock:
        sock.sendall(b"hello")
        assert sock.recv(5) == b"hello"
        end = time.monotonic() + 10
        while not _is_online(site.server, "alice"):
            assert time.monotonic() < end
    site.running["client"].stop()
    while _is_online(site.server, "alice"):
        assert time.monotonic() < end
