"""Three machines in network namespaces: client and server reach the relay's port 443, nothing else.

    tw<id>-c  10.99.1.2 -- 10.99.1.1  tw<id>-r  10.99.2.1 -- 10.99.2.2  tw<id>-s

The relay does not forward between its two sides, nobody accepts a connection from outside but the
relay on 443, and client and server may send to nothing but that port. Needs root, iproute2 and
nftables; all names carry an id of their own, so that labs can stand side by side.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import IO

__all__ = ["RELAY_NAME", "Lab", "missing"]

RELAY_NAME = "relay.test"
"""Resolves to the relay from both sides, by a hosts file of each namespace."""
_SRC = Path(__file__).resolve().parents[2] / "src"


def missing() -> str:
    """What this machine lacks for a lab; empty if nothing."""
    if sys.platform != "linux":
        return "network namespaces need Linux"
    if os.geteuid() != 0:
        return "network namespaces need root"
    lacking = [tool for tool in ("ip", "nft") if shutil.which(tool) is None]
    return f"not installed: {', '.join(lacking)}" if lacking else ""


class Lab:
    """The three machines; a context manager that removes them and what runs in them."""

    def __init__(self, directory: Path) -> None:
        self._id = uuid.uuid4().hex[:6]
        self._directory = directory
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Lab:
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    # -- running things ---------------------------------------------------------------------

    def namespace(self, machine: str) -> str:
        """The namespace of ``client``, ``relay`` or ``server``."""
        return f"tw{self._id}-{machine[0]}"

    def start(self, machine: str, *command: str, name: str = "", **env: str) -> subprocess.Popen[bytes]:
        """Start a program there; its output goes to ``<name>.log`` in the test's directory."""
        log = self.log_path(name or command[0])
        with log.open("ab") as out:
            process = self._popen(machine, command, out, env)
        self._processes.append(process)
        return process

    def run(self, machine: str, *command: str, timeout_s: float = 120, **env: str) -> str:
        """Run a program there to its end; returns what it printed, fails on a bad exit."""
        result = subprocess.run(
            ["ip", "netns", "exec", self.namespace(machine), *command],
            env={**os.environ, "PYTHONPATH": str(_SRC), **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert result.returncode == 0, f"{command}: {result.returncode}\n{result.stdout}\n{result.stderr}"
        return result.stdout

    def tw(self, machine: str, config: str, *arguments: str, timeout_s: float = 60) -> str:
        """Run ``tw`` there with a configuration directory of its own."""
        return self.run(machine, *self._tw_command(config, arguments), timeout_s=timeout_s)

    def start_tw(
        self, machine: str, config: str, *arguments: str, name: str, **env: str
    ) -> subprocess.Popen[bytes]:
        """Start ``tw`` there."""
        return self.start(machine, *self._tw_command(config, arguments), name=name, **env)

    def log_path(self, name: str) -> Path:
        """Where the output of a started program is."""
        return self._directory / f"{Path(name).name}.log"

    def wait_for_log(self, name: str, text: str, timeout_s: float = 30, count: int = 1) -> None:
        """Wait until a program has printed ``text`` ``count`` times."""
        deadline = time.monotonic() + timeout_s
        path = self.log_path(name)
        while path.read_text(errors="replace").count(text) < count:
            assert time.monotonic() < deadline, f"{name} never said {text!r}:\n{path.read_text()}"
            time.sleep(0.05)

    def kill(self, process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGKILL) -> None:
        """End a started program."""
        process.send_signal(how)
        process.wait(20)

    # -- faults -----------------------------------------------------------------------------

    def black_hole(self, machine: str, on: bool = True) -> None:
        """Drop every packet between that machine and the relay, silently, in both directions."""
        link = "to-c" if machine == "client" else "to-s"
        rules = f'add rule inet hole drop_in iifname "{link}" drop; add rule inet hole drop_out oifname "{link}" drop'
        clear = "flush chain inet hole drop_in; flush chain inet hole drop_out"
        self.nft("relay", rules if on else clear)

    def nft(self, machine: str, rules: str) -> None:
        """Change that machine's packet filter."""
        _sh("ip", "netns", "exec", self.namespace(machine), "nft", rules)

    def sysctl(self, machine: str, name: str, value: int) -> None:
        """Set a network parameter of that machine."""
        self.run(machine, "sysctl", "-q", "-w", f"net.{name}={value}")

    # -- building ---------------------------------------------------------------------------

    def _tw_command(self, config: str, arguments: tuple[str, ...]) -> tuple[str, ...]:
        directory = self._directory / config
        return (sys.executable, "-m", "tunnel_whisperer", *arguments, "--config-dir", str(directory))

    def _popen(
        self, machine: str, command: tuple[str, ...], out: IO[bytes], env: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["ip", "netns", "exec", self.namespace(machine), *command],
            env={**os.environ, "PYTHONPATH": str(_SRC), **env},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )

    def _build(self) -> None:
        for machine in ("client", "relay", "server"):
            _sh("ip", "netns", "add", self.namespace(machine))
            self._ip(machine, "link", "set", "lo", "up")
        for machine, number in (("client", 1), ("server", 2)):
            near = f"to-{machine[0]}"
            _sh(
                *("ip", "link", "add", near, "netns", self.namespace("relay"), "type", "veth"),
                *("peer", "name", "up0", "netns", self.namespace(machine)),
            )
            self._ip("relay", "addr", "add", f"10.99.{number}.1/24", "dev", near)
            self._ip("relay", "link", "set", near, "up")
            self._ip(machine, "addr", "add", f"10.99.{number}.2/24", "dev", "up0")
            self._ip(machine, "link", "set", "up0", "up")
            self.nft(machine, _EDGE.format(relay=f"10.99.{number}.1"))
            hosts = Path("/etc/netns", self.namespace(machine), "hosts")
            hosts.parent.mkdir(parents=True)
            hosts.write_text(f"127.0.0.1 localhost\n10.99.{number}.1 {RELAY_NAME}\n")
            # Nobody answers there, so that other names fail at once, whatever this machine's resolver.
            hosts.with_name("resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        self.nft("relay", _RELAY)

    def _remove(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.terminate()
        for process in self._processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for machine in ("client", "relay", "server"):
            pids = subprocess.run(
                ["ip", "netns", "pids", self.namespace(machine)], capture_output=True, text=True, check=False
            ).stdout
            for pid in pids.split():  # children that outlived their parents
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
            subprocess.run(["ip", "netns", "del", self.namespace(machine)], capture_output=True, check=False)
            shutil.rmtree(Path("/etc/netns", self.namespace(machine)), ignore_errors=True)

    def _ip(self, machine: str, *words: str) -> None:
        _sh("ip", "-n", self.namespace(machine), *words)


_EDGE = """
table inet edge {{
    chain inbound {{ type filter hook input priority 0; policy drop; iif lo accept; ct state established accept; }}
    chain outbound {{
        type filter hook output priority 0; policy drop;
        oif lo accept; ct state established accept; ip daddr {relay} tcp dport 443 accept;
    }}
}}
"""

_RELAY = """
table inet edge {
    chain inbound {
        type filter hook input priority 0; policy drop;
        iif lo accept; ct state established accept; tcp dport 443 accept;
    }
    chain onward { type filter hook forward priority 0; policy drop; }
}
table inet hole {
    chain drop_in { type filter hook input priority -10; }
    chain drop_out { type filter hook output priority -10; }
}
"""


def _sh(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{command}: {result.stderr}"
