from __future__ import annotations

from dataclasses import replace

import pytest

from tests.cli.managers import fake_manager
from tests.kit.command import Tw


def test_what_runs_is_only_removed_after_a_yes(relay: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = fake_manager(monkeypatch)
    manager.state = replace(manager.state, running=True)
    done = relay("service", "uninstall")
    assert done.status == 2 and "--yes" in done.err
    assert manager.done == []
    assert "the identity in" in relay.ok("service", "uninstall", "--yes")
    assert manager.done == ["uninstall"]


def test_what_does_not_run_is_removed_without_a_question(relay: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = fake_manager(monkeypatch)
    relay.ok("service", "uninstall")
    assert manager.done == ["uninstall"]
