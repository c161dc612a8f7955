"""tw delete user."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kit.command import Tw
from tests.kit.terminal import typed
from tunnel_whisperer.pki import new_ssh_key


def test_a_deleted_user_is_not_let_in(server: Tw, tmp_path: Path) -> None:
    server.ok("create", "user", "alice", "-m", "5432")
    server.ok("create", "user", "bob", "-m", "5432")
    assert server.ok("delete", "user", "alice", "--yes") == "deleted alice\n"
    record = (tmp_path / "server" / "authorized_keys").read_text()
    assert "alice" not in record
    assert "bob" in record
    assert [user["name"] for user in json.loads(server.ok("list", "users", "--json"))] == ["bob"]


def test_an_unknown_user_is_named(server: Tw) -> None:
    assert "ghost" in server.refused("no-such-name", "delete", "user", "ghost", "--yes")
    server.refused("bad-argument", "delete", "user", "../ghost", "--yes")
    server.refused("bad-argument", "delete", "user")


def test_without_a_terminal_a_yes_is_needed(server: Tw) -> None:
    server.ok("create", "user", "alice", "-m", "5432")
    printed = server("delete", "user", "alice")
    assert printed.status == 2
    assert printed.err.endswith("there is no terminal to ask at (try: add --yes)\n")
    assert "alice" in server.ok("list", "users")


@pytest.mark.parametrize(("answer", "left"), [("n", 1), ("", 1), ("y", 0)])
def test_what_is_lost_is_shown_before_it_is_asked(
    answer: str, left: int, server: Tw, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.ok("create", "user", "alice", "-m", "5432", "-m", "10502:10.0.5.7:502")
    typed(monkeypatch, answer)
    printed = server("delete", "user", "alice")
    assert printed.status == left
    assert (
        "alice may reach:\n  5432 -> 127.0.0.1:5432\n  10502 -> 10.0.5.7:502   (another machine)\n"
        in printed.err
    )
    assert "(tw unregister alice keeps the files)" in printed.err
    assert len(json.loads(server.ok("list", "users", "--json"))) == left


def test_what_is_damaged_or_half_gone_can_be_deleted(server: Tw) -> None:
    server.ok("create", "user", "alice", "-m", "5432")
    (server.directory / "users" / "alice" / "user.json").write_text("{}")
    (server.directory / "users" / "bob").mkdir()
    with (server.directory / "authorized_keys").open("a") as record:
        record.write(f"restrict {new_ssh_key()[1]} carol@tw\n")
    for name in ("alice", "bob", "carol"):
        assert server.ok("delete", "user", name, "--yes") == f"deleted {name}\n"
    assert list((server.directory / "users").iterdir()) == []
    assert (server.directory / "authorized_keys").read_text() == ""


def test_it_is_a_servers_business(relay: Tw, tw: Tw) -> None:
    relay.refused("wrong-role", "delete", "user", "alice", "--yes")
    tw.refused("not-set-up", "delete", "user", "alice", "--yes")
