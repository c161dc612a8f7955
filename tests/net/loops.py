"""Real loops, and real sockets on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
import uvloop

__all__ = ["LoopFactory", "both_loops", "tcp_pair"]

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

both_loops = pytest.mark.parametrize(
    "loop_factory",
    [
        pytest.param(asyncio.SelectorEventLoop, id="asyncio"),
        pytest.param(uvloop.new_event_loop, id="uvloop"),
    ],
)
"""Runs a test on both; it takes ``loop_factory``."""


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Two joined TCP sockets, non-blocking."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs
