"""The listeners of one process: a Unix socket for commands, and a port for browsers where one is wanted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from anyio import to_thread
from fastapi import FastAPI
from starlette.applications import Starlette

from ..base.errors import Misuse
from ..base.limits import API_THREADS, MAX_FILE_UPLOAD_BYTES
from ..base.values import is_loopback
from .app import build_app
from .doors_wish import Door, Wish
from .gate.attempts import Attempts
from .gate.guard import App, Guard
from .gate.key_book import KeyBook
from .gate.links import LoginLinks
from .gate.login import Login
from .gate.password import Password
from .gate.policy import LOOPBACK_NAMES, GuardPolicy
from .gate.tls import check_exposure, own_certificate
from .house import House
from .serving import serving
from .socket_path import bind_socket, has_unix_sockets, socket_of
from .threshold import bind_port

__all__ = ["UPLOADS", "Doors"]

_log = logging.getLogger("tw.api")

UPLOADS = MappingProxyType(
    {
        "/api/v1/imports": MAX_FILE_UPLOAD_BYTES,
        "/setup/file": MAX_FILE_UPLOAD_BYTES,
        "/contexts/import": MAX_FILE_UPLOAD_BYTES,
    }
)
"""Paths that take a file of ours."""

_SWITCH_S = 0.001
"""How long a thread that renders a page keeps the interpreter from the tunnel, a fifth of Python's own
choice: with four of them a message waits for 4 ms, and not for 20. Measured, bench dashboard-watchers."""

_LOGIN_PATHS = ("/login", "/logout")


class Doors:
    """See the module; used in an ``async with``.

    Args:
        directory: of keys, password and certificate: ``<base>/dashboard``.
        pages: adds the dashboard to the application.
        login_page: renders the page of a kind, with an error.
    """

    def __init__(
        self,
        house: House,
        directory: Path,
        *,
        pages: Callable[[FastAPI], None] = lambda app: None,
        login_page: Callable[[str, str], str] | None = None,
    ) -> None:
        self.book = KeyBook(directory)
        self.password = Password(directory)
        self.door: Door | None = None
        self._house = house
        self._directory = directory
        self._links = LoginLinks()
        self._attempts = Attempts()
        self._login_page = login_page
        self._open = contextlib.AsyncExitStack()
        self._opening = asyncio.Lock()
        self._socket: tuple[Path, int] | None = None  # and its inode: another process may have its own there
        house.doors = self
        self._app = build_app(house, pages=pages)

    async def __aenter__(self) -> Self:
        # Of this event loop: where plain functions answer, and files are read.
        to_thread.current_default_thread_limiter().total_tokens = API_THREADS
        self._open.callback(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(_SWITCH_S)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._house.closing.set()
        await self._open.aclose()
        await asyncio.to_thread(self.book.flush)  # when each key was last used
        self._house.doors = None

    async def open_socket(self, sock: socket.socket | None = None) -> None:
        """Let the command line in. Where that cannot be, it is logged: a role works without.

        Args:
            sock: of a ``Threshold``, which is ours from now on.
        """
        if not has_unix_sockets():
            return
        path = socket_of(self._house.profile)
        try:
            sock = sock or bind_socket(path)
        except Misuse as exc:
            _log.warning("commands cannot speak to this process: %s", exc)
            return
        self._socket = path, path.stat().st_ino
        self._open.callback(self._remove_socket)
        guarded = Guard(self._app, GuardPolicy(local=True, uploads=UPLOADS), self.book)
        await self._open.enter_async_context(serving(guarded, sock, self._house.closing))

    def follow_identity(self) -> None:
        """The socket goes along to the identity that is served by now, where commands look for it. What
        is connected stays so."""
        path = socket_of(self._house.profile)
        if self._socket is None or self._socket[0] == path or not _is(*self._socket):
            return
        try:
            self._socket[0].replace(path)
        except OSError as exc:
            _log.warning("commands cannot speak to this process: %s: %s", path, exc.strerror or exc)
            return
        self._socket = path, self._socket[1]

    def _remove_socket(self) -> None:
        if self._socket is not None and _is(*self._socket):
            _remove(self._socket[0])

    async def open_port(self, wish: Wish, sock: socket.socket | None = None) -> Door:
        """Let browsers in; a port that is open already stays as it is.

        Args:
            sock: of a ``Threshold``, on loopback, which is ours from now on.

        Raises:
            Misuse: ``port-in-use``; ``not-exposed`` beyond loopback without a password; ``bad-certificate``.
        """
        async with self._opening:  # two commands at once get the same one
            if self.door is None:
                self.door = await self._open_port(wish, sock)
            return self.door

    async def _open_port(self, wish: Wish, sock: socket.socket | None) -> Door:
        exposed = not is_loopback(wish.host)
        check_exposure(wish.host, password_set=self.password.is_set(), tls=True)
        names = _names(wish)
        context, fingerprint = self._tls(wish, names) if exposed or wish.cert else (None, "")
        sock = sock or bind_port(wish.host, wish.port)
        port = sock.getsockname()[1]
        policy = GuardPolicy(port=port, tls=context is not None, names=frozenset(names), uploads=UPLOADS)
        await self._open.enter_async_context(
            serving(self._guarded(policy), sock, self._house.closing, tls=context)
        )
        host = names[0] if exposed and names else "127.0.0.1" if ":" not in wish.host else "[::1]"
        return Door(f"{policy.scheme}://{host}:{port}", fingerprint, exposed)

    def login_link(self) -> str:
        """A link that lets one browser in, once."""
        assert self.door is not None
        return f"{self.door.url}/login?token={self._links.make()}"

    def _tls(self, wish: Wish, names: tuple[str, ...]) -> tuple[ssl.SSLContext, str]:
        cert, key, fingerprint = wish.cert, wish.key, ""
        if cert is None or key is None:
            made = own_certificate(self._directory, [*names, *LOOPBACK_NAMES])
            cert, key, fingerprint = made.cert, made.key, made.fingerprint
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(cert, key)
        except (OSError, ssl.SSLError) as exc:
            raise Misuse(
                "bad-certificate", f"cannot be used: {getattr(exc, 'strerror', None) or exc}", where=str(cert)
            ) from exc
        return context, fingerprint

    def _guarded(self, policy: GuardPolicy) -> Guard:
        more: dict[str, Any] = {} if self._login_page is None else {"render": self._login_page}
        login = Login(policy, self.book, self._links, self._attempts, self.password, **more)
        entrance = Starlette(routes=login.routes())
        app: App = self._app

        async def either(scope: Any, receive: Any, send: Any) -> None:
            await (entrance if scope.get("path") in _LOGIN_PATHS else app)(scope, receive, send)

        return Guard(either, policy, self.book)


def _names(wish: Wish) -> tuple[str, ...]:
    """An address in brackets where it is IPv6; one that means every address is none."""
    own = () if wish.host in ("0.0.0.0", "::", "") or is_loopback(wish.host) else (wish.host,)
    every = dict.fromkeys(name.lower() for name in (*wish.names, *own))
    return tuple(f"[{name}]" if ":" in name and not name.startswith("[") else name for name in every)


def _is(path: Path, inode: int) -> bool:
    try:
        return path.stat().st_ino == inode
    except OSError:
        return False


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
