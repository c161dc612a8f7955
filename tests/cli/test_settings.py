"""What the commands that change config.yaml say of a process that runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.cli.settings import tell_running
from tunnel_whisperer.operations.settings import change_settings
from tunnel_whisperer.profile import Profile, running


def test_a_process_that_runs_is_named(server: Tw, capsys: pytest.CaptureFixture[str]) -> None:
    profile = Profile(server.directory)
    with running(profile, "tw serve"):
        tell_running(change_settings(profile, lambda config: replace(config, log_level="debug")))
        said = capsys.readouterr().err
    assert said.startswith("tw: tw serve (process ")
    assert said.endswith("goes on as before: start it again to apply this\n")


def test_where_nothing_runs_nothing_is_said(server: Tw, capsys: pytest.CaptureFixture[str]) -> None:
    profile = Profile(server.directory)
    capsys.readouterr()
    tell_running(change_settings(profile, lambda config: replace(config, log_level="debug")))
    assert capsys.readouterr().err == ""
