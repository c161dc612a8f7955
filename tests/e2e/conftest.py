from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.lab import RELAY_NAME, Lab, missing

PROBE = str(Path(__file__).parent / "probe.py")
SERVICE_PORT = 7700
LOCAL_PORT = 17700
NAMELESS_PORT = 16000
"""Leads to a name that nobody can resolve."""


class Bridge:
    """A running tunnel between the client's and the server's machine, made by hand."""

    def __init__(self, lab: Lab, directory: Path) -> None:
        self.lab = lab
        self.directory = directory
        self.ticking: subprocess.Popen[bytes]
        self.fetching: subprocess.Popen[bytes]
        self.relay = self.start_relay()
        lab.wait_for_log("relay", "listening")
        lab.tw(
            "server", "server", "join", RELAY_NAME, "--id", "plant", "--out", str(directory / "request.json")
        )
        lab.tw(
            "relay",
            "relay",
            "enroll",
            str(directory / "request.json"),
            "--out",
            str(directory / "response.json"),
        )
        lab.tw("server", "server", "join", "--apply", str(directory / "response.json"))
        bundle = str(directory / "alice.zip")
        lab.tw("server", "server", "create", "user", "alice", "-m", f"{LOCAL_PORT}:{SERVICE_PORT}",
               "-m", "15432:5432", "-m", f"{NAMELESS_PORT}:no-such-host.invalid:5432", "--out", bundle)  # fmt: skip
        lab.start("server", sys.executable, PROBE, "serve", str(SERVICE_PORT), name="service")
        lab.wait_for_log("service", "serving")
        self.server = self.start_server()
        lab.wait_for_log("server", "connected")
        self.bundle = bundle
        self.client = self.start_client()
        lab.wait_for_log("client", "connected to the server")

    def start_relay(self) -> subprocess.Popen[bytes]:
        return self.lab.start_tw(
            "relay", "relay", "relay", "run", "--listen", "0.0.0.0:443", "--domain", RELAY_NAME, name="relay"
        )

    def start_server(self) -> subprocess.Popen[bytes]:
        return self.lab.start_tw("server", "server", "serve", name="server")

    def start_client(self, name: str = "client", **env: str) -> subprocess.Popen[bytes]:
        """The first time, with the bundle."""
        words = ("connect",) if (self.directory / "client").exists() else ("connect", self.bundle)
        return self.lab.start_tw("client", "client", *words, name=name, **env)

    def probe(self, verb: str, argument: float, timeout_s: float = 240) -> str:
        """Run a probe on the client's machine against its local port."""
        return self.lab.run(
            "client", sys.executable, PROBE, verb, str(LOCAL_PORT), str(argument), timeout_s=timeout_s
        )

    def start_probe(self, verb: str, argument: float, name: str) -> subprocess.Popen[bytes]:
        """The same in the background."""
        return self.lab.start(
            "client", sys.executable, PROBE, verb, str(LOCAL_PORT), str(argument), name=name
        )

    def succeeds(self, process: subprocess.Popen[bytes], name: str, timeout_s: float = 60) -> str:
        """A probe in the background ends well; returns what it printed."""
        status, said = process.wait(timeout_s), self.lab.log_path(name).read_text()
        assert status == 0, said
        return said

    def is_reset(self, process: subprocess.Popen[bytes], name: str, timeout_s: float = 60) -> None:
        """A probe in the background sees a reset, not an end that could pass for the whole."""
        status, said = process.wait(timeout_s), self.lab.log_path(name).read_text()
        assert status != 0, said
        assert "ConnectionResetError" in said or "BrokenPipeError" in said, said

    def opened(self, port: int, count: int = 1) -> None:
        """Wait until the server has opened that many connections to one of its ports."""
        self.lab.wait_for_log("server", f"opened 127.0.0.1:{port}", count=count)

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        self.lab.kill(process, signal.SIGTERM)


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Bridge]:
    if reason := missing():
        pytest.skip(reason)
    with Lab(tmp_path) as lab:
        yield Bridge(lab, tmp_path)


@pytest.fixture
def two_bridges(tmp_path: Path) -> Iterator[tuple[Bridge, Bridge]]:
    """For faults that take long: one for a fault on the client's side, one for the server's."""
    if reason := missing():
        pytest.skip(reason)
    (tmp_path / "c").mkdir()
    (tmp_path / "s").mkdir()
    with Lab(tmp_path / "c") as one, Lab(tmp_path / "s") as other:
        yield Bridge(one, tmp_path / "c"), Bridge(other, tmp_path / "s")
