"""tw delete app."""

from __future__ import annotations

import json

import pytest

from tests.kit.command import Tw
from tests.kit.terminal import typed


@pytest.fixture
def server(server: Tw) -> Tw:
    """With two apps, and alice who has one of them and a port."""
    server.ok("create", "app", "historian", "-m", "5432")
    server.ok("create", "app", "panel", "-m", "80")
    server.ok("create", "user", "alice", "--app", "historian", "-m", "22")
    return server


def _apps(server: Tw) -> list[str]:
    return [app["name"] for app in json.loads(server.ok("list", "apps", "--json"))]


def test_its_users_lose_what_they_had_by_it(server: Tw) -> None:
    assert server.ok("delete", "app", "historian", "--yes") == (
        "deleted historian\nalice's file must be sent again, its ports changed: tw export user alice\n"
    )
    assert _apps(server) == ["panel"]
    assert "5432" not in (server.directory / "authorized_keys").read_text()
    assert server.ok("delete", "app", "panel", "--yes") == "deleted panel\n"


@pytest.mark.parametrize(("answer", "left"), [("n", 2), ("y", 1)])
def test_who_loses_what_is_shown_before_it_is_asked(
    answer: str, left: int, server: Tw, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, answer)
    assert server("delete", "app", "historian").err == (
        "alice:\n  - 5432 -> 127.0.0.1:5432\n  apps: historian -> none\n"
        "These have it, and lose what it gave them. Delete app historian? [y/N] "
    )
    assert len(_apps(server)) == left


def test_one_that_nobody_has_is_told_so(server: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "y")
    assert server("delete", "app", "panel").err == "Nobody has it. Delete app panel? [y/N] "


def test_nobody_is_left_without_any_port(server: Tw) -> None:
    server.ok("create", "user", "bob", "--app", "panel")
    assert "bob would have no port" in server.refused("bad-argument", "delete", "app", "panel", "--yes")
    assert _apps(server) == ["historian", "panel"]


def test_nonsense_is_refused(server: Tw, relay: Tw, tw: Tw) -> None:
    server.refused("no-such-name", "delete", "app", "ghost", "--yes")
    for words in (("../x",), ("x" * 300,), ()):
        server.refused("bad-argument", "delete", "app", *words, "--yes")
    printed = server("delete", "app", "panel")
    assert printed.err.endswith("there is no terminal to ask at (try: add --yes)\n")
    assert _apps(server) == ["historian", "panel"]
    relay.refused("wrong-role", "delete", "app", "historian", "--yes")
    tw.refused("not-set-up", "delete", "app", "historian", "--yes")
