"""The main job, by hand, on three machines with nothing open but 443 on the relay."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import LOCAL_PORT, SERVICE_PORT, Bridge

pytestmark = pytest.mark.e2e


def test_bytes_short_connections_and_faults(bridge: Bridge) -> None:
    # One bridge serves several checks: building one costs more than each of them.
    assert "ok" in bridge.probe("fetch", 1_000_000)
    assert "ok" in bridge.probe("push", 1_000_000)
    assert "ok" in bridge.probe("short", 500)

    # The relay dies and comes back: the port stays open, a new connection waits and is carried.
    bridge.lab.kill(bridge.relay, signal.SIGKILL)
    waiting = bridge.start_probe("wait", 60, "wait-relay")
    bridge.start_relay()
    assert waiting.wait(60) == 0, bridge.lab.log_path("wait-relay").read_text()

    # The server dies and comes back: its successor takes over the port.
    bridge.lab.kill(bridge.server, signal.SIGKILL)
    waiting = bridge.start_probe("wait", 60, "wait-server")
    bridge.start_server()
    assert waiting.wait(60) == 0, bridge.lab.log_path("wait-server").read_text()
    assert "ok" in bridge.probe("fetch", 100_000)


def test_one_gigabyte_each_way(bridge: Bridge) -> None:
    assert "ok" in bridge.probe("fetch", 1_000_000_000)
    assert "ok" in bridge.probe("push", 1_000_000_000)


def test_a_link_black_holed_for_ten_seconds_costs_nothing(two_bridges: tuple[Bridge, Bridge]) -> None:
    for bridge in two_bridges:
        bridge.ticking = bridge.start_probe("tick", 14, "tick")
        bridge.opened(SERVICE_PORT)
        bridge.fetching = bridge.start_probe("fetch", 300_000_000, "fetch")
        bridge.opened(SERVICE_PORT, 2)
    for bridge, side in zip(two_bridges, ("client", "server"), strict=True):
        assert bridge.fetching.poll() is None
        bridge.lab.black_hole(side)
    _seconds(10)
    for bridge, side in zip(two_bridges, ("client", "server"), strict=True):
        bridge.lab.black_hole(side, on=False)
    for bridge in two_bridges:
        gap = float(bridge.succeeds(bridge.ticking, "tick").split()[-2])
        assert 9 < gap < 24, gap  # it was on the way all the time
        assert "ok" in bridge.succeeds(bridge.fetching, "fetch")
        for name in ("client", "server"):
            assert "not connected" not in bridge.lab.log_path(name).read_text()


def test_a_link_black_holed_for_a_minute_is_noticed_and_comes_back(
    two_bridges: tuple[Bridge, Bridge],
) -> None:
    sides = dict(zip(("client", "server"), two_bridges, strict=True))
    for side, bridge in sides.items():
        bridge.fetching = bridge.start_probe("fetch", 10_000_000_000, "fetch")
        bridge.opened(SERVICE_PORT)
        bridge.lab.black_hole(side)
    end = time.monotonic() + 60
    for side, bridge in sides.items():  # whoever is cut off notices within 30 s, and so does the other end
        bridge.lab.wait_for_log(side, "not connected", timeout_s=32)
        bridge.is_reset(bridge.fetching, "fetch", timeout_s=5)
    sides["client"].lab.wait_for_log("server", "disconnected", timeout_s=5)
    sides["server"].lab.wait_for_log("client", "not connected", timeout_s=5)
    _seconds(end - time.monotonic() - 15)
    waiting = [bridge.start_probe("wait", 60, "wait") for bridge in two_bridges]  # the ports are still open
    _seconds(end - time.monotonic())
    for side, bridge in sides.items():
        bridge.lab.black_hole(side, on=False)
    for bridge, process in zip(two_bridges, waiting, strict=True):
        assert "waited" in bridge.succeeds(process, "wait")
        assert "ok" in bridge.probe("fetch", 1_000_000)


def test_postgresql_with_fifty_clients(bridge: Bridge, tmp_path: Path) -> None:
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries or shutil.which("pgbench") is None:
        pytest.skip("not installed: postgresql")
    if shutil.which("runuser") is None:
        pytest.skip("not installed: runuser")
    data = Path("/tmp", f"tw-pg-{os.getpid()}")
    data.mkdir(mode=0o700)
    shutil.chown(data, "postgres", "postgres")
    lab, pg = bridge.lab, binaries[-1]
    as_postgres = ("runuser", "-u", "postgres", "--")
    try:
        lab.run(
            "server",
            *as_postgres,
            str(pg / "initdb"),
            "-D",
            str(data / "db"),
            "-A",
            "trust",
            "-U",
            "postgres",
        )
        lab.start(
            "server", *as_postgres, str(pg / "postgres"), "-D", str(data / "db"), "-p", "5432",
            "-k", str(data), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", name="postgres",
        )  # fmt: skip
        lab.wait_for_log("postgres", "ready to accept connections")
        target = ("-h", "127.0.0.1", "-p", "15432", "-U", "postgres", "postgres")
        lab.run("client", "pgbench", "-i", "-q", "-s", "2", *target)
        out = lab.run("client", "pgbench", "-c", "50", "-j", "2", "-T", "5", *target)
        assert "number of failed transactions: 0" in out
        assert "number of clients: 50" in out
    finally:
        for name in lab_processes(lab, "postgres"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(name, signal.SIGKILL)
        shutil.rmtree(data, ignore_errors=True)


def lab_processes(lab: object, name: str) -> list[int]:
    """Process ids in the server's namespace whose command is ``name``."""
    import subprocess

    pids = subprocess.run(
        ["ip", "netns", "pids", lab.namespace("server")],  # type: ignore[attr-defined]
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    found = []
    for pid in pids:
        try:
            command = Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:  # PostgreSQL's own processes come and go: this one went
            continue
        if command == name:
            found.append(int(pid))
    return found


def test_nothing_else_gets_through(bridge: Bridge) -> None:
    code = (
        "import socket, sys\n"
        "for host, port in (('10.99.1.1', 22), ('10.99.1.1', 20000), ('10.99.2.2', 7700)):\n"
        "    try: socket.create_connection((host, port), 1); sys.exit(f'{host}:{port} is open')\n"
        "    except OSError: pass\n"
    )
    bridge.lab.run("client", sys.executable, "-c", code)
    assert LOCAL_PORT


def _seconds(count: float) -> None:
    """Real time must pass here: it is the fault itself that lasts."""
    time.sleep(count)
