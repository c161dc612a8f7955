"""tw list users."""

from __future__ import annotations

import json

from tests.kit.command import Tw


def test_a_target_elsewhere_is_marked(server: Tw) -> None:
    server.ok("create", "user", "alice", "-m", "5432", "-m", "10502:10.0.5.7:502")
    out = server.ok("list", "users")
    assert "5432 -> 127.0.0.1:5432, 10502 -> 10.0.5.7:502 (*)" in out
    assert "another machine" in out


def test_programs_get_json(server: Tw) -> None:
    server.ok("create", "user", "alice", "-m", "15432:[::1]:5432")
    (user,) = json.loads(server.ok("list", "users", "--json"))
    assert user == {
        "name": "alice",
        "let_in": True,
        "grants": [{"local_port": 15432, "host": "::1", "port": 5432, "leaves_server": False}],
        "expires": None,
    }


def test_a_user_whose_line_was_taken_out_by_hand_is_shown_as_not_let_in(server: Tw) -> None:
    server.ok("create", "user", "alice", "-m", "5432")
    server.ok("create", "user", "bob", "-m", "5432")
    record = server.directory / "authorized_keys"
    record.write_text("".join(x for x in record.read_text().splitlines(True) if "alice@tw" not in x))
    users = json.loads(server.ok("list", "users", "--json"))
    assert {user["name"]: user["let_in"] for user in users} == {"alice": False, "bob": True}
    alice, bob = server.ok("list", "users").splitlines()[-2:]
    assert alice.split()[:2] == ["alice", "no"]
    assert bob.split()[:2] == ["bob", "yes"]


def test_an_empty_list_says_what_to_do(server: Tw) -> None:
    assert "tw create user" in server.ok("list", "users")
