"""Our wire against the real thing without SSH in between: a bare XHTTP/VLESS server and client.

The server carries any TCP destination on loopback, as Xray's freedom does; the client opens a local
port whose connections become streams. Both live in this process, on a loop in a thread, so that the
other side of a test can be an ordinary blocking program.
"""

from __future__ import annotations

import asyncio
import random
import threading
import uuid
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from tests.interop.xray import PATH, UUID
from tunnel_whisperer.base.errors import Refused, TwError
from tunnel_whisperer.base.limits import PATH_WINDOW_BYTES
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net.dial import dial
from tunnel_whisperer.net.http import Exchange, ExchangeHandler
from tunnel_whisperer.net.http_front import HttpFront
from tunnel_whisperer.net.link import RelayEndpoint
from tunnel_whisperer.net.listen import listen_local
from tunnel_whisperer.net.listener import Listener
from tunnel_whisperer.net.splice import Waiting
from tunnel_whisperer.net.tls import server_context
from tunnel_whisperer.net.uplink import Uplink, UplinkSettings
from tunnel_whisperer.net.vless import VlessServer
from tunnel_whisperer.net.xhttp_server import XhttpAcceptor
from tunnel_whisperer.net.xhttp_stream import XhttpStream
from tunnel_whisperer.wire.http import RequestHead
from tunnel_whisperer.wire.vless import RequestHeader

__all__ = ["LoopThread", "MiniClient", "MiniServer"]

T = TypeVar("T")


class LoopThread:
    """An event loop of its own; a context manager."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> LoopThread:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        async def drain() -> None:
            tasks = [x for x in asyncio.all_tasks() if x is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(drain(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    def run(self, coro: Coroutine[Any, Any, T], timeout_s: float = 30) -> T:
        """Run a coroutine on the loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(coro, self.loop).result(timeout_s)


class MiniServer:
    """XHTTP and VLESS to any loopback port."""

    def __init__(self, tls: tuple[Path, Path] | None = None) -> None:
        context = None
        if tls is not None:
            context = server_context(tls[0], tls[1], [], alpn=("h2", "http/1.1"))
        self._acceptor: XhttpAcceptor[None] = XhttpAcceptor(
            PATH, lambda stream, visitor: VlessServer(self._admit), random.Random(1).randint
        )
        self._listener = Listener(HostPort("127.0.0.1", 0), lambda: HttpFront(self._accept), context=context)
        self._tasks: set[asyncio.Task[None]] = set()
        self.streams: list[XhttpStream] = []

    async def start(self) -> int:
        return (await self._listener.start()).port

    async def stop(self) -> None:
        await self._listener.close()
        self._acceptor.close()

    def _accept(self, head: RequestHead, exchange: Exchange) -> ExchangeHandler:
        exchange.grow_window(PATH_WINDOW_BYTES)
        return self._acceptor.accept(head, exchange, None)

    def _admit(self, header: RequestHeader, transport: asyncio.Transport) -> asyncio.Protocol:
        if header.uuid != uuid.UUID(UUID) or header.target is None:
            raise Refused("user-not-active", "unknown UUID")
        waiting = Waiting()
        task = asyncio.get_running_loop().create_task(self._dial(header.target, waiting))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return waiting

    async def _dial(self, target: HostPort, waiting: Waiting) -> None:
        try:
            sock = await dial(target, proxy=None)
            await asyncio.get_running_loop().create_connection(waiting.other_side, sock=sock)
        except TwError:
            waiting.give_up()


class MiniClient:
    """A local port; each connection becomes a stream to ``127.0.0.1:target_port``."""

    def __init__(self, endpoint: RelayEndpoint, target_port: int, *, mode: str, user: str = UUID) -> None:
        self._uplink = Uplink(UplinkSettings(endpoint, PATH, uuid.UUID(user), mode))
        self._target = HostPort("127.0.0.1", target_port)
        self._tasks: set[asyncio.Task[None]] = set()
        self.failures: list[TwError] = []

    async def start(self) -> int:
        self._listener = await listen_local(HostPort("127.0.0.1", 0), self._accepted)
        return self._listener.bound_address.port

    async def stop(self) -> None:
        await self._listener.close()

    def _accepted(self) -> asyncio.Protocol:
        waiting = Waiting()
        task = asyncio.get_running_loop().create_task(self._carry(waiting))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return waiting

    async def _carry(self, waiting: Waiting) -> None:
        try:
            await self._uplink.open(self._target, waiting.other_side)
        except TwError as exc:
            self.failures.append(exc)
            waiting.give_up()
