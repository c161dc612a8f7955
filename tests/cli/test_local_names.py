"""Names for a shell, out of files that are only looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.cli.local_names import local_names
from tunnel_whisperer.profile import Contexts, Profile
from tunnel_whisperer.tenancy import AppBook, UserBook, make_relay_identity


def test_what_there_is_is_told_by_name(server: Tw, relay: Tw) -> None:
    profile = Profile(server.directory)
    for name in ("bob", "alice"):
        UserBook(profile).create(name, (Grant.parse("5432"),))
    for name in ("historian", "a-1"):
        AppBook(profile).create(name, (Grant.parse("5432"),))
    assert local_names("user", server.directory) == ["alice", "bob"]
    assert local_names("app", server.directory) == ["a-1", "historian"]
    assert local_names("server", relay.directory) == ["plant"]


def test_contexts_are_told_and_the_active_one_is_looked_into(tmp_path: Path) -> None:
    make_relay_identity(Profile(tmp_path), "relay.test")
    contexts = Contexts(tmp_path)
    assert local_names("context", tmp_path) == ["base"]
    second = contexts.create("second", activate=False)
    assert local_names("context", tmp_path) == ["base", "second"]
    (second.profile.directory / "users" / "alice").mkdir(parents=True)
    assert local_names("user", tmp_path) == []
    contexts.use(contexts.find("second"))
    assert local_names("user", tmp_path) == ["alice"]
    (second.profile.directory / "context.json").write_text("{")
    assert local_names("context", tmp_path) == sorted(["base", second.id])


@pytest.mark.parametrize("kind", ["user", "server", "app", "context", "nonsense", ""])
def test_where_nothing_is_there_are_no_names(kind: str, tmp_path: Path) -> None:
    assert local_names(kind, tmp_path / "none") == []
    (tmp_path / "users").write_text("a file")
    (tmp_path / "apps.yaml").write_bytes(b"\xff\x00apps: [")
    assert local_names(kind, tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        "$(touch x)",
        "`id`",
        "a;b",
        "a b",
        "a'b",
        "-rf",
        "~root",
        "a\nb",
        "\N{SNOWMAN}",
        "x" * 200,
        "*",
        ":files",
    ],
)
def test_a_name_that_means_something_to_a_shell_is_not_told(name: str, tmp_path: Path) -> None:
    for folder in ("users", "servers"):
        (tmp_path / folder).mkdir()
    (tmp_path / "users" / name).mkdir()
    (tmp_path / "servers" / f"{name}.json").write_text("{}")
    (tmp_path / "apps.yaml").write_text(f"apps:\n  {name}:\n    - 1\n")
    assert [local_names(kind, tmp_path) for kind in ("user", "server", "app")] == [[], [], []]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("version: 1\napps:\n  one:\n  - 1\n  two:\n  - 2\n", ["one", "two"]),
        ("apps:\n    one:   # a comment\n        - 1:2:3\n    two:\n", ["one", "two"]),
        ("# apps:\nother:\n  no:\napps:\n  one:\n    nested:\nmore:\n  no:\n", ["one"]),
        ("apps: {one: [1]}\n", []),
        ("", []),
    ],
)
def test_apps_are_found_however_they_are_indented(text: str, names: list[str], tmp_path: Path) -> None:
    (tmp_path / "apps.yaml").write_text(text)
    assert local_names("app", tmp_path) == names


def test_what_may_not_be_read_has_no_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", denied)
        patch.setattr(Path, "open", denied)
        found = [local_names(kind, tmp_path) for kind in ("user", "server", "app", "context")]
    assert found == [[], [], [], []]
