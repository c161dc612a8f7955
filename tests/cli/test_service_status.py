from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.cli.managers import fake_manager
from tests.kit.command import Tw
from tunnel_whisperer.profile import Profile, running


def test_what_is_not_installed_says_how_to(relay: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_manager(monkeypatch)
    out = relay.ok("service", "status", "--user")
    assert "not installed; tw service install\n" in out and "log" not in out
    assert "tw service install --system" in relay.ok("service", "status", "--system")


def test_what_runs_by_hand_is_told_from_the_service(relay: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = fake_manager(monkeypatch)
    manager.state = replace(manager.state, installed=True, file="/etc/x", says="failed (failed)")
    with running(Profile(relay.directory), "tw relay run"):
        out = relay.ok("service", "status")
        value = json.loads(relay.ok("service", "status", "--json"))
    assert "failed (failed); does not start by itself" in out and "file: /etc/x" in out
    assert "tw relay run (process" in out and "is not the service's" in out
    assert value["process"]["command"] == "tw relay run" and value["file"] == "/etc/x"
