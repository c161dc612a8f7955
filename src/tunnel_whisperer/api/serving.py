"""Listening: uvicorn on the sockets that it is given, ended with the process that asked for it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn

from ..base.errors import Misuse
from ..base.limits import API_END_S, API_HEAD_BYTES, API_IDLE_S, MAX_API_CONNECTIONS
from ..base.tasks import TaskSet

__all__ = ["bind_port", "serving"]

_log = logging.getLogger("tw.api")

_BACKLOG = 128


class _Server(uvicorn.Server):
    """Signals are the business of whoever runs the loop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


def bind_port(host: str, port: int) -> socket.socket:
    """A TCP socket there; port 0 is any that is free.

    Raises:
        Misuse: ``port-in-use``, ``bad-argument`` for an address that this machine does not have, and for
            a port that this account may not open.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, as asyncio looks for it: without TCP_NODELAY each answer would wait 40 ms for its second part.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError as exc:
        sock.close()
        raise _bind_failure(exc, f"{host}:{port}") from exc
    sock.setblocking(False)
    return sock


def _bind_failure(exc: OSError, where: str) -> Misuse:
    if exc.errno == errno.EACCES and sys.platform != "win32":  # there it is another program's port
        why = "the system does not let us open this port"
        return Misuse(
            "bad-argument", why, where=where, hint="ports below 1024 need root; --port with a higher one"
        )
    if exc.errno in (errno.EADDRINUSE, errno.EACCES):
        why = "another program listens there"
        return Misuse("port-in-use", why, where=where, hint="--port with another one")
    return Misuse(
        "bad-argument", exc.strerror or str(exc), where=where, hint="--listen with an address of this machine"
    )


@contextlib.asynccontextmanager
async def serving(
    app: Any, sock: socket.socket, closing: asyncio.Event, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Serve the application on this socket as long as the block lasts.

    Args:
        app: an ASGI application.
        sock: bound; closed at the end.
        closing: set at the end, so that streams know.
        tls: for HTTPS.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # it would have login links in it
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        loop="none",
        http="h11",
        ws="websockets-sansio",
        ws_max_size=64 * 1024,
        limit_concurrency=MAX_API_CONNECTIONS,
        backlog=_BACKLOG,
        timeout_keep_alive=API_IDLE_S,
        timeout_graceful_shutdown=API_END_S,
        h11_max_incomplete_event_size=API_HEAD_BYTES,
    )
    config.load()
    if tls is not None:
        config.ssl = tls
    server = _Server(config)
    tasks = TaskSet("api", _log)
    serve = tasks.spawn(server.serve([sock]), "serve")
    up = tasks.spawn(server.up.wait(), "up")
    try:
        await asyncio.wait((serve, up), return_when=asyncio.FIRST_COMPLETED)
        if serve.done():
            serve.result()
        yield
    finally:
        closing.set()
        server.should_exit = True
        await asyncio.wait((serve,), timeout=API_END_S + 1)
        await tasks.drain()
        sock.close()
