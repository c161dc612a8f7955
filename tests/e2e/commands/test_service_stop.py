from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.commands.conftest import MachineFactory
from tests.e2e.commands.machines import free_port
from tests.e2e.commands.services import FakeSystemctl

pytestmark = pytest.mark.e2e


def test_a_service_that_runs_is_stopped_and_stays_installed(machine: MachineFactory, tmp_path: Path) -> None:
    relay, systemctl, listen = machine("relay"), FakeSystemctl(tmp_path), f"127.0.0.1:{free_port()}"
    relay.start("relay", "run", "--domain", "relay.test", "--listen", listen, until="listening").stop()
    relay.refused("no-such-name", "service", "stop", "--user", **systemctl.env)
    relay.ok("service", "install", "--user", **systemctl.env)
    assert "tw is stopped" in relay.ok("service", "stop", "--user", **systemctl.env)
    assert systemctl.asked()[-1] == "--user stop tw"
    assert (relay.home / ".config" / "systemd" / "user" / "tw.service").exists()
