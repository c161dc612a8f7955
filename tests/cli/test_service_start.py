from __future__ import annotations

import pytest

from tests.cli.managers import fake_manager
from tests.kit.command import Tw


def test_it_is_started_and_its_state_told(relay: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = fake_manager(monkeypatch)
    assert relay.ok("service", "start") == "tw is started: active (running)\n"
    assert manager.done == ["start"]
