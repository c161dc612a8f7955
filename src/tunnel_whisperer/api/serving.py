"""Listening: uvicorn on the sockets that it is given, ended with the process that asked for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn

from ..base.limits import API_END_S, API_HEAD_BYTES, API_IDLE_S, MAX_API_CONNECTIONS
from ..base.tasks import TaskSet
from .threshold import BACKLOG

__all__ = ["serving"]

_log = logging.getLogger("tw.api")


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
        backlog=BACKLOG,
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
