"""The client assembled: uplink, session, forwards."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..base.counters import Counters, Refusals
from ..base.errors import TwError, Unreachable
from ..base.values import Grant, HostPort
from ..net.uplink import Uplink, UplinkSettings
from ..ssh.keeper import KeeperStatus, SessionKeeper
from ..ssh.session import ClientSession, open_session
from .forward import Forward

__all__ = ["PortStatus", "Tunnel", "TunnelSettings"]

_log = logging.getLogger("tw.tunnel")

_NO_BANNER = frozenset({"link-lost", "session-lost", "stream-reset", "timeout"})


@dataclass(frozen=True, slots=True)
class TunnelSettings:
    """What a client needs to know."""

    uplink: UplinkSettings
    server: HostPort
    """The tenant's listener at the relay: 127.0.0.1:<tenant port>."""
    user: str
    """SSH user at the server."""
    private_key: bytes
    """OpenSSH PEM."""
    server_host_key: str
    """``ssh-ed25519 AAAA..``, pinned."""
    ports: tuple[Grant, ...]
    """Local ports and their targets."""
    listen_host: str = "127.0.0.1"
    """Interface of the local ports."""


@dataclass(frozen=True, slots=True)
class PortStatus:
    """One local port as shown to a person."""

    address: HostPort
    target: HostPort
    open_connections: int
    opened: int
    last_error: TwError | None


class Tunnel:
    """One client.

    Args:
        settings: fixed for its life.
        on_change: told each new status of the session.
    """

    def __init__(
        self, settings: TunnelSettings, on_change: Callable[[KeeperStatus], None] | None = None
    ) -> None:
        self._settings = settings
        self._started = time.time()
        self.uplink = Uplink(settings.uplink)
        self.keeper = SessionKeeper(self._connect, on_change=on_change)
        self._forwards = [Forward(grant, settings.listen_host, self.keeper) for grant in settings.ports]

    @property
    def ports(self) -> Sequence[PortStatus]:
        """All local ports, in the order of the settings."""
        return [
            PortStatus(x.address, x.grant.target, x.open_connections, x.opened, x.last_error)
            for x in self._forwards
        ]

    def counters(self) -> Counters:
        """What was counted since it was made; ``start`` comes first."""
        failed: Counter[str] = Counter()
        for forward in self._forwards:
            failed.update(forward.failed)
        return Counters(
            "client",
            self._started,
            session=self.keeper.counters(),
            traffic=tuple(forward.traffic() for forward in self._forwards),
            refusals=tuple(Refusals("channel", *entry) for entry in sorted(failed.items())),
        )

    async def start(self) -> None:
        """Open the local ports: all of them, or none.

        Raises:
            Misuse: ``port-in-use``.
        """
        try:
            for forward in self._forwards:
                await forward.start()
        except TwError:
            await self.close()
            raise

    async def run(self) -> None:
        """Keep the session up until cancelled; ``start`` comes first.

        Raises:
            TwError: a failure that trying again cannot mend.
        """
        try:
            await self.keeper.run()
        finally:
            await self.close()
            await self.uplink.close()

    async def close(self) -> None:
        """Close the ports; connections are reset."""
        for forward in self._forwards:
            await forward.close()

    async def _connect(self) -> ClientSession:
        answered = False

        async def open_stream(
            protocol_factory: Callable[[], asyncio.Protocol],
        ) -> tuple[asyncio.Transport, asyncio.Protocol]:
            nonlocal answered
            result = await self.uplink.open(self._settings.server, protocol_factory)
            answered = True
            return result

        settings = self._settings
        try:
            return await open_session(
                open_stream,
                user=settings.user,
                private_key=settings.private_key,
                host_key=settings.server_host_key,
                name="server",
            )
        except TwError as exc:
            # The relay took our UUID and destination, and then there was nobody behind it.
            if answered and exc.code in _NO_BANNER:
                raise Unreachable(
                    "server-not-there",
                    "the relay answers, but the server's side does not",
                    hint="is tw serve running there, and is that server enrolled?",
                ) from exc
            raise
