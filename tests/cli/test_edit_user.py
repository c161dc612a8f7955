"""tw edit user."""

from __future__ import annotations

import json

import pytest

from tests.kit.command import Tw
from tests.kit.terminal import typed


@pytest.fixture
def server(server: Tw) -> Tw:
    """With an app, and alice who has a port."""
    server.ok("create", "app", "historian", "-m", "5432", "-m", "10502:10.0.5.7:502")
    server.ok("create", "user", "alice", "-m", "22")
    return server


def _alice(server: Tw) -> dict[str, object]:
    (user,) = json.loads(server.ok("list", "users", "--json"))
    return {**user, "grants": [grant["local_port"] for grant in user["grants"]]}


AGAIN = "alice's file must be sent again, its ports changed: tw export user alice\n"


def test_what_changed_is_told_and_that_the_file_must_be_sent_again(server: Tw) -> None:
    out = server.ok("edit", "user", "alice", "-m", "80", "--revoke", "22", "--app", "historian", "--yes")
    assert out == (
        "changed alice:\n"
        "  - 22 -> 127.0.0.1:22\n"
        "  + 80 -> 127.0.0.1:80\n"
        "  + 5432 -> 127.0.0.1:5432\n"
        "  + 10502 -> 10.0.5.7:502   (another machine)\n"
        f"  apps: none -> historian\n{AGAIN}"
    )
    assert _alice(server)["grants"] == [80, 5432, 10502]
    assert 'permitopen="127.0.0.1:80"' in (server.directory / "authorized_keys").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--expires", "2126-12-24T18:00"), "changed alice:\n  expires: never -> 2126-12-24 18:00\n"),
        (("--single-session",), "changed alice:\n  one session at a time: no -> yes\n"),
        (("-m", "22"), "alice: nothing to change\n"),
        (("--expires", "never", "--no-single-session"), "alice: nothing to change\n"),
        (("--revoke", "22", "--grant", "22"), "alice: nothing to change\n"),
    ],
)
def test_the_file_stays_good_while_ports_and_targets_do(
    words: tuple[str, ...], says: str, server: Tw
) -> None:
    assert server.ok("edit", "user", "alice", *words, "--yes") == says
    assert _alice(server)["revision"] == 1


def test_an_app_is_taken_back(server: Tw) -> None:
    server.ok("edit", "user", "alice", "--app", "historian", "--yes")
    assert "apps: historian -> none" in server.ok("edit", "user", "alice", "--no-app", "historian", "--yes")
    assert _alice(server)["grants"] == [22]


def test_another_target_for_the_same_port_is_one_edit(server: Tw) -> None:
    server.ok("edit", "user", "alice", "--revoke", "22", "-m", "22:10.0.0.9:22", "--yes")
    assert 'permitopen="10.0.0.9:22",restrict' in (server.directory / "authorized_keys").read_text()


def test_whose_time_was_over_is_let_in_again(server: Tw) -> None:
    record = server.directory / "users" / "alice" / "user.json"
    record.write_text(record.read_text().replace('"expires": null', '"expires": 1000000000'))
    server.ok("apply")
    out = server.ok("edit", "user", "alice", "--expires", "never", "--yes")
    assert out.splitlines()[-1] == "alice is now let in, and was expired"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("no-such-name", ("ghost", "-m", "80")),
        ("bad-argument", ("../alice", "-m", "80")),
        ("bad-argument", ("x" * 300, "-m", "80")),
        ("bad-argument", ("älice", "-m", "80")),
        ("bad-argument", ("alice",)),
        ("bad-argument", ("alice", "-m", "1-9")),
        ("bad-argument", ("alice", "-m", "22:80")),
        ("bad-argument", ("alice", "--revoke", "22")),
        ("bad-argument", ("alice", "--revoke", "x/y")),
        ("no-such-name", ("alice", "--revoke", "23")),
        ("no-such-name", ("alice", "--app", "../x")),
        ("no-such-name", ("alice", "--no-app", "historian")),
        ("bad-argument", ("alice", "--expires", "tomorrow")),
        ("bad-argument", ("alice", "--expires", "2001-01-01")),
        ("bad-argument", ("alice", "--single-session=maybe")),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(code: str, words: tuple[str, ...], server: Tw) -> None:
    before = _alice(server)
    server.refused(code, "edit", "user", *words, "--yes")
    assert _alice(server) == before


@pytest.mark.parametrize(("answer", "ports"), [("n", [22]), ("", [22]), ("y", [22, 80])])
def test_the_change_is_shown_before_it_is_asked(
    answer: str, ports: list[int], server: Tw, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, answer)
    printed = server("edit", "user", "alice", "-m", "80")
    assert printed.status == (0 if answer == "y" else 1)
    assert printed.err == (
        "alice:\n  + 80 -> 127.0.0.1:80\nChange alice so? Running sessions follow at once. [y/N] "
    )
    assert _alice(server)["grants"] == ports


def test_what_to_change_is_asked_for(server: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "add", "80", "", "y")
    assert server.ok("edit", "user", "alice") == f"changed alice:\n  + 80 -> 127.0.0.1:80\n{AGAIN}"
    typed(monkeypatch, "")
    assert server.ok("edit", "user", "alice") == "alice: nothing to change\n"


def test_it_is_a_servers_business(relay: Tw, tw: Tw) -> None:
    relay.refused("wrong-role", "edit", "user", "alice", "-m", "80")
    tw.refused("not-set-up", "edit", "user", "alice", "-m", "80")
