"""--invite: a token in place of a user's file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.tenancy import Token


def _listed(server: Tw) -> list[tuple[str, str]]:
    return [(user["name"], user["state"]) for user in json.loads(server.ok("list", "users", "--json"))]


def test_who_is_invited_gets_a_token_and_no_file(server: Tw, tmp_path: Path) -> None:
    printed = server("create", "user", "alice", "-m", "15432:5432", "--invite")
    token = Token.parse(printed.out, "connect")
    assert (token.name, token.server_id) == ("alice", "plant")
    assert printed.out.count("\n") == 1, "standard output is the token alone"
    assert "15432" in printed.err
    assert "tw connect" in printed.err
    assert list(tmp_path.glob("*.zip")) == []
    assert _listed(server) == [("alice", "invited")]
    assert "tw export user alice --invite" in server.ok("apply", "alice")


def test_programs_get_json(server: Tw) -> None:
    value = json.loads(
        server.ok("create", "user", "alice", "-m", "22", "--invite", "--invite-for", "1h", "--json")
    )
    assert Token.parse(value["token"], "connect").name == value["name"] == "alice"


def test_a_second_invitation_makes_the_first_void(server: Tw) -> None:
    first = server.ok("create", "user", "alice", "-m", "22", "--invite").strip()
    second = server.ok("export", "user", "alice", "--invite").strip()
    assert first != second
    assert len(list((server.directory / "invites").iterdir())) == 1


def test_a_name_that_is_invited_is_taken(server: Tw) -> None:
    server.ok("create", "user", "alice", "-m", "22", "--invite")
    for words in ((), ("--invite",)):
        line = server.refused("exists", "create", "user", "alice", "-m", "22", *words)
        assert "tw export user alice" in line


def test_there_is_no_file_of_keys_that_are_elsewhere(server: Tw) -> None:
    server.ok("create", "user", "alice", "-m", "22", "--invite")
    assert "tw export user alice --invite" in server.refused("not-set-up", "export", "user", "alice")


@pytest.mark.parametrize(
    "words",
    [
        ("--invite", "--out", "x.zip"),
        ("--invite", "--passphrase"),
        ("--invite", "--passphrase-file", "x"),
        ("--invite", "--invite-for", "soon"),
        ("--invite", "--invite-for", "0h"),
        ("--invite", "--invite-for", "400d"),
        ("--invite-for", "1h"),
        ("--json",),
    ],
)
def test_flags_that_do_not_go_together_or_make_no_sense_are_refused(
    server: Tw, words: tuple[str, ...]
) -> None:
    server.refused("bad-argument", "create", "user", "alice", "-m", "22", *words)
    assert _listed(server) == []


def test_a_file_is_not_replaced_by_an_invitation(server: Tw) -> None:
    server.ok("create", "user", "alice", "-m", "22", "--out", "alice.zip")
    server.refused("bad-argument", "export", "user", "alice", "--invite", "--force")


def test_an_invitation_for_a_client_has_no_passphrase(server: Tw, tw: Tw, tmp_path: Path) -> None:
    token = server.ok("create", "user", "alice", "-m", "22", "--invite").strip()
    (tmp_path / "p").write_text("secret\n")
    tw.refused("bad-argument", "connect", token, "--passphrase-file", "p")
    assert "tw connect" in tw.refused("bad-token", "join", token)
    tw.refused("bad-token", "connect", token[:-5])


def test_the_list_says_until_when_somebody_is_invited(server: Tw) -> None:
    server.ok("create", "user", "alice", "-m", "22", "--invite")
    assert "alice is invited until 20" in server.ok("list", "users")
    for path in (server.directory / "invites").iterdir():
        path.unlink()
    assert "the invitation of alice is over: tw export user alice --invite" in server.ok("list", "users")


def test_who_has_not_come_yet_needs_no_other_file_after_a_change(server: Tw) -> None:
    server.ok("create", "user", "alice", "-m", "22", "--invite")
    assert "sent again" not in server.ok("edit", "user", "alice", "-m", "5432", "--yes")
