from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.commands.conftest import MachineFactory
from tests.e2e.commands.machines import Machine, free_port
from tests.e2e.commands.services import FakeSystemctl

pytestmark = pytest.mark.e2e


def _installed(relay: Machine, systemctl: FakeSystemctl) -> Path:
    listen = f"127.0.0.1:{free_port()}"
    relay.start("relay", "run", "--domain", "relay.test", "--listen", listen, until="listening").stop()
    relay.ok("service", "install", "--user", **systemctl.env)
    return relay.home / ".config" / "systemd" / "user" / "tw.service"


def test_a_service_that_runs_is_removed_when_somebody_says_yes(
    machine: MachineFactory, tmp_path: Path
) -> None:
    relay, systemctl = machine("relay"), FakeSystemctl(tmp_path)
    unit = _installed(relay, systemctl)
    line = relay.refused("bad-argument", "service", "uninstall", "--user", **systemctl.env)
    assert "--yes" in line
    child = relay.terminal("service", "uninstall", "--user", **systemctl.env)
    child.expect_exact("Remove the service tw? [y/N] ")
    child.sendline("n")
    child.expect_exact("nothing was removed")
    child.wait()
    assert child.exitstatus == 1 and unit.exists()
    child = relay.terminal("service", "uninstall", "--user", **systemctl.env)
    child.expect_exact("[y/N] ")
    child.sendline("y")
    child.expect_exact("tw is removed")
    child.wait()
    assert child.exitstatus == 0 and not unit.exists()


def test_the_flag_answers_and_the_identity_stays(machine: MachineFactory, tmp_path: Path) -> None:
    relay, systemctl = machine("relay"), FakeSystemctl(tmp_path)
    unit = _installed(relay, systemctl)
    assert str(relay.directory) in relay.ok("service", "uninstall", "--user", "--yes", **systemctl.env)
    assert systemctl.asked()[-2:] == ["--user disable --now tw", "--user daemon-reload"]
    assert not unit.exists() and (relay.directory / "config.yaml").exists()
    relay.refused("no-such-name", "service", "uninstall", "--user", "--yes", **systemctl.env)
