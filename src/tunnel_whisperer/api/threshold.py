"""The sockets of the API before the API is there: its libraries take half a second and 40 MB, which a
role that nobody looks at does without. Whoever knocks has it brought in, and waits for that alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import sys

from ..base.errors import Misuse, TwError
from ..profile import Profile
from .socket_path import bind_socket, has_unix_sockets, socket_of

__all__ = ["BACKLOG", "Threshold", "bind_port"]

_log = logging.getLogger("tw.api")

BACKLOG = 128
"""Connections that wait to be accepted."""


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


class Threshold:
    """What listens until somebody comes. Of its sockets, those that are taken over are the caller's.

    Args:
        profile: whose Unix socket it is.
        host, port: for browsers; port None: for nobody.
    """

    def __init__(self, profile: Profile, host: str, port: int | None) -> None:
        self._path = socket_of(profile)
        self.refused: TwError | None = None
        """Why there is no port for browsers."""
        self.local = self._bind_local()
        self.port = None if port is None else self._bind_port(host, port)

    def _bind_local(self) -> socket.socket | None:
        if not has_unix_sockets():
            return None
        try:
            sock = bind_socket(self._path)
        except Misuse as exc:
            _log.warning("commands cannot speak to this process: %s", exc)
            return None
        sock.listen(BACKLOG)
        return sock

    def _bind_port(self, host: str, port: int) -> socket.socket | None:
        try:
            sock = bind_port(host, port)
        except TwError as exc:
            self.refused = exc
            return None
        sock.listen(BACKLOG)
        return sock

    @property
    def url(self) -> str:
        """Where browsers come; empty: nowhere."""
        if self.port is None:
            return ""
        host, port = self.port.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def knock(self) -> None:
        """Until somebody connects to one of them; at once where this loop cannot tell."""
        loop, somebody = asyncio.get_running_loop(), asyncio.Event()
        watched = [sock for sock in (self.local, self.port) if sock is not None]
        try:
            for sock in watched:
                loop.add_reader(sock.fileno(), somebody.set)
        except NotImplementedError:  # Windows' own loop
            return
        try:
            await somebody.wait()
        finally:
            for sock in watched:
                loop.remove_reader(sock.fileno())

    def close(self) -> None:
        """Where nobody came: nothing of it is left."""
        for sock in (self.local, self.port):
            if sock is not None:
                sock.close()
        if self.local is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
