"""No tunnel at all: the client dials the service. What the path and the machine give at most."""

from __future__ import annotations

from .place import Place
from .stack import Stack

__all__ = ["OneHop", "Plain"]


class Plain(Stack):
    """Plain TCP from client to server."""

    name = "plain"

    def __init__(self, place: Place, target: int) -> None:
        super().__init__(place, target)
        self.host, self.local_port = place.server_host, target

    def build(self) -> None:
        """Nothing to start."""

    def start_client(self) -> None:
        """Nothing to start."""

    def stop_client(self) -> None:
        """Nothing to stop."""


class OneHop(Plain):
    """Plain TCP from client to relay, where another service listens on the same port."""

    name = "one hop"

    def __init__(self, place: Place, target: int) -> None:
        super().__init__(place, target)
        self.host = place.relay_host
