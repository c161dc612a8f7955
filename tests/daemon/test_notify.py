from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.clock import run
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.base.tasks import TaskSet
from tunnel_whisperer.daemon import notify
from tunnel_whisperer.ssh.keeper import KeeperState, KeeperStatus


class Manager:
    """systemd's end."""

    def __init__(self, address: str, shown: str = "") -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)
        self.environ = {"NOTIFY_SOCKET": shown or address}

    def told(self) -> list[str]:
        """All messages since the last time."""
        found = []
        try:
            while True:
                found.append(self._socket.recv(4096).decode())
        except BlockingIOError:
            return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.close()


def test_each_change_is_one_message(manager: Manager) -> None:
    notify.ready("listening", manager.environ)
    notify.status("one\ntwo" + "x" * 500, manager.environ)
    notify.stopping(manager.environ)
    ready, status, stopping = manager.told()
    assert (ready, stopping) == ("READY=1\nSTATUS=listening", "STOPPING=1\nSTATUS=stopping")
    # A line break would be another message's beginning.
    assert status.startswith("STATUS=one?two") and len(status) < 250


def test_a_socket_without_a_file_is_reached_as_well() -> None:
    name = f"tw-test-{os.getpid()}"
    manager = Manager(f"\0{name}", f"@{name}")
    try:
        notify.ready("up", manager.environ)
        assert manager.told() == ["READY=1\nSTATUS=up"]
    finally:
        manager.close()


@pytest.mark.parametrize(
    "environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/no/such/socket"}, {"NOTIFY_SOCKET": "vsock:1"}]
)
def test_without_a_manager_nothing_happens(environ: dict[str, str]) -> None:
    notify.ready("up", environ)


def test_a_manager_that_does_not_read_is_not_waited_for(manager: Manager) -> None:
    for _ in range(5000):
        notify.status("again", manager.environ)


def test_the_session_is_told_in_words(manager: Manager) -> None:
    error = Unreachable("timeout", "no connection within 10 s", where="relay:443")
    notify.session_status(KeeperStatus(KeeperState.CONNECTING, 0.0, error), manager.environ)
    notify.session_status(KeeperStatus(KeeperState.UP, 0.0), manager.environ)
    notify.session_status(KeeperStatus(KeeperState.WAITING, 0.0, error, 2.0), manager.environ)
    assert manager.told() == [
        "STATUS=connected",
        "STATUS=not connected: timeout: relay:443: no connection within 10 s",
    ]


def test_a_service_says_how_its_role_stands_and_where_its_dashboard_is(manager: Manager) -> None:
    said = notify.ServiceStatus(manager.environ)
    said.role("dialling relay.test")
    assert manager.told() == []  # it is ready when browsers can come, too
    said.bound("http://127.0.0.1:8080")
    said.session(KeeperStatus(KeeperState.UP, 0.0))
    said.session(KeeperStatus(KeeperState.WAITING, 0.0, Unreachable("timeout", "no answer"), 2.0))
    said.session(KeeperStatus(KeeperState.CONNECTING, 0.0))
    dashboard = "dashboard on http://127.0.0.1:8080"
    assert manager.told() == [
        f"READY=1\nSTATUS=dialling relay.test; {dashboard}",
        f"STATUS=connected; {dashboard}",
        f"STATUS=not connected: timeout: no answer; {dashboard}",
        f"STATUS=not connected: timeout: no answer; {dashboard}",
    ]


def test_a_service_without_a_role_or_without_a_dashboard_says_so(manager: Manager) -> None:
    notify.ServiceStatus(manager.environ).bound("http://127.0.0.1:8080")
    said = notify.ServiceStatus(manager.environ)
    said.bound("")
    said.role("listening on 127.0.0.1:443")
    assert manager.told() == [
        "READY=1\nSTATUS=dashboard on http://127.0.0.1:8080",
        "READY=1\nSTATUS=no dashboard",
        "STATUS=listening on 127.0.0.1:443; no dashboard",
    ]


def _alive(environ: dict[str, str], seconds: float) -> None:
    async def main() -> None:
        tasks = TaskSet("test", notify._log)
        tasks.spawn(notify.keep_watchdog(environ), "watchdog")
        await asyncio.sleep(seconds)
        await tasks.drain()

    run(main())


def test_signs_of_life_come_twice_in_the_time_that_is_allowed(manager: Manager) -> None:
    _alive({**manager.environ, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 59)
    assert manager.told() == ["WATCHDOG=1"] * 4


@pytest.mark.parametrize(
    "asked", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}]
)  # fmt: skip
def test_nobody_asked_for_signs_of_life(manager: Manager, asked: dict[str, str]) -> None:
    _alive({**manager.environ, **asked}, 100)
    assert manager.told() == []
