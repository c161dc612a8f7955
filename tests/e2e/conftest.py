from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.lab import RELAY_NAME, Lab, missing

PROBE = str(Path(__file__).parent / "probe.py")
SERVICE_PORT = 7700
LOCAL_PORT = 17700


class Bridge:
    """A running tunnel between the client's and the server's machine, made by hand."""

    def __init__(self, lab: Lab, directory: Path) -> None:
        self.lab = lab
        self.directory = directory
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
               "-m", "15432:5432", "--out", bundle)  # fmt: skip
        lab.start("server", sys.executable, PROBE, "serve", str(SERVICE_PORT), name="service")
        lab.wait_for_log("service", "serving")
        self.server = self.start_server()
        lab.wait_for_log("server", "connected")
        self.client = lab.start_tw("client", "client", "connect", bundle, name="client")
        lab.wait_for_log("client", "connected")

    def start_relay(self) -> subprocess.Popen[bytes]:
        return self.lab.start_tw(
            "relay", "relay", "relay", "run", "--listen", "0.0.0.0:443", "--domain", RELAY_NAME, name="relay"
        )

    def start_server(self) -> subprocess.Popen[bytes]:
        return self.lab.start_tw("server", "server", "serve", name="server")

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

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        self.lab.kill(process, signal.SIGTERM)


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Bridge]:
    if reason := missing():
        pytest.skip(reason)
    with Lab(tmp_path) as lab:
        yield Bridge(lab, tmp_path)


@pytest.fixture
def make_bridge(tmp_path: Path) -> Iterator[Callable[[], Bridge]]:
    if reason := missing():
        pytest.skip(reason)
    with Lab(tmp_path) as lab:
        yield lambda: Bridge(lab, tmp_path)
