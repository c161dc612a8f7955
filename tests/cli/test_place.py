"""Whose identity a command works on."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.cli.place import add_context_flag, contexts_of, profile_of
from tunnel_whisperer.profile import Contexts, Profile
from tunnel_whisperer.tenancy import make_relay_identity


def test_the_flag_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TW_CONFIG_DIR", "/somewhere")
    assert profile_of(argparse.Namespace(config_dir="/else")).directory == Path("/else")
    assert profile_of(argparse.Namespace(config_dir=None)).directory == Path("/somewhere")


@pytest.mark.parametrize("name", ["x" * 300, "x/" * 2040, "~nobody-of-that-name/tw", "loop"])
def test_where_no_directory_can_be_it_is_the_flag_that_is_wrong(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    with pytest.raises(Misuse) as caught:
        contexts_of(argparse.Namespace(config_dir=name))
    assert (caught.value.code, caught.value.hint) == ("bad-argument", "--config-dir DIR")
    monkeypatch.setenv("TW_CONFIG_DIR", name)
    with pytest.raises(Misuse, match="TW_CONFIG_DIR"):
        contexts_of(argparse.Namespace(config_dir=None))


def test_a_directory_that_is_not_there_yet_is_fine(tmp_path: Path) -> None:
    assert contexts_of(argparse.Namespace(config_dir=str(tmp_path / "new"))).base == tmp_path / "new"


def test_another_identity_than_the_active_one_can_be_meant(tmp_path: Path) -> None:
    make_relay_identity(Profile(tmp_path), "relay.test")
    north = Contexts(tmp_path).create("north", activate=True)

    def chosen(*words: str) -> Path:
        parser = argparse.ArgumentParser()
        add_context_flag(parser)
        return profile_of(
            parser.parse_args(list(words), argparse.Namespace(config_dir=str(tmp_path)))
        ).directory

    assert chosen() == north.profile.directory
    assert chosen("--context", "base") == tmp_path
    assert chosen("--context", "north") == north.profile.directory
    with pytest.raises(Misuse) as caught:
        chosen("--context", "south")
    assert caught.value.code == "no-such-name"
