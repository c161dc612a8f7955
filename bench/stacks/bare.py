"""Three forwarders with TLS between them: what a tunnel in Python costs before it does anything.

client -TLS-> relay -TLS-> server -> service: no HTTP, no SSH, no second encryption.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tunnel_whisperer.pki import issue_server, make_ca

from .place import Loopback, Machine, Place, free_port
from .stack import Stack

__all__ = ["Bare"]

_FORWARD = str(Path(__file__).resolve().parents[1] / "load" / "forward.py")


class Bare(Stack):
    """TLS and an event loop alone; on loopback only."""

    name = "bare"

    def __init__(self, place: Place, target: int) -> None:
        super().__init__(place, target)
        assert isinstance(place, Loopback)
        self._relay_port, self._server_port = free_port(), free_port()
        self._certificate = self.directory / "both.pem"
        self._client: subprocess.Popen[bytes] | None = None

    def build(self) -> None:
        """The server's and the relay's forwarder."""
        ca = make_ca("bench")
        cert, key = issue_server(ca, ["localhost"])
        self._certificate.write_text(cert + key + ca.cert_pem)
        self._forward("server", self._server_port, "tls", self.target, "plain")
        self._forward("relay", self._relay_port, "tls", self._server_port, "tls")

    def start_client(self) -> None:
        """The client's forwarder."""
        self._client = self._forward("client", self.local_port, "plain", self._relay_port, "tls")

    def stop_client(self) -> None:
        """End it."""
        assert self._client is not None
        self.processes.stop(self._client)

    def _forward(
        self, machine: Machine, listen: int, front: str, port: int, back: str
    ) -> subprocess.Popen[bytes]:
        words = [sys.executable, _FORWARD, str(listen), front, str(port), back, str(self._certificate)]
        return self.processes.start(machine, f"forward-{machine}", words, "serving")
