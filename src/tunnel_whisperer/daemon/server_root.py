"""The server of an identity: its session to the relay, and its access record as it stands."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..base.limits import MAX_TARGETS_PER_USER
from ..base.tasks import TaskSet
from ..base.values import HostPort
from ..profile import Profile, load_config
from ..server import Server, ServerSettings
from ..ssh.keeper import KeeperStatus
from ..tenancy import make_server_identity
from .process import files_for_connections
from .renewal import renew_daily
from .roles import need_role, warn_of_idle_fields
from .telling import Teller
from .uplinks import uplink_settings
from .watch import file_stamp, watch

__all__ = ["ServerRoot"]

_log = logging.getLogger("tw")


class ServerRoot:
    """One running server; made on the loop that runs it.

    Args:
        profile: the identity's directory.
        on_change: told each new status of the session to the relay.

    Raises:
        Misuse: not a server's identity, not enrolled yet, or a part of it is missing.
    """

    def __init__(self, profile: Profile, on_change: Callable[[KeeperStatus], None] | None = None) -> None:
        config = load_config(profile.config)
        need_role(config, "server", profile)
        warn_of_idle_fields(config)
        self._profile = profile
        self._server_id = config.server_id
        self._renew()
        self._teller = Teller(f"connected: published at relay {config.xray.relay_host}", on_change)
        settings = ServerSettings(
            uplink=uplink_settings(profile, config),
            relay_ssh=HostPort("127.0.0.1", config.server.relay_ssh_port),
            relay_user=config.server.relay_ssh_user,
            relay_host_key=config.server.relay_host_key,
            listener=HostPort("127.0.0.1", config.server.remote_port),
            private_key=profile.read(profile.private_key),
            host_key=profile.read(profile.host_key),
            authorized_keys=profile.authorized_keys,
            user=config.client.ssh_user,
            max_targets=min(2 * MAX_TARGETS_PER_USER, files_for_connections()),
        )
        self.server = Server(settings, self._teller)

    def _renew(self) -> None:
        make_server_identity(self._profile, self._server_id)

    async def run(self) -> None:
        """Until cancelled.

        Raises:
            TwError: a failure that trying again cannot mend.
        """
        tasks = TaskSet("server", _log)
        record = [self._profile.authorized_keys]
        try:
            tasks.spawn(self.server.policy.enforce(), "enforce")
            tasks.spawn(renew_daily(self._renew), "renew")
            tasks.spawn(
                watch(lambda: file_stamp(record), self.server.policy.recheck, file_stamp(record)), "watch"
            )
            await self.server.run()
        finally:
            await tasks.drain()
