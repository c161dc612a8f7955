from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.commands.conftest import MachineFactory
from tests.e2e.commands.machines import free_port
from tests.e2e.commands.services import FakeSystemctl

pytestmark = pytest.mark.e2e


def test_an_installed_service_is_started_and_the_command_in_it_is_one_that_runs(
    machine: MachineFactory, tmp_path: Path
) -> None:
    relay, systemctl, listen = machine("relay"), FakeSystemctl(tmp_path), f"127.0.0.1:{free_port()}"
    relay.start("relay", "run", "--domain", "relay.test", "--listen", listen, until="listening").stop()
    line = relay.refused("no-such-name", "service", "start", "--user", **systemctl.env)
    assert "tw service install" in line
    relay.ok("service", "install", "--user", "--no-start", **systemctl.env)
    assert "started: active (running)" in relay.ok("service", "start", "--user", **systemctl.env)
    assert systemctl.asked()[-1] == "--user restart tw"
    unit = (relay.home / ".config" / "systemd" / "user" / "tw.service").read_text()
    words = next(line for line in unit.splitlines() if line.startswith("ExecStart=")).split()
    # What systemd would run, but for the program itself, which a checkout does not have on its path.
    relay.start(*words[words.index("relay") :], until=f"listening on {listen}")
