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
        "grants": [{"local_port": 15432, "host": "::1", "port": 5432, "leaves_server": False}],
        "expires": None,
    }


def test_an_empty_list_says_what_to_do(server: Tw) -> None:
    assert "tw create user" in server.ok("list", "users")
