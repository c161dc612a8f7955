"""Nested OpenSSH: the same secrecy from end to end, without HTTPS.

server:  ssh -R 127.0.0.1:PUBLISHED:127.0.0.1:SSHD relay
client:  ssh -L LOCAL:127.0.0.1:TARGET, its stream by: ssh -W 127.0.0.1:PUBLISHED relay
"""

from __future__ import annotations

import shlex
import subprocess

from . import openssh
from .place import Place, free_port
from .stack import Stack

__all__ = ["Nested"]


class Nested(Stack):
    """OpenSSH in OpenSSH."""

    name = "nested"

    def __init__(self, place: Place, target: int) -> None:
        super().__init__(place, target)
        self._relay_port, self._server_port, self._published = (free_port() for _ in range(3))
        self._client: subprocess.Popen[bytes] | None = None

    @staticmethod
    def missing() -> str:
        """OpenSSH, both sides."""
        return openssh.missing()

    def build(self) -> None:
        """Both daemons, and the server's ``ssh -R``."""
        self._ssh = openssh.OpenSsh(self.processes)
        self._ssh.daemon("relay", "relay-sshd", self._relay_port, self.place.relay_host)
        self._ssh.daemon("server", "server-sshd", self._server_port)
        forward = f"127.0.0.1:{self._published}:127.0.0.1:{self._server_port}"
        words = self._ssh.words(
            self._relay_port, "-v", "-N", "-R", forward, host=self.place.relay_host
        )  # -v: it carries one channel only, and tells when the listener is there
        self.processes.start("server", "ssh-R", words, "remote forward success")

    def start_client(self) -> None:
        """``ssh -L`` through ``ssh -W``."""
        way = shlex.join(
            self._ssh.words(
                self._relay_port, "-W", f"127.0.0.1:{self._published}", host=self.place.relay_host
            )
        )
        forward = f"127.0.0.1:{self.local_port}:127.0.0.1:{self.target}"
        words = self._ssh.words(self._server_port, "-N", "-L", forward, "-o", f"ProxyCommand={way}")
        self._client = self.processes.start("client", "ssh-L", words)

    def stop_client(self) -> None:
        """End the outer one; the inner one follows."""
        assert self._client is not None
        self.processes.stop(self._client)
