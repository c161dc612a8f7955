"""The product: ``tw relay run``, ``tw serve`` and ``tw connect`` as three processes."""

from __future__ import annotations

import subprocess
import sys

from .place import Place, free_port
from .stack import Stack

__all__ = ["Ours"]


class Ours(Stack):
    """Tunnel Whisperer with its embedded relay."""

    name = "ours"

    def __init__(self, place: Place, target: int) -> None:
        super().__init__(place, target)
        self._port = free_port()

    def build(self) -> None:
        """Enrol a server and create a user, as three admins would; start relay and server."""
        host, files = self.place.relay_host, self.directory
        listen = ["--listen", f"{host}:{self._port}", "--domain", host]
        self.relay = self.processes.start(
            "relay", "relay", self._tw("relay", "relay", "run", *listen), "listening"
        )
        request, response, bundle = (str(files / name) for name in ("request", "response", "user.zip"))
        self._run("server", "join", host, "--id", "bench", "--out", request)
        self._run("relay", "enroll", request, "--out", response, "--port", str(self._port))
        self._run("server", "join", "--apply", response)
        self._run(
            "server", "create", "user", "alice", "-m", f"{self.local_port}:{self.target}", "--out", bundle
        )
        self.server = self.processes.start("server", "server", self._tw("server", "serve"), "connected")
        self._bundle = [bundle]

    def start_client(self) -> None:
        """``tw connect``, with the user's file the first time."""
        words = self._tw("client", "connect", *self._bundle)
        self._bundle = []
        self.client: subprocess.Popen[bytes] = self.processes.start("client", "client", words)

    def stop_client(self) -> None:
        """End it."""
        self.processes.stop(self.client)

    def _tw(self, identity: str, *words: str) -> list[str]:
        directory = str(self.directory / f"{identity}-config")
        return [sys.executable, "-m", "tunnel_whisperer", *words, "--config-dir", directory]

    def _run(self, identity: str, *words: str) -> None:
        self.processes.run("client", self._tw(identity, *words))
