"""tw create app."""

from __future__ import annotations

import json

import pytest

from tests.kit.command import Tw
from tests.kit.terminal import typed


def test_a_set_of_ports_gets_a_name(server: Tw) -> None:
    out = server.ok("create", "app", "historian", "-m", "5432", "-m", "10502:10.0.5.7:502")
    assert out == (
        "created historian\n"
        "  5432 -> 127.0.0.1:5432\n"
        "  10502 -> 10.0.5.7:502   (another machine)\n"
        "Give it to somebody: tw create user NAME --app historian\n"
    )
    assert "  historian:\n  - 5432\n  - 10502:10.0.5.7:502\n" in (server.directory / "apps.yaml").read_text()


@pytest.mark.parametrize(
    "words",
    [
        ("historian",),
        ("-m", "5432"),
        ("historian", "-m", "5000-5010"),
        ("historian", "-m", "0"),
        ("historian", "-m", "80", "-m", "80:81"),
        ("a/b", "-m", "80"),
        ("..", "-m", "80"),
        ("x" * 300, "-m", "80"),
        ("größe", "-m", "80"),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(words: tuple[str, ...], server: Tw) -> None:
    server.refused("bad-argument", "create", "app", *words)
    assert not (server.directory / "apps.yaml").exists()


def test_a_name_is_given_once(server: Tw) -> None:
    server.ok("create", "app", "historian", "-m", "5432")
    assert "tw edit app historian" in server.refused("exists", "create", "app", "historian", "-m", "1")


def test_what_is_missing_is_asked_for(server: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    server.ok("create", "app", "panel", "-m", "80")
    typed(monkeypatch, "a/b", "panel", "historian", "5432", "")
    printed = server("create", "app")
    assert printed.status == 0
    assert "there is an app 'panel' already" in printed.err
    assert [app["name"] for app in json.loads(server.ok("list", "apps", "--json"))] == ["historian", "panel"]


def test_it_is_a_servers_business(relay: Tw, tw: Tw) -> None:
    relay.refused("wrong-role", "create", "app", "historian", "-m", "80")
    tw.refused("not-set-up", "create", "app", "historian", "-m", "80")
