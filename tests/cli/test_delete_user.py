"""tw delete user."""

from __future__ import annotations

from pathlib import Path

from tests.kit.command import Tw


def test_a_deleted_user_is_not_let_in(server: Tw, tmp_path: Path) -> None:
    server.ok("create", "user", "alice", "-m", "5432")
    server.ok("create", "user", "bob", "-m", "5432")
    server.ok("delete", "user", "alice", "--yes")
    record = (tmp_path / "server" / "authorized_keys").read_text()
    assert "alice" not in record
    assert "bob" in record
    assert "alice" not in server.ok("list", "users")


def test_an_unknown_user_is_named(server: Tw) -> None:
    assert "ghost" in server.refused("no-such-name", "delete", "user", "ghost", "--yes")


def test_without_a_terminal_a_yes_is_needed(server: Tw) -> None:
    server.ok("create", "user", "alice", "-m", "5432")
    server.refused("bad-argument", "delete", "user", "alice")
    assert "alice" in server.ok("list", "users")
