from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.commands.conftest import MachineFactory, Site
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
    relay.start(*words[words.index("dashboard") :], until=f"listening on {listen}")


class Manager:
    """systemd's end of the notifications."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(30)
        self.path = str(path)

    def wait_for(self, beginning: str) -> str:
        """The first message with a line that begins so."""
        while True:
            message = self._socket.recv(4096).decode()
            if any(line.startswith(beginning) for line in message.splitlines()):
                return message

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def managers(tmp_path: Path) -> Iterator[list[Manager]]:
    made = [Manager(tmp_path / name) for name in ("notify-s", "notify-c")]
    yield made
    for manager in made:
        manager.close()


def test_a_server_and_a_client_say_when_they_are_ready_connected_and_going(
    site: Site, echo: int, managers: list[Manager]
) -> None:
    for_server, for_client = managers
    bundle = site.add_user("alice", f"{free_port()}:{echo}")
    # Ready before it is connected: nothing is to wait for a network.
    server = site.server.start("serve", NOTIFY_SOCKET=for_server.path, WATCHDOG_USEC="2000000")
    assert for_server.wait_for("READY=1") == "READY=1\nSTATUS=dialling localhost"
    for_server.wait_for("STATUS=connected")
    for_server.wait_for("WATCHDOG=1")
    client = site.client.start("connect", str(bundle), NOTIFY_SOCKET=for_client.path)
    assert for_client.wait_for("READY=1").endswith("STATUS=local ports open: 1")
    for_client.wait_for("STATUS=connected")
    server.stop()
    for_server.wait_for("STOPPING=1")
    for_client.wait_for("STATUS=not connected: ")
    assert client.stop() == 0
    for_client.wait_for("STOPPING=1")
