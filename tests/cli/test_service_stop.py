from __future__ import annotations

import pytest

from tests.cli.managers import fake_manager
from tests.kit.command import Tw


def test_it_is_stopped_for_now(relay: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = fake_manager(monkeypatch)
    assert "until the machine starts again" in relay.ok("service", "stop")
    assert manager.done == ["stop"]
