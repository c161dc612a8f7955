"""The client inside another program: what ``connect`` of ``connection.py`` runs in its loop.

The user's keys are on disk only while it starts, in a temporary directory; after that they are in
memory. Nothing of the machine's own identities is read.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from ..base.errors import Broken, Misuse, Refused, TwError, Unreachable
from ..base.limits import MAX_BUNDLE_BYTES
from ..base.tasks import TaskSet
from ..base.values import Secret
from ..bundle import BundleContents, decrypt, install_bundle, is_encrypted, open_bundle
from ..net.proxy import Proxy
from ..profile import Profile
from ..ssh.keeper import KeeperState, KeeperStatus
from ..tunnel import Tunnel, TunnelSettings
from .client_root import ClientRoot
from .local_ports import LocalPorts, pick_ports

__all__ = ["ConnectionState", "EmbeddedClient", "Wish"]

_log = logging.getLogger("tw.connection")

_LOCAL_HOST = "127.0.0.1"


class ConnectionState(StrEnum):
    """How a connection stands; each equals its word."""

    CONNECTING = "connecting"
    """It tries to reach the server."""
    CONNECTED = "connected"
    """What connects to the local ports is carried."""
    WAITING = "waiting"
    """The last attempt failed, ``error`` says why; the next one comes by itself."""
    ENDED = "ended"
    """It failed in a way that trying again cannot mend; the ports are closed."""
    CLOSED = "closed"
    """It is not open yet, or not any more."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What ``connect`` was asked for."""

    bundle: Path | bytes
    passphrase: Secret | None
    proxy: Proxy | None
    from_environment: bool
    """Whether the environment may name the proxy."""
    ports: Mapping[int | str, int]
    timeout_s: float | None
    """None: however long it takes; 0: not at all."""


class EmbeddedClient:
    """The client in its loop. All of it runs there, and its values may be read from anywhere."""

    def __init__(self, wish: Wish) -> None:
        self.ports = LocalPorts(())
        self.tunnel: Tunnel | None = None
        self.closed = False
        self._wish = wish
        self._status: KeeperStatus | None = None
        self._ended: TwError | None = None
        self._tasks = TaskSet("connection", _log)
        self._changed = asyncio.Event()

    @property
    def state(self) -> ConnectionState:
        if self.closed:
            return ConnectionState.CLOSED
        if self._ended is not None:
            return ConnectionState.ENDED
        return ConnectionState.CONNECTING if self._status is None else _STATES[self._status.state]

    @property
    def error(self) -> TwError | None:
        return self._ended or (None if self._status is None else self._status.error)

    async def start(self) -> None:
        """Open the ports, and wait as long as was wished.

        Raises:
            TwError: why it is not connected.
        """
        self._tasks.spawn(self._live(), "live")
        while self.tunnel is None and self._ended is None:
            await self._next_change()
        if self._ended is not None or self._wish.timeout_s != 0:
            await self.wait(self._wish.timeout_s, _is_refusal)

    async def wait(
        self, timeout_s: float | None, is_final: Callable[[TwError], bool] = lambda error: False
    ) -> None:
        """Until it is connected.

        Raises:
            TwError: why it is not.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while self.state is not ConnectionState.CONNECTED:
                    error = self.error
                    if error is not None and (self._ended is not None or is_final(error)):
                        raise _again(error)
                    await self._next_change()
        except TimeoutError:
            raise _again(
                self.error or Unreachable("timeout", f"not connected within {timeout_s:g} s")
            ) from None

    async def stop(self) -> None:
        """Close the ports; whoever waits is told."""
        await self._tasks.drain()
        self._ended = self._ended or Unreachable("session-lost", "this connection was closed")
        self.closed, self.ports = True, LocalPorts(())
        self._tell()

    async def _live(self) -> None:
        try:
            self.tunnel = await self._open()
            self._tell()
            await self.tunnel.run()
        except TwError as exc:
            self._ended = exc
        except Exception as exc:  # noqa: BLE001 - whoever waits must hear of it
            _log.exception("unexpected failure")
            self._ended = Broken("internal", f"{type(exc).__name__}: {exc}")
        self._tell()

    async def _open(self) -> Tunnel:
        wish = self._wish
        contents = _contents(wish)
        # Start reads the keys; from then on nothing of ours is on the disk.
        with tempfile.TemporaryDirectory(prefix="tw-client-") as directory:
            profile = Profile(Path(directory))
            install_bundle(profile, contents)
            environ = os.environ if wish.from_environment else {}
            root = ClientRoot(profile, on_change=self._status_is, environ=environ)
            granted = root.settings.ports
            root.settings = _settings(root.settings, wish)
            tunnel = await root.start()
        opened = [port.address.port for port in tunnel.ports]
        self.ports = LocalPorts(list(zip(granted, opened, strict=True)))
        return tunnel

    def _status_is(self, status: KeeperStatus) -> None:
        self._status = status
        self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _next_change(self) -> None:
        await self._changed.wait()


_STATES = {
    KeeperState.CONNECTING: ConnectionState.CONNECTING,
    KeeperState.UP: ConnectionState.CONNECTED,
    KeeperState.WAITING: ConnectionState.WAITING,
    KeeperState.ENDED: ConnectionState.ENDED,
}


def _is_refusal(error: TwError) -> bool:
    """Somebody said no: who waits for a first connection need not wait for the same again."""
    return isinstance(error, Refused) and error.code != "too-many"


def _again(error: TwError) -> TwError:
    """The same error to be raised once more: an exception remembers where it was raised."""
    fresh = copy.copy(error)
    fresh.__cause__ = error.__cause__
    return fresh


def _settings(settings: TunnelSettings, wish: Wish) -> TunnelSettings:
    uplink = settings.uplink
    if not wish.from_environment:
        uplink = replace(uplink, relay=replace(uplink.relay, proxy=wish.proxy))
    return replace(
        settings, uplink=uplink, ports=pick_ports(settings.ports, wish.ports), listen_host=_LOCAL_HOST
    )


def _contents(wish: Wish) -> BundleContents:
    data = wish.bundle if isinstance(wish.bundle, bytes) else _read(wish.bundle)
    try:
        if is_encrypted(data):
            if wish.passphrase is None:
                raise Misuse("bad-argument", "this file is encrypted", hint="connect(..., passphrase=...)")
            data = decrypt(data, wish.passphrase.reveal())
        return open_bundle(data)
    except Misuse as exc:
        if isinstance(wish.bundle, Path):
            exc.where = ": ".join(filter(None, (str(wish.bundle), exc.where)))
        raise


def _read(path: Path) -> bytes:
    most = 2 * MAX_BUNDLE_BYTES  # encrypted, and then made text, it is larger by a good third
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as exc:
        raise Misuse("file-unreadable", exc.strerror or "cannot be read", where=str(path)) from None
    if len(data) > most:
        raise Misuse("bad-bundle", "it is larger than any file of ours", where=str(path))
    return data
