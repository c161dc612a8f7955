from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.commands.conftest import MachineFactory
from tests.e2e.commands.machines import free_port
from tests.e2e.commands.services import FakeSystemctl

pytestmark = pytest.mark.e2e


def test_it_tells_what_is_installed_what_runs_and_what_is_not_the_services(
    machine: MachineFactory, tmp_path: Path
) -> None:
    relay, systemctl, listen = machine("relay"), FakeSystemctl(tmp_path), f"127.0.0.1:{free_port()}"
    by_hand = relay.start("relay", "run", "--domain", "relay.test", "--listen", listen, until="listening")
    said = relay.ok("service", "status", "--user", **systemctl.env)
    assert "not installed; tw service install" in said and "is not the service's" in said
    by_hand.stop()
    relay.ok("service", "install", "--user", **systemctl.env)
    value = json.loads(relay.ok("service", "status", "--user", "--json", **systemctl.env))
    assert (value["installed"], value["enabled"], value["running"], value["pid"]) == (True, True, True, 4242)
    assert value["directory"] == str(relay.directory) and value["process"] is None
    said = relay.ok("service", "status", "--user", **systemctl.env)
    assert "systemd --user: active (running): dialling; starts by itself" in said


def test_a_manager_that_does_not_answer_is_an_error(machine: MachineFactory, tmp_path: Path) -> None:
    relay, listen = machine("relay"), f"127.0.0.1:{free_port()}"
    relay.start("relay", "run", "--domain", "relay.test", "--listen", listen, until="listening").stop()
    systemctl = FakeSystemctl(tmp_path, failing="show")
    relay.refused("service-failed", "service", "status", "--user", **systemctl.env)
