"""Whose identity a command works on."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from tunnel_whisperer.cli.place import profile_of


def test_the_flag_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TW_CONFIG_DIR", "/somewhere")
    assert profile_of(argparse.Namespace(config_dir="/else")).directory == Path("/else")
    assert profile_of(argparse.Namespace(config_dir=None)).directory == Path("/somewhere")
