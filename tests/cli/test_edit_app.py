"""tw edit app."""

from __future__ import annotations

import json

import pytest

from tests.kit.command import Tw
from tests.kit.terminal import typed


@pytest.fixture
def server(server: Tw) -> Tw:
    """With an app, alice who has it, and bob who has the same ports as his own."""
    server.ok("create", "app", "historian", "-m", "5432")
    server.ok("create", "user", "alice", "--app", "historian", "-m", "22")
    server.ok("create", "user", "bob", "--app", "historian", "-m", "80")
    return server


def _ports(server: Tw) -> list[list[int]]:
    users = json.loads(server.ok("list", "users", "--json"))
    return [[grant["local_port"] for grant in user["grants"]] for user in users]


def test_its_users_follow_and_only_whose_ports_changed_needs_a_new_file(server: Tw) -> None:
    assert server.ok("edit", "app", "historian", "-m", "80", "--yes") == (
        "changed historian:\n"
        "  + 80 -> 127.0.0.1:80\n"
        "alice's file must be sent again, its ports changed: tw export user alice\n"
    )
    assert _ports(server) == [[22, 5432, 80], [80, 5432]]
    assert 'permitopen="127.0.0.1:80"' in (server.directory / "authorized_keys").read_text().splitlines()[0]


def test_a_port_gets_another_target_in_one_edit(server: Tw) -> None:
    out = server.ok("edit", "app", "historian", "--revoke", "5432", "-m", "5432:10.0.0.9:5432", "--yes")
    assert "  - 5432 -> 127.0.0.1:5432\n  + 5432 -> 10.0.0.9:5432   (another machine" in out
    assert "bob's file must be sent again" in out


def test_nothing_to_change_is_told(server: Tw) -> None:
    assert server.ok("edit", "app", "historian", "-m", "5432") == "historian: nothing to change\n"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("no-such-name", ("ghost", "-m", "81")),
        ("bad-argument", ("../x", "-m", "81")),
        ("bad-argument", ("historian",)),
        ("bad-argument", ("historian", "-m", "1-9")),
        ("bad-argument", ("historian", "-m", "22:80")),
        ("bad-argument", ("historian", "--revoke", "5432")),
        ("no-such-name", ("historian", "--revoke", "81")),
    ],
)
def test_what_does_not_fit_changes_nobody(code: str, words: tuple[str, ...], server: Tw) -> None:
    server.refused(code, "edit", "app", *words, "--yes")
    assert _ports(server) == [[22, 5432], [80, 5432]]


@pytest.mark.parametrize(("answer", "status"), [("n", 1), ("y", 0)])
def test_who_is_concerned_is_shown_before_it_is_asked(
    answer: str, status: int, server: Tw, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, answer)
    printed = server("edit", "app", "historian", "-m", "81")
    assert printed.status == status
    assert printed.err == (
        "historian:\n  + 81 -> 127.0.0.1:81\n"
        "Who has it: alice, bob. Running sessions follow at once.\nChange historian so? [y/N] "
    )
    assert _ports(server) == [[22, 5432, 81], [80, 5432, 81]] if status == 0 else [[22, 5432], [80, 5432]]


def test_what_to_change_is_asked_for(server: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "add", "22:80", "add", "81", "", "remove", "22", "remove", "5432", "", "y")
    assert "  - 5432 -> 127.0.0.1:5432\n  + 81 -> 127.0.0.1:81\n" in server.ok("edit", "app", "historian")
    typed(monkeypatch, "")
    assert server.ok("edit", "app", "historian") == "historian: nothing to change\n"


def test_it_is_a_servers_business(relay: Tw, tw: Tw) -> None:
    relay.refused("wrong-role", "edit", "app", "historian", "-m", "80")
    tw.refused("not-set-up", "edit", "app", "historian", "-m", "80")
