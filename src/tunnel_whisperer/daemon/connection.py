"""A client for programs and notebooks: the local ports of a user's file, while a ``with`` lasts.

It works in a thread of its own, with an event loop of its own, in both forms, so that a program
which waits for its database does not hold up the tunnel to it: docs/design/python-api.md.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TypeVar

from ..base.errors import Misuse, TwError
from ..base.values import Secret
from ..net.proxy import Proxy
from .embedded_client import ConnectionState, EmbeddedClient, Wish
from .local_ports import LocalPorts
from .loop_thread import LoopThread

__all__ = ["AsyncConnection", "Connection", "connect"]

T = TypeVar("T")

_NONE: Mapping[int | str, int] = MappingProxyType({})


def connect(
    bundle: str | os.PathLike[str] | bytes,
    *,
    passphrase: str | None = None,
    proxy: str | None = None,
    ports: Mapping[int | str, int] = _NONE,
    timeout: float | None = 30.0,
) -> Connection:
    """A connection with a user's file; ``with`` or ``async with`` opens it.

    Args:
        bundle: the file from the server's admin, by its path or as its bytes.
        passphrase: of an encrypted file.
        proxy: URL of this network's proxy; None: the environment names it (HTTPS_PROXY,
            ALL_PROXY, NO_PROXY), empty: there is none.
        ports: local ports to open, by the keys of ``Connection.ports``; free ones for the rest.
        timeout: seconds to wait for the server when it is opened; None: however long it takes,
            0: not at all.

    Raises:
        Misuse: ``bad-argument`` for a proxy's URL that is none.
    """
    return Connection(
        Wish(
            bundle if isinstance(bundle, bytes) else Path(bundle),
            None if passphrase is None else Secret(passphrase),
            Proxy.parse(proxy) if proxy else None,
            proxy is None,
            dict(ports),
            timeout,
        )
    )


class _View:
    """What a connection can be asked, from any thread."""

    _client: EmbeddedClient | None = None

    @property
    def ports(self) -> Mapping[int | str, int]:
        """The open ports of 127.0.0.1: a mapping from what was granted to the port that leads there.

        A key is the local port that ``tw connect`` opens for the same file, else the port of the
        target if only one target has it, else the target as ``host:port``. All of them are free
        ports unless ``connect`` was given others. Empty while it is not open.
        """
        return LocalPorts(()) if self._client is None else self._client.ports

    @property
    def state(self) -> ConnectionState:
        """How it stands now. It connects again by itself, and the ports stay open meanwhile."""
        return ConnectionState.CLOSED if self._client is None else self._client.state

    @property
    def error(self) -> TwError | None:
        """Why it is not connected; None while it is."""
        return None if self._client is None else self._client.error

    def address(self, key: int | str) -> tuple[str, int]:
        """Where to connect for one of ``ports``, as ``socket.create_connection`` takes it.

        Raises:
            Misuse: ``no-such-name``; it is a KeyError, too.
        """
        return "127.0.0.1", self.ports[key]

    def port_error(self, key: int | str) -> TwError | None:
        """Why the last connection to this port was not carried, if it was not: the program that
        made it saw nothing but its end.

        Raises:
            Misuse: ``no-such-name``; it is a KeyError, too.
        """
        port = self.ports[key]
        assert self._client is not None and self._client.tunnel is not None
        return next(x.last_error for x in self._client.tunnel.ports if x.address.port == port)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, {self.state}, ports {self.ports}>"


class Connection(_View):
    """Made by ``connect``, and opened by ``with``, ``async with`` or ``open``.

    In a notebook, where a ``with`` ends with its cell: ``t = tw.connect(..).open()`` in one cell,
    and ``t.close()`` in another. What is left open is closed when the program ends.
    """

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self._thread: LoopThread | None = None

    def open(self) -> Connection:
        """Open the ports and wait for the server; nothing happens if it is open already.

        Returns:
            This connection.

        Raises:
            TwError: why it is not connected; then it is closed again.
        """
        if self._thread is None:
            try:
                thread, client = self._begin()
                _result(thread.submit(client.start()))
            except BaseException:
                self.close()
                raise
        return self

    def close(self) -> None:
        """Close the ports and end the session; nothing happens if it is not open."""
        thread, client = self._thread, self._client
        if thread is not None and client is not None:
            self._thread = self._client = None
            atexit.unregister(self.close)
            try:
                if thread.is_running:
                    thread.submit(client.stop()).result()
            finally:
                thread.stop()

    def wait_connected(self, timeout: float | None = 30.0) -> None:
        """Return when the server is reached, at once if it is.

        Args:
            timeout: seconds; None: however long it takes.

        Raises:
            TwError: why it is not connected, when the time is over or trying is of no use.
        """
        thread, client = self._opened()
        _result(thread.submit(client.wait(timeout)))

    def __enter__(self) -> Connection:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> AsyncConnection:
        if self._thread is None:
            try:
                thread, client = self._begin()
                await asyncio.wrap_future(thread.submit(client.start()))
            except BaseException:
                await asyncio.to_thread(self.close)
                raise
        return AsyncConnection(*self._opened())

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)

    def _begin(self) -> tuple[LoopThread, EmbeddedClient]:
        thread, client = LoopThread("tunnel-whisperer"), EmbeddedClient(self._wish)
        self._thread, self._client = thread, client
        atexit.register(self.close)
        thread.start()
        return thread, client

    def _opened(self) -> tuple[LoopThread, EmbeddedClient]:
        if self._thread is None or self._client is None:
            raise Misuse("bad-argument", "this connection is not open", hint="with connect(..) as t:")
        return self._thread, self._client


class AsyncConnection(_View):
    """What ``async with connect(..) as t`` gives: a ``Connection`` whose waiting is
    awaited; all else is the same."""

    def __init__(self, thread: LoopThread, client: EmbeddedClient) -> None:
        self._thread = thread
        self._client = self._waited_for = client

    async def wait_connected(self, timeout: float | None = 30.0) -> None:  # noqa: ASYNC109 - as connect's
        """Return when the server is reached, at once if it is.

        Args:
            timeout: seconds; None: however long it takes.

        Raises:
            TwError: why it is not connected, when the time is over or trying is of no use.
        """
        await asyncio.wrap_future(self._thread.submit(self._waited_for.wait(timeout)))


def _result(future: concurrent.futures.Future[T]) -> T:
    """Its result; whoever stops waiting for it (Ctrl-C) cancels it."""
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


# A library says nothing unless it is asked to: logging.getLogger("tw") takes handlers of the program.
for _name in ("tw", "asyncssh"):
    logging.getLogger(_name).addHandler(logging.NullHandler())
