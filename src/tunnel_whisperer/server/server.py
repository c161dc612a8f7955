"""The server assembled: uplink, session to the relay, reverse listener, SSH endpoint."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..base.audit_events import Audit, unrecorded
from ..base.counters import Counters
from ..base.errors import Refused
from ..base.limits import LOGINS_BURST, LOGINS_PER_S, MAX_TARGETS_PER_USER
from ..base.values import HostPort
from ..net.h2_windows import Allowance
from ..net.uplink import Uplink, UplinkSettings
from ..ssh.authorized_keys import AccessRecord
from ..ssh.endpoint import SshEndpoint
from ..ssh.keeper import KeeperStatus, SessionKeeper
from ..ssh.session import ClientSession, open_session
from .policy import TargetPolicy
from .services import Services

__all__ = ["Server", "ServerSettings"]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What a server needs to know."""

    uplink: UplinkSettings
    relay_ssh: HostPort
    """VLESS destination of the relay's SSH: 127.0.0.1:22."""
    relay_user: str
    """SSH user at the relay."""
    relay_host_key: str
    """``ssh-ed25519 AAAA..``, pinned."""
    listener: HostPort
    """Our reverse listener there: 127.0.0.1:<tenant port>."""
    private_key: bytes
    """For the relay; OpenSSH PEM."""
    host_key: bytes
    """Private SSH host key that clients pin; OpenSSH PEM."""
    authorized_keys: Path
    """The access record."""
    user: str
    """SSH user name that clients log in as."""
    max_targets: int = 2 * MAX_TARGETS_PER_USER
    """Connections to targets at once."""


class Server:
    """One server.

    Args:
        settings: fixed for its life.
        on_change: told each new status of the session to the relay.
        audit: told who came, what they opened, and how it ended.
        services: what it answers itself; None: nothing, and nobody is invited.
    """

    def __init__(
        self,
        settings: ServerSettings,
        on_change: Callable[[KeeperStatus], None] | None = None,
        audit: Audit = unrecorded,
        services: Services | None = None,
    ) -> None:
        self._settings = settings
        self._started = time.time()
        self.uplink = Uplink(settings.uplink)
        self.policy = TargetPolicy(
            AccessRecord(settings.authorized_keys),
            settings.user,
            max_targets=settings.max_targets,
            audit=audit,
            services=services,
        )
        self._endpoint = SshEndpoint(settings.host_key, self.policy)
        self._logins = Allowance(LOGINS_BURST, LOGINS_PER_S, asyncio.get_running_loop().time())
        self.keeper = SessionKeeper(self._connect, on_change=on_change)

    def counters(self) -> Counters:
        """What was counted since it was made."""
        return replace(self.policy.counters(), started=self._started, session=self.keeper.counters())

    async def run(self) -> None:
        """Until cancelled.

        Raises:
            TwError: a failure that trying again cannot mend.
        """
        try:
            await self.keeper.run()
        finally:
            await self.policy.close()
            await self.uplink.close()

    async def _connect(self) -> ClientSession:
        settings = self._settings
        session = await open_session(
            lambda factory: self.uplink.open(settings.relay_ssh, factory),
            user=settings.relay_user,
            private_key=settings.private_key,
            host_key=settings.relay_host_key,
            name="relay",
        )
        try:
            await session.publish(settings.listener, self._accept)
        except BaseException:
            session.abort()
            raise
        return session

    def _accept(self, origin: HostPort) -> asyncio.Protocol:
        if not self._logins.use(asyncio.get_running_loop().time()):
            self.policy.login_turned_away()
            raise Refused("too-many", "too many logins for now")
        return self._endpoint.accept({"peername": (origin.host, origin.port)})
