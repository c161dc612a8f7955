"""config.yaml, changed by a command."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.cli.settings import change_settings
from tunnel_whisperer.profile import Config, Profile, load_config, running


def _args(tw: Tw) -> argparse.Namespace:
    return argparse.Namespace(config_dir=str(tw.directory), log_level=None, log_format=None)


def _level(level: str) -> Callable[[Config], Config]:
    return lambda config: replace(config, log_level=level)


def test_what_is_changed_is_kept_and_noted(server: Tw, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = change_settings(_args(server), _level("debug"))
    assert (before.log_level, after.log_level) == ("info", "debug")
    profile = Profile(server.directory)
    assert load_config(profile.config) == after
    record = "".join(path.read_text() for path in profile.audit.glob("*.jsonl"))
    assert record.count('"log_level"') == 1
    capsys.readouterr()
    change_settings(_args(server), _level("debug"))
    assert "".join(path.read_text() for path in profile.audit.glob("*.jsonl")) == record
    assert capsys.readouterr().err == ""


def test_a_process_that_runs_is_named(server: Tw, capsys: pytest.CaptureFixture[str]) -> None:
    with running(Profile(server.directory), "tw serve"):
        change_settings(_args(server), _level("debug"))
        assert "tw serve (process" in capsys.readouterr().err
        change_settings(_args(server), _level("debug"))
        assert capsys.readouterr().err == ""


def test_what_is_refused_leaves_the_file_as_it_is(relay: Tw) -> None:
    path = Profile(relay.directory).config
    before = path.read_bytes()
    with pytest.raises(Misuse, match="on this machine alone"):
        change_settings(
            _args(relay), lambda config: replace(config, relay=replace(config.relay, behind_proxy=True))
        )
    with pytest.raises(Misuse) as caught:
        change_settings(_args(relay), _level("debug"), role="client")
    assert caught.value.code == "wrong-role"
    assert path.read_bytes() == before


def test_where_nothing_is_nothing_is_made(tw: Tw) -> None:
    with pytest.raises(Misuse) as caught:
        change_settings(_args(tw), _level("debug"))
    assert caught.value.code == "not-set-up"
    assert not tw.directory.exists()
