"""The world outside the machine: a network of its own, the origins, and whoever uses the relay.

Nothing of this host is changed: names come from a hosts file that is mounted for each program alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path
from types import TracebackType

from tests.e2e.lab import missing as no_namespaces
from tests.e2e.machine.machine import ADDRESSES, GATEWAYS
from tests.e2e.machine.origins import Origins
from tests.interop import caddy, xray

__all__ = ["BRIDGE", "DOMAIN", "Outside", "missing"]

DOMAIN = "relay.example.org"
BRIDGE = "lab"
_SRC = Path(__file__).resolve().parents[3] / "src"
_TOOLS = ("systemd-nspawn", "mmdebstrap", "gpg", "dpkg-deb", "nsenter", "unshare", "setpriv", "curl", "ssh")


def missing() -> str:
    """What lacks for booting a machine; empty if nothing."""
    if lacking := no_namespaces() or caddy.missing() or xray.missing():
        return lacking
    tools = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if tools:
        return f"not installed: {', '.join(tools)}"
    if os.uname().machine != "x86_64" or sys.version_info[:2] != (3, 11):
        return "the machine runs the wheel of Xray: x86-64 and Python 3.11 alone"
    return ""


class Outside:
    """A context manager that ends all that it started."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.namespace = f"tw{uuid.uuid4().hex[:8]}"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.roots = directory / "roots.pem"

    def __enter__(self) -> Outside:
        _sh("ip", "netns", "add", self.namespace)
        inside = ("ip", "-n", self.namespace)
        _sh(*inside, "link", "set", "lo", "up")
        _sh(*inside, "link", "add", BRIDGE, "type", "bridge")
        _sh(*inside, "link", "set", BRIDGE, "up")
        _sh(*inside, "addr", "add", f"{GATEWAYS[0]}/24", "dev", BRIDGE)
        _sh(*inside, "addr", "add", f"{GATEWAYS[1]}/64", "dev", BRIDGE, "nodad")
        (self.directory / "hosts").write_text(
            "127.0.0.1 localhost\n" + "".join(f"{address} {DOMAIN}\n" for address in ADDRESSES)
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        _sh("ip", "netns", "del", self.namespace)

    def open(self, origins: Origins) -> None:
        """Start the web; from now on its issuer is the public one."""
        for name, command in origins.commands().items():
            self.start(name, *command, PEBBLE_VA_NOSLEEP="1", HOME=str(origins.folder))
        self.wait_for_port(443)
        self.wait_for_port(14001)
        root = self.run("curl", "-sk", "https://127.0.0.1:14001/roots/0")
        assert root.stdout.startswith("-----BEGIN"), root.stderr
        self.roots.write_text(root.stdout)

    def start(self, name: str, *command: str, **env: str) -> subprocess.Popen[bytes]:
        """Start a program; its output goes to ``<name>.log``."""
        with self.log_path(name).open("ab") as log:
            process = subprocess.Popen(
                self._inside(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env(env)
            )
        self._processes.append(process)
        return process

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, whatever that is."""
        return subprocess.run(
            self._inside(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            env=self._env({}),
            check=False,
        )

    def tw(self, identity: str, *words: str) -> str:
        """Run ``tw`` as that identity; it must succeed."""
        result = self.run(*self.tw_command(identity, *words))
        assert result.returncode == 0, result.stderr
        return result.stdout

    def tw_command(self, identity: str, *words: str) -> tuple[str, ...]:
        """``tw`` as that identity."""
        return (
            sys.executable,
            "-m",
            "tunnel_whisperer",
            *words,
            "--config-dir",
            str(self.directory / identity),
        )

    def log_path(self, name: str) -> Path:
        """Where the output of a started program is."""
        return self.directory / f"{name}.log"

    def wait_for(self, name: str, text: str, count: int = 1, timeout_s: float = 60) -> None:
        """Until a program has said something so many times."""
        deadline = time.monotonic() + timeout_s
        while (said := self.log_path(name).read_text(errors="replace")).count(text) < count:
            assert time.monotonic() < deadline, f"{name} never said {text!r}:\n{said}"
            time.sleep(0.05)

    def wait_for_port(self, port: int, timeout_s: float = 20) -> None:
        """Until somebody listens there, out here."""
        deadline = time.monotonic() + timeout_s
        while not self.run("ss", "-Hltn", f"sport = :{port}").stdout.strip():
            assert time.monotonic() < deadline, f"nobody listens on {port}"
            time.sleep(0.05)

    def _inside(self, command: tuple[str, ...]) -> list[str]:
        script = f'mount --bind "{self.directory}/hosts" /etc/hosts && exec setpriv --pdeathsig TERM "$@"'
        enter = ("nsenter", f"--net=/run/netns/{self.namespace}", "unshare", "-m")
        return [*enter, "sh", "-c", script, "sh", *command]

    def _env(self, more: dict[str, str]) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        roots = {"SSL_CERT_FILE": str(self.roots)} if self.roots.exists() else {}
        return {**own, "PYTHONPATH": str(_SRC), **roots, **more}


def _sh(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
