from __future__ import annotations

import pytest

from tests.cli.managers import fake_manager
from tests.kit.command import Tw


def test_it_is_installed_and_started(relay: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = fake_manager(monkeypatch)
    out = relay.ok("service", "install", "--user")
    assert manager.done == ["install", "start"]
    assert "started; active (running)" in out and "its log: look here" in out


def test_it_is_only_installed(relay: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = fake_manager(monkeypatch)
    assert "installed, not started" in relay.ok("service", "install", "--user", "--no-start")
    assert manager.done == ["install"]


def test_it_is_only_shown(relay: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = fake_manager(monkeypatch)
    assert relay.ok("service", "install", "--print").startswith("[Service]\nExecStart=/")
    assert manager.done == []


def test_a_proxy_of_the_environment_is_missed_by_a_server_alone(
    relay: Tw, server: Tw, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_manager(monkeypatch)
    monkeypatch.setenv("HTTPS_PROXY", "http://u:secret@proxy.test:3128")
    warned = server("service", "install", "--user").err
    assert "tw proxy set URL" in warned and "secret" not in warned
    assert "tw proxy" not in relay("service", "install", "--user").err
