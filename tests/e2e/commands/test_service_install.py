from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.commands.conftest import MachineFactory
from tests.e2e.commands.machines import Machine, free_port
from tests.e2e.commands.services import FakeSystemctl

pytestmark = pytest.mark.e2e


def _relay(machine: Machine) -> Machine:
    listen = f"127.0.0.1:{free_port()}"
    machine.start("relay", "run", "--domain", "relay.test", "--listen", listen, until="listening").stop()
    return machine


def test_a_service_of_a_user_is_written_enabled_and_started(machine: MachineFactory, tmp_path: Path) -> None:
    relay, systemctl = _relay(machine("relay")), FakeSystemctl(tmp_path)
    said = relay.ok("service", "install", "--user", **systemctl.env)
    assert "active (running): dialling" in said and "journalctl --user -u tw" in said
    unit = (relay.home / ".config" / "systemd" / "user" / "tw.service").read_text()
    assert f"dashboard --unattended --config-dir {relay.directory} --context base" in unit
    assert systemctl.asked() == ["--user daemon-reload", "--user enable tw", "--user restart tw"]
    # The same again changes nothing; another identity of that name is refused.
    relay.ok("service", "install", "--user", "--no-start", **systemctl.env)
    other = _relay(machine("other"))
    line = other.refused("exists", "service", "install", "--user", HOME=str(relay.home), **systemctl.env)
    assert str(relay.directory) in line


def test_a_refusal_of_systemd_leaves_nothing_behind(machine: MachineFactory, tmp_path: Path) -> None:
    relay, systemctl = _relay(machine("relay")), FakeSystemctl(tmp_path, failing="enable")
    line = relay.refused("service-failed", "service", "install", "--user", **systemctl.env)
    assert "no, thanks" in line
    assert not list((relay.home / ".config" / "systemd" / "user").iterdir())


def test_a_proxy_of_this_shell_is_not_the_services(site_client: Machine, tmp_path: Path) -> None:
    systemctl = FakeSystemctl(tmp_path)
    done = site_client.tw(
        "service", "install", "--user", HTTPS_PROXY="http://proxy.test:3128", **systemctl.env
    )
    assert done.status == 0 and "tw proxy set" in done.err and "enable-linger" in done.err


@pytest.fixture
def site_client(machine: MachineFactory, tmp_path: Path) -> Machine:
    """A server that is enrolled, without anything that runs."""
    relay, server = _relay(machine("relay")), machine("server")
    request, response = str(tmp_path / "q.json"), str(tmp_path / "a.json")
    server.ok("join", "relay.test", "--id", "plant", "--out", request)
    relay.ok("enroll", request, "--out", response)
    server.ok("join", "--apply", response)
    return server


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_what_would_be_written_is_what_systemd_takes(site_client: Machine, tmp_path: Path) -> None:
    systemctl = FakeSystemctl(tmp_path)
    unit = tmp_path / "tw.service"
    unit.write_text(site_client.ok("service", "install", "--system", "--print", **systemctl.env))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60
    )
    assert "tw.service" not in done.stderr, done.stderr
    assert systemctl.asked() == []


def test_without_an_identity_there_is_nothing_to_run(machine: MachineFactory, tmp_path: Path) -> None:
    systemctl = FakeSystemctl(tmp_path)
    machine("fresh").refused("not-set-up", "service", "install", "--user", **systemctl.env)
    line = machine("fresh").refused("bad-argument", "service", "install", "--user", "--system")
    assert "--help" in line
