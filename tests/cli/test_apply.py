"""tw apply."""

from __future__ import annotations

import json

import pytest

from tests.kit.command import Tw


@pytest.fixture
def server(server: Tw) -> Tw:
    """With an app, alice who has it, and bob who has a port."""
    server.ok("create", "app", "historian", "-m", "5432")
    server.ok("create", "user", "alice", "--app", "historian")
    server.ok("create", "user", "bob", "-m", "22")
    return server


def _states(server: Tw) -> list[str]:
    return [user["state"] for user in json.loads(server.ok("list", "users", "--json"))]


def test_who_was_unregistered_is_let_in_by_name_alone(server: Tw) -> None:
    server.ok("unregister", "bob")
    assert server.ok("apply") == (
        "alice: let in as before\nbob: unregistered; tw apply bob lets them in again\n"
    )
    assert _states(server) == ["yes", "unregistered"]
    assert server.ok("apply", "bob") == "bob: let in again\n"
    assert _states(server) == ["yes", "yes"]


def test_a_record_edited_by_hand_is_made_to_agree(server: Tw) -> None:
    record = server.directory / "authorized_keys"
    right = record.read_text()
    lines = [x for x in right.splitlines(True) if "bob@tw" not in x]
    record.write_text("".join(lines).replace(",restrict", ""))
    assert server.ok("apply") == (
        "alice: let in; authorized_keys said otherwise, and agrees now\nbob: let in again\n"
    )
    assert record.read_text() == right


def test_an_app_edited_by_hand_reaches_its_users(server: Tw) -> None:
    (server.directory / "apps.yaml").write_text("apps:\n  historian: [5432, '80:10.0.0.9:80']\n")
    assert server.ok("apply", "alice") == (
        "alice: let in, changed\n"
        "  + 80 -> 10.0.0.9:80   (another machine)\n"
        "alice's file must be sent again, its ports changed: tw export user alice\n"
    )
    assert server.ok("apply", "alice") == "alice: let in as before\n"


def test_an_app_that_was_broken_by_hand_is_told_with_its_line(server: Tw) -> None:
    (server.directory / "apps.yaml").write_text("apps:\n  historian: 1-9\n")
    assert "apps.yaml:2" in server.refused("bad-apps", "apply")
    assert _states(server) == ["yes", "yes"]


def test_whose_time_is_over_is_told_what_helps(server: Tw) -> None:
    path = server.directory / "users" / "bob" / "user.json"
    path.write_text(path.read_text().replace('"expires": null', '"expires": 1000000000'))
    assert "bob: expired 2001-09-0" in server.ok("apply")
    assert "tw edit user bob --expires TIME" in server.ok("apply", "bob")
    assert _states(server) == ["yes", "expired"]


def test_who_cannot_be_read_is_told_and_stops_nobody_else(server: Tw) -> None:
    (server.directory / "users" / "alice" / "user.json").write_text("{")
    (server.directory / "authorized_keys").write_text("")
    printed = server("apply")
    assert printed.out == "bob: let in again\n"
    assert "users/alice/user.json: this is no record of a user" in printed.err
    server.refused("bad-record", "apply", "alice")


@pytest.mark.parametrize(
    ("code", "words"),
    [("no-such-name", ("ghost",)), ("no-such-name", ("alice", "ghost")), ("bad-argument", ("../x",))],
)
def test_an_unknown_name_changes_nothing(code: str, words: tuple[str, ...], server: Tw) -> None:
    server.ok("unregister", "alice")
    server.refused(code, "apply", *words)
    assert _states(server) == ["unregistered", "yes"]


def test_a_server_without_users_is_told_what_to_do(relay: Tw, tw: Tw) -> None:
    tw.ok("join", "relay.test", "--id", "other", "--out", "other.json")
    assert tw.ok("apply") == "no users yet: tw create user NAME -m PORT\n"
    relay.refused("wrong-role", "apply")
