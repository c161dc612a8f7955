"""tw list users."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.operations import user_list


def test_a_target_elsewhere_is_marked(server: Tw) -> None:
    server.ok("create", "user", "alice", "-m", "5432", "-m", "10502:10.0.5.7:502")
    assert server.ok("list", "users") == (
        "name   let in  online  expires  may reach\n"
        "alice  yes     -       never    5432 -> 127.0.0.1:5432\n"
        "                                10502 -> 10.0.5.7:502 (*)\n"
        "(*) another machine than this server\n"
    )


def test_what_comes_by_an_app_and_who_has_one_session_is_told(server: Tw) -> None:
    server.ok("create", "app", "historian", "-m", "5432")
    server.ok("create", "user", "alice", "--app", "historian", "-m", "22", "--expires", "2126-12-24T18:00")
    server.ok("create", "user", "bob", "-m", "22", "--single-session")
    assert server.ok("list", "users") == (
        "name   let in  online  expires           may reach\n"
        "alice  yes     -       2126-12-24 18:00  22 -> 127.0.0.1:22\n"
        "                                         5432 -> 127.0.0.1:5432 by historian\n"
        "bob    yes     -       never             22 -> 127.0.0.1:22\n"
        "one session at a time: bob\n"
    )


def test_programs_get_json(server: Tw) -> None:
    server.ok("create", "app", "panel", "-m", "8080:10.0.0.9:80")
    server.ok("create", "user", "alice", "-m", "15432:[::1]:5432", "--app", "panel")
    (user,) = json.loads(server.ok("list", "users", "--json"))
    assert len(user.pop("certificate_ends")) == len("2126-12-24T18:00:00+00:00")
    assert user == {
        "name": "alice",
        "let_in": True,
        "state": "yes",
        "online": None,
        "grants": [
            {"local_port": 15432, "host": "::1", "port": 5432, "leaves_server": False, "app": None},
            {"local_port": 8080, "host": "10.0.0.9", "port": 80, "leaves_server": True, "app": "panel"},
        ],
        "apps": ["panel"],
        "expires": None,
        "single_session": False,
        "revision": 1,
    }


def test_who_is_online_is_told_while_the_server_runs(server: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("alice", "bob"):
        server.ok("create", "user", name, "-m", "5432")
    monkeypatch.setattr(user_list, "users_online", lambda profile: {"bob"})
    assert [line.split()[:3] for line in server.ok("list", "users").splitlines()[1:]] == [
        ["alice", "yes", "no"],
        ["bob", "yes", "yes"],
    ]
    assert [user["online"] for user in json.loads(server.ok("list", "users", "--json"))] == [False, True]


def test_how_each_stands_at_the_door_is_told(server: Tw) -> None:
    for name in ("alice", "bob", "carol", "dave"):
        server.ok("create", "user", name, "-m", "5432")
    server.ok("unregister", "dave")
    record = server.directory / "authorized_keys"
    lines = [x for x in record.read_text().splitlines(True) if "alice@tw" not in x]
    record.write_text("".join(lines).replace('permitopen="127.0.0.1:5432",', "", 1))
    users = json.loads(server.ok("list", "users", "--json"))
    assert [(user["let_in"], user["state"]) for user in users] == [
        (False, "no"),
        (True, "differs"),
        (True, "yes"),
        (False, "unregistered"),
    ]
    out = server.ok("list", "users")
    assert "authorized_keys says otherwise for alice, bob: tw apply makes it agree" in out


def test_a_record_that_cannot_be_read_hides_nobody_else(server: Tw) -> None:
    for name in ("alice", "bob"):
        server.ok("create", "user", name, "-m", "5432")
    (server.directory / "users" / "alice" / "user.json").write_text("{")
    printed = server("list", "users")
    assert printed.status == 0
    assert "users/alice/user.json: this is no record of a user" in printed.err
    assert printed.out.splitlines()[1].startswith("bob")


def test_a_certificate_near_its_end_is_told(server: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    server.ok("create", "user", "alice", "-m", "5432")
    monkeypatch.setattr(user_list, "RENEW_BEFORE", timedelta(days=30000))
    assert "tw export user alice renews it" in server.ok("list", "users")


def test_an_empty_list_says_what_to_do(server: Tw) -> None:
    assert "tw create user" in server.ok("list", "users")
    assert json.loads(server.ok("list", "users", "--json")) == []


def test_it_is_a_servers_business(relay: Tw, tw: Tw, tmp_path: Path) -> None:
    relay.refused("wrong-role", "list", "users")
    tw.refused("not-set-up", "list", "users", "--json")
    tw.refused("bad-argument", "list", "users", "alice")
