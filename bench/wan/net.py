"""The namespaces of a WAN, their addresses and their links.

    client 10.98.1.2 == link == 10.98.1.1 relay 10.98.2.1 == link == 10.98.2.2 server
                                relay: 10.98.0.1 for both

The relay forwards between its two sides, unlike a real one, so that plain TCP can be measured on
the same path. Congestion control and buffer limits are those of the machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from bench.stacks.place import Machine

__all__ = ["Wan", "missing"]

_SOURCE = Path(__file__).with_name("link.c")


def missing() -> str:
    """What this machine lacks for a WAN; empty if nothing."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "network namespaces need Linux and root"
    lacking = [name for name in ("ip", "sysctl", "gcc") if shutil.which(name) is None]
    if not Path("/dev/net/tun").exists():
        lacking.append("/dev/net/tun")
    return f"not there: {', '.join(lacking)}" if lacking else ""


class Wan:
    """Three machines; a context manager.

    The delay stays what it is: BBR, for one, takes ten seconds to believe that the path of a
    connection has become longer, and is very slow until then.

    Args:
        delay_ms: one way, of each of the two links.
        rate_mbit: of IP packets, of each link and direction.
        queue_kb: before the link.
    """

    relay_host = "10.98.0.1"
    server_host = "10.98.2.2"

    def __init__(self, *, delay_ms: float, rate_mbit: float = 1000, queue_kb: float = 8192) -> None:
        self.rate_mbit = rate_mbit
        self._settings = [f"{delay_ms * 1000:.0f}", f"{rate_mbit:g}", f"{queue_kb:g}"]
        self._id = uuid.uuid4().hex[:6]
        self._directory = Path(tempfile.mkdtemp(prefix="bench-wan-"))
        self._links: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Wan:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for link in self._links:
            link.terminate()
            link.communicate()
        for machine in ("client", "relay", "server"):
            subprocess.run(["ip", "netns", "del", self._namespace(machine)], capture_output=True, check=False)
        shutil.rmtree(self._directory, ignore_errors=True)

    def command(self, machine: Machine, words: list[str]) -> list[str]:
        """What runs ``words`` in that machine's namespace, with the pid of the program itself."""
        return ["ip", "netns", "exec", self._namespace(machine), *words]

    def set_buffers(self, most_bytes: int) -> None:
        """What TCP may buffer per connection on all three machines, at most."""
        for machine in ("client", "relay", "server"):
            for name, usual in (("tcp_rmem", 131072), ("tcp_wmem", 16384)):
                self._in(machine, "sysctl", "-qw", f"net.ipv4.{name}=4096 {usual} {most_bytes}")

    def _namespace(self, machine: str) -> str:
        return f"bw{self._id}-{machine[0]}"

    def _build(self) -> None:
        program = self._directory / "link"
        _run("gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(_SOURCE))
        for machine in ("client", "relay", "server"):
            _run("ip", "netns", "add", self._namespace(machine))
            self._ip(machine, "link", "set", "lo", "up")
        self._ip("relay", "addr", "add", f"{self.relay_host}/32", "dev", "lo")
        self._in("relay", "sysctl", "-qw", "net.ipv4.ip_forward=1")
        for number, machine in ((1, "client"), (2, "server")):
            near, far = f"10.98.{number}.2", f"10.98.{number}.1"
            self._tun(machine, "up0", near, far)
            self._tun("relay", f"to-{machine[0]}", far, near)
            self._ip(machine, "route", "add", "default", "via", far, "src", near)
            ends = [f"{self._namespace(machine)}:up0", f"{self._namespace('relay')}:to-{machine[0]}"]
            words = [str(program), *ends, *self._settings]
            link = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
            self._links.append(link)
            assert link.stdout is not None
            assert link.stdout.readline() == "linked\n"

    def _tun(self, machine: str, name: str, own: str, peer: str) -> None:
        self._ip(machine, "tuntap", "add", "dev", name, "mode", "tun", "vnet_hdr")
        self._ip(machine, "link", "set", name, "txqueuelen", "10000")
        self._ip(machine, "addr", "add", own, "peer", peer, "dev", name)
        self._ip(machine, "link", "set", name, "up")

    def _ip(self, machine: str, *words: str) -> None:
        _run("ip", "-n", self._namespace(machine), *words)

    def _in(self, machine: str, *words: str) -> None:
        _run("ip", "netns", "exec", self._namespace(machine), *words)


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
