"""tw list apps."""

from __future__ import annotations

import json

from tests.kit.command import Tw


def test_each_app_is_shown_with_its_ports_and_its_users(server: Tw) -> None:
    server.ok("create", "app", "historian", "-m", "5432", "-m", "10502:10.0.5.7:502")
    server.ok("create", "app", "panel", "-m", "80")
    server.ok("create", "user", "bob", "--app", "historian")
    server.ok("create", "user", "alice", "--app", "historian")
    assert server.ok("list", "apps") == (
        "name       grants                     users\n"
        "historian  5432 -> 127.0.0.1:5432     alice\n"
        "           10502 -> 10.0.5.7:502 (*)  bob\n"
        "panel      80 -> 127.0.0.1:80         -\n"
        "(*) another machine than this server\n"
    )
    historian, panel = json.loads(server.ok("list", "apps", "--json"))
    assert historian["users"] == ["alice", "bob"]
    assert panel == {
        "name": "panel",
        "grants": [{"local_port": 80, "host": "127.0.0.1", "port": 80, "leaves_server": False}],
        "users": [],
    }


def test_an_empty_list_says_what_to_do(server: Tw) -> None:
    assert server.ok("list", "apps") == "no apps yet: tw create app NAME -m PORT\n"
    assert json.loads(server.ok("list", "apps", "--json")) == []


def test_a_file_broken_by_hand_is_told_with_its_line(server: Tw) -> None:
    (server.directory / "apps.yaml").write_text("apps:\n  a: [1-9]\n")
    assert "apps.yaml:2: apps.a[0]: '1-9' is a range" in server.refused("bad-apps", "list", "apps")


def test_it_is_a_servers_business(relay: Tw, tw: Tw) -> None:
    relay.refused("wrong-role", "list", "apps")
    tw.refused("not-set-up", "list", "apps")
