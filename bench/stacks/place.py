"""Where the machines of a stack are: all on loopback, or each in a namespace (``bench.wan``)."""

from __future__ import annotations

import random
import socket
from typing import Literal, Protocol

__all__ = ["Loopback", "Machine", "Place", "free_port"]

Machine = Literal["client", "relay", "server"]


class Place(Protocol):
    """Three machines."""

    @property
    def relay_host(self) -> str:
        """The relay's address, as the others see it."""

    @property
    def server_host(self) -> str:
        """The server's address, as the client sees it: only the plain stack needs it."""

    def command(self, machine: Machine, words: list[str]) -> list[str]:
        """What runs ``words`` on that machine."""


class Loopback:
    """One machine plays all three."""

    relay_host = "127.0.0.1"
    server_host = "127.0.0.1"

    def command(self, machine: Machine, words: list[str]) -> list[str]:
        """As it is."""
        return words


def free_port() -> int:
    """A port that was free a moment ago, below those that the system gives to clients."""
    while True:
        port = random.randint(10000, 30000)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
