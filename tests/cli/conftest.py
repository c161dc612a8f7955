from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.command import Tw, enrolled_server
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import make_relay_identity


@pytest.fixture
def tw(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Tw:
    """Commands on a directory in which nothing is yet."""
    monkeypatch.chdir(tmp_path)
    return Tw(tmp_path / "new", capsys)


@pytest.fixture
def relay(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Tw:
    """Commands on a relay's identity."""
    monkeypatch.chdir(tmp_path)
    make_relay_identity(Profile(tmp_path / "relay"), "relay.test")
    return Tw(tmp_path / "relay", capsys)


@pytest.fixture
def server(tmp_path: Path, relay: Tw, capsys: pytest.CaptureFixture[str]) -> Tw:
    """Commands on an enrolled server's identity."""
    tw = Tw(tmp_path / "server", capsys)
    enrolled_server(relay, tw, tmp_path)
    return tw
