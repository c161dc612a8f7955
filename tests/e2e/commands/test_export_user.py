from __future__ import annotations

import socket

import pexpect
import pytest

from tests.e2e.commands.conftest import Site
from tests.e2e.commands.machines import free_port

pytestmark = pytest.mark.e2e


def _answers(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.sendall(b"hello")
        return sock.recv(5) == b"hello"


def test_the_new_file_of_an_edited_user_is_taken_where_the_old_one_was(site: Site, echo: int) -> None:
    first, second = free_port(), free_port()
    old = site.add_user("alice", f"{first}:{echo}")
    site.serve()
    running = site.connect(old)
    assert _answers(first)
    site.server.ok("edit", "user", "alice", "-m", f"{second}:{echo}", "--yes")
    new = site.files / "again.zip"
    assert site.server.ok("export", "user", "alice", "--out", str(new)).startswith(str(new))
    running.stop()
    site.connect(new)
    assert _answers(first)
    assert _answers(second)
    assert "--force" in site.server.refused("exists", "export", "user", "alice", "--out", str(new))


def test_the_passphrase_is_asked_at_both_ends(site: Site, echo: int) -> None:
    local = free_port()
    site.add_user("alice", f"{local}:{echo}")
    bundle = site.files / "locked.zip"
    child = site.server.terminal("export", "user", "alice", "--out", str(bundle), "--passphrase")
    for question in ("Passphrase: ", "once more: "):
        child.expect_exact(question)
        child.sendline("correct horse")
    child.expect_exact("Tell them the passphrase by another way than the file.")
    child.expect(pexpect.EOF)
    site.serve()
    child = site.client.terminal("connect", str(bundle))
    child.expect("assphrase.*: ")
    child.sendline("correct horse")
    child.expect_exact("connected to")
    assert _answers(local)
