"""A relay, a server and a client, each run by ``tw dashboard``, with as many people as a firm has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.load import people

from .place import Loopback, free_port
from .processes import Failed, Processes
from .stack import start_service

__all__ = ["ROLES", "Daemon", "Household"]

ROLES = ("relay", "server", "client")
_READERS = str(Path(people.__file__).with_name("readers.py"))
_TALKER = str(Path(people.__file__).with_name("talker.py"))
_STILL = Path(people.__file__).with_name("still.py")
_LINK = re.compile(r"https?://\S+/login\?token=\S+")


class Daemon:
    """One ``tw dashboard``."""

    def __init__(self, role: str, process: subprocess.Popen[bytes], link: str) -> None:
        self.role = role
        self.process = process
        self.link = link
        """Works once."""
        self.origin = link.partition("/login")[0]
        self.cookies: list[Any] = []
        """Once somebody has logged in, as Playwright has them."""

    @property
    def port(self) -> int:
        """Where browsers come."""
        return int(self.origin.rpartition(":")[2])

    @property
    def cookie(self) -> str:
        """The header."""
        return "; ".join(f"{each['name']}={each['value']}" for each in self.cookies)


class Household:
    """See the module; a context manager.

    Args:
        users: of the server; the first one is the client here.
        tenants: of the relay; one of them is the server here.
    """

    STILL = _STILL

    def __init__(self, *, users: int, tenants: int) -> None:
        self.users, self.tenants = users, tenants
        self.directory = Path(tempfile.mkdtemp(prefix="bench-household-"))
        self.processes = Processes(Loopback(), self.directory)
        self.daemons: dict[str, Daemon] = {}
        self.local_port = people.FIRST_LOCAL
        """Of the client, to the service."""

    def __enter__(self) -> Household:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.processes.__exit__()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _start(self) -> None:
        relay, target = free_port(), free_port()
        start_service(self.processes, "server", "127.0.0.1", target)
        numbers = (relay, target, self.users, self.tenants)
        self.processes.run("server", self._people(*numbers, "make"), timeout_s=300)
        words = ["relay", "run", "--listen", f"127.0.0.1:{relay}"]
        # It keeps the address, for the dashboard that runs it from now on.
        self.processes.stop(
            self.processes.start("relay", "relay-run", self._tw("relay", *words), "listening")
        )
        for role in ROLES:
            self.start(role)
        self.processes.load("wait", "127.0.0.1", self.local_port, 30)

    def start(self, role: str, lines_per_s: int = 0) -> Daemon:
        """Start one daemon, or start it anew: one that logs this much by itself, too."""
        if role in self.daemons:
            self.processes.stop(self.daemons.pop(role).process)
        words = self._tw(role, "dashboard", "--no-open", "--port", "0")
        if lines_per_s:
            words = [sys.executable, _TALKER, str(lines_per_s), *words[3:]]
        process = self.processes.start("client", role, words, "/login?token=")
        found = _LINK.search(self.processes.log(role).read_text(errors="replace"))
        assert found
        self.daemons[role] = Daemon(role, process, found[0])
        return self.daemons[role]

    @contextmanager
    def crowd(self, count: int, every_s: float) -> Iterator[None]:
        """So many users are there as long as the block lasts; each ``every_s`` one leaves and comes back."""
        words = self._people(count, every_s, "come")
        process = self.processes.start("client", "crowd", words, "all connected", timeout_s=60)
        try:
            yield
        finally:
            self.processes.stop(process)

    def readers(self, verb: str, role: str, path: str, count: int, seconds: float) -> subprocess.Popen[str]:
        """Open pages without a browser, in the background (see ``bench/load/readers.py``)."""
        daemon = self.daemons[role]
        words = [verb, "127.0.0.1", str(daemon.port), path, str(count), str(seconds)]
        return subprocess.Popen(
            ["/usr/bin/env", f"COOKIE={daemon.cookie}", sys.executable, _READERS, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    @staticmethod
    def told(load: subprocess.Popen[str], timeout_s: float = 120) -> dict[str, float]:
        """What readers saw, at their end."""
        out, _ = load.communicate(timeout=timeout_s)
        if load.returncode:
            raise Failed("the readers did not come to their end")
        result: dict[str, float] = json.loads(out.splitlines()[-1])
        return result

    def _people(self, *words: object) -> list[str]:
        return [sys.executable, "-m", "bench.load.people", str(self.directory), *map(str, words)]

    def _tw(self, role: str, *words: str) -> list[str]:
        return [sys.executable, "-m", "tunnel_whisperer", *words, "--config-dir", str(self.directory / role)]
