"""Relay, servers and clients of real identities in this process, talking over loopback.

For what can only be seen on the whole: who is let in, who is not, what a change of a file does.
Runs on a real loop (``real_run``): there are sockets.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.base.tasks import TaskSet
from tunnel_whisperer.base.values import Grant, HostPort
from tunnel_whisperer.bundle import install_bundle, open_bundle, pack_client
from tunnel_whisperer.daemon.client_root import ClientRoot
from tunnel_whisperer.daemon.relay_root import RelayRoot
from tunnel_whisperer.daemon.server_root import ServerRoot
from tunnel_whisperer.net.listen import LocalListener, listen_local
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.ssh.keeper import KeeperState, KeeperStatus
from tunnel_whisperer.tenancy import (
    TenantBook,
    UserBook,
    apply_response,
    make_join_request,
    make_join_response,
    make_relay_identity,
    make_server_identity,
)
from tunnel_whisperer.tunnel import TunnelSettings

__all__ = ["Echo", "Role", "World"]

_log = logging.getLogger("tw.tests")
_PATIENCE_S = 10.0


class _EchoProtocol(asyncio.Protocol):
    def __init__(self, owner: Echo) -> None:
        self._owner = owner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._owner.open.add(self)

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)

    def eof_received(self) -> bool:
        self._transport.write(b"<end>")  # half-close: there is something to say after the other's end
        self._transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.open.discard(self)

    def cut(self) -> None:
        self._transport.abort()


class Echo:
    """A target that echoes, and says ``<end>`` behind the peer's end."""

    def __init__(self) -> None:
        self.open: set[_EchoProtocol] = set()
        self._listener: LocalListener | None = None

    async def start(self) -> HostPort:
        self._listener = await listen_local(HostPort("127.0.0.1", 0), lambda: _EchoProtocol(self))
        return self._listener.bound_address

    async def close(self) -> None:
        assert self._listener is not None
        await self._listener.close()
        for protocol in list(self.open):
            protocol.cut()


class Role:
    """A running server or client, and what its session went through."""

    def __init__(self) -> None:
        self.statuses: list[KeeperStatus] = []
        self._changed = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.server: ServerRoot | None = None
        """Of a server."""

    def __call__(self, status: KeeperStatus) -> None:
        self.statuses.append(status)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def until(self, wanted: Callable[[KeeperStatus], bool], since: int = 0) -> KeeperStatus:
        """The first status from the ``since``-th on that is wanted."""
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                for status in self.statuses[since:]:
                    if wanted(status):
                        return status
                await self._changed.wait()

    async def up(self, since: int = 0) -> None:
        """Connected."""
        await self.until(lambda status: status.state is KeeperState.UP, since)

    async def failed(self, since: int = 0) -> TwError:
        """Why it is not connected."""
        status = await self.until(
            lambda status: status.state in (KeeperState.WAITING, KeeperState.ENDED), since
        )
        assert status.error is not None
        return status.error


class World:
    """A relay on loopback and what is enrolled at it; an async context manager."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.relay_profile = Profile(directory / "relay")
        self.relay: RelayRoot | None = None
        self.address = HostPort("127.0.0.1", 0)
        self._tasks = TaskSet("world", _log)
        self._echoes: list[Echo] = []

    async def __aenter__(self) -> World:
        make_relay_identity(self.relay_profile, "localhost")
        await self.start_relay()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._tasks.drain()
        for echo in self._echoes:
            await echo.close()
        await self.stop_relay()
        await asyncio.sleep(0.05)  # closing transports take a few turns of a real loop

    # -- the relay --------------------------------------------------------------------------------

    async def start_relay(self, **changes: Any) -> None:
        """Start it, on the port that it had before, if it had one."""
        config = load_config(self.relay_profile.config)
        listen = f"127.0.0.1:{self.address.port}"
        self.relay = RelayRoot(
            self.relay_profile, replace(config, relay=replace(config.relay, listen=listen, **changes))
        )
        self.address = await self.relay.start()

    async def stop_relay(self) -> None:
        if self.relay is not None:
            await self.relay.close()
            self.relay = None

    # -- identities -------------------------------------------------------------------------------

    def enroll(self, server_id: str) -> Profile:
        """A server's identity, enrolled."""
        profile = Profile(self.directory / server_id)
        make_server_identity(profile, server_id)
        request = make_join_request(profile, "localhost")
        record = TenantBook(self.relay_profile).enroll(request)
        apply_response(
            profile,
            make_join_response(self.relay_profile, request, record.port, relay_port=self.address.port),
        )
        if self.relay is not None:
            self.relay.refresh()
        return profile

    def let_in(self, server: Profile, name: str, *targets: HostPort, expires: float | None = None) -> Profile:
        """A user's identity, as their machine has it after importing the file."""
        grants = tuple(Grant(20_000 + number, target) for number, target in enumerate(targets))
        user = UserBook(server).create(name, grants, expires=expires)
        profile = Profile(self.directory / f"{server.directory.name}-{name}")
        install_bundle(profile, open_bundle(pack_client(server, user)))
        return profile

    # -- running ----------------------------------------------------------------------------------

    async def echo(self) -> HostPort:
        """A new echoing target."""
        echo = Echo()
        self._echoes.append(echo)
        return await echo.start()

    def serve(self, profile: Profile) -> Role:
        """Run the server."""
        role = Role()
        role.server = ServerRoot(profile, role)
        role.task = self._tasks.spawn(_quietly(role.server.run()), profile.directory.name)
        return role

    async def connect(
        self,
        profile: Profile,
        *,
        also: tuple[HostPort, ...] = (),
        change: Callable[[TunnelSettings], TunnelSettings] = lambda settings: settings,
    ) -> tuple[Role, ClientRoot]:
        """Run the client on free local ports.

        Args:
            also: targets to ask for that the file does not name.
            change: what else is different about this client.
        """
        role = Role()
        root = ClientRoot(profile, on_change=role)
        targets = [grant.target for grant in root.settings.ports] + list(also)
        grants = tuple(Grant(0, target) for target in targets)
        root.settings = change(replace(root.settings, ports=grants))
        await root.start()
        role.task = self._tasks.spawn(_quietly(root.run()), profile.directory.name)
        return role, root

    async def stop(self, role: Role) -> None:
        """End a running role."""
        assert role.task is not None
        role.task.cancel()
        await asyncio.wait((role.task,))


async def _quietly(run: Any) -> None:
    try:
        await run
    except TwError:
        pass  # seen in the role's statuses
