"""The server of an identity: its session to the relay, and its access record as it stands."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

from ..base.counters import Counters
from ..base.errors import TwError
from ..base.limits import MAX_TARGETS_PER_USER
from ..base.tasks import TaskSet
from ..base.values import HostPort
from ..profile import Profile, load_config
from ..server import Server, ServerSettings
from ..ssh.keeper import KeeperStatus
from ..tenancy import make_server_identity
from .announcing import announce_users
from .auditing import RoleAudit
from .config_watch import ConfigWatch
from .health import Far, session_rows, session_value
from .inviting import services_of
from .process import files_for_connections
from .renewal import renew_daily
from .roles import need_role, warn_of_idle_fields
from .snapshot import keep_snapshot
from .statistics import Statistics, samples_kept
from .telling import Teller
from .uplinks import proxy_choice, uplink_settings
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
        self._config = config
        self._config_watch = ConfigWatch(profile, config, "tw serve")
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
        self._audit = RoleAudit(profile, "server")
        self.server = Server(settings, self._teller, self._audit, services_of(profile))
        self.statistics = Statistics(self.counters, samples_kept(config.analytics))

    @property
    def server_id(self) -> str:
        """As the relay knows it."""
        return self._config.server_id

    @property
    def relay_host(self) -> str:
        """Which relay it dials."""
        return self._config.xray.relay_host

    def _renew(self) -> None:
        make_server_identity(self._profile, self._config.server_id)

    def snapshot(self) -> dict[str, Any]:
        """How it stands; see ``daemon.snapshot``."""
        config, status = self._config, self.server.keeper.status
        slot = f"127.0.0.1:{config.server.remote_port}"
        far = Far("the relay", f"published at the relay as {slot}")
        return {
            "role": "server",
            "server": config.server_id,
            "relay": f"{config.xray.relay_host}:{config.xray.relay_port}",
            "proxy": proxy_choice(config, os.environ).to_json(),
            "session": session_value(status),
            "health": [*session_rows(status, self.server.uplink, far), *self._audit.rows()],
            "audit": self._audit.to_json(),
            "sessions": [
                {
                    "user": session.user.removesuffix("@tw"),
                    "since": round(session.since),
                    "connections": [
                        {"target": str(target), "open": count}
                        for target, count in sorted(Counter(session.targets).items())
                    ],
                }
                for session in self.server.policy.survey()
            ],
            "config": self._config_watch.to_json(),
        }

    def counters(self) -> Counters:
        """What was counted since the start; never written to disk, for it changes all the time."""
        return self.server.counters()

    async def run(self) -> None:
        """Until cancelled.

        Raises:
            TwError: a failure that trying again cannot mend.
        """
        tasks = TaskSet("server", _log)
        record = [self._profile.authorized_keys]
        why = "stopped"
        self._audit.start()
        try:
            tasks.spawn(self.server.policy.enforce(), "enforce")
            tasks.spawn(renew_daily(self._renew), "renew")
            tasks.spawn(
                watch(lambda: file_stamp(record), self.server.policy.recheck, file_stamp(record)), "watch"
            )
            tasks.spawn(self._config_watch.run(), "config")
            tasks.spawn(keep_snapshot(self._profile, self.snapshot), "snapshot")
            tasks.spawn(self.statistics.run(), "statistics")
            if self._config.server.announce_users:
                tasks.spawn(announce_users(self._profile, self.server.keeper), "announce")
            await self.server.run()
        except TwError as exc:
            why = str(exc)
            raise
        finally:
            await tasks.drain()
            await self._audit.stop(why)
