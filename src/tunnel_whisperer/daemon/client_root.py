"""The client of an identity: its local ports and its session to the server."""

from __future__ import annotations

import ipaddress
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..base.counters import Counters
from ..base.errors import Misuse
from ..base.tasks import TaskSet
from ..base.values import Grant, HostPort
from ..profile import Profile, load_config
from ..ssh.keeper import KeeperStatus
from ..ssh.keys import load_private
from ..ssh.session import ClientSession
from ..tunnel import Tunnel, TunnelSettings
from .config_watch import ConfigWatch
from .freshness import Freshness
from .health import Far, session_rows, session_value
from .roles import need_role, warn_of_idle_fields
from .snapshot import error_value, keep_snapshot
from .statistics import Statistics, samples_kept
from .telling import Teller
from .uplinks import proxy_choice, uplink_settings

__all__ = ["ClientRoot"]

_log = logging.getLogger("tw")


class ClientRoot:
    """One running client.

    Args:
        profile: the identity's directory.
        remap: other local ports for some of the granted targets, for this run.
        on_change: told each new status of the session to the server.
        environ: names the network's proxy, if the configuration does not.

    Raises:
        Misuse: not a client's identity, or a part of it is missing.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        remap: Sequence[Grant] = (),
        on_change: Callable[[KeeperStatus], None] | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        config = load_config(profile.config)
        need_role(config, "client", profile)
        warn_of_idle_fields(config)
        self._profile = profile
        self._config = config
        self._environ = environ
        self._config_watch = ConfigWatch(profile, config, "tw connect")
        self._freshness = Freshness(config.client.revision, self._session)
        self._on_change = on_change
        self._teller = Teller(f"connected to the server through {config.xray.relay_host}", self._changed)
        self.settings = TunnelSettings(
            uplink=uplink_settings(profile, config, environ),
            server=HostPort("127.0.0.1", config.client.server_ssh_port),
            user=config.client.ssh_user,
            private_key=_key(profile),
            server_host_key=config.client.server_host_key,
            ports=_ports(config.client.grants(), remap),
            listen_host=config.client.listen_address,
        )
        self.tunnel: Tunnel | None = None
        self.statistics = Statistics(self.counters, samples_kept(config.analytics))

    async def start(self) -> Tunnel:
        """Open the local ports; ``run`` connects them.

        Raises:
            Misuse: ``port-in-use``.
        """
        self.tunnel = Tunnel(self.settings, self._teller)
        try:
            await self.tunnel.start()
        except Misuse as exc:
            self._name_way_out(exc)
            raise
        host = self.settings.listen_host
        if not ipaddress.ip_address(host).is_loopback:
            _log.warning("whoever reaches %s from the network can use the local ports (tw listen)", host)
        return self.tunnel

    async def run(self) -> None:
        """Until cancelled; ``start`` comes first.

        Raises:
            TwError: a failure that trying again cannot mend.
        """
        assert self.tunnel is not None
        tasks = TaskSet("client", _log)
        try:
            tasks.spawn(self._config_watch.run(), "config")
            tasks.spawn(keep_snapshot(self._profile, self.snapshot), "snapshot")
            tasks.spawn(self.statistics.run(), "statistics")
            await self.tunnel.run()
        finally:
            await tasks.drain()
            await self._freshness.drain()

    def _name_way_out(self, exc: Misuse) -> None:
        """Another port of this machine leads to the same target."""
        targets = {str(grant.local_port): grant.target for grant in self.settings.ports}
        target = targets.get(exc.where.rpartition(":")[2])
        if exc.code == "port-in-use" and target is not None:
            given = [
                x.local_port
                for x in self._config.client.tunnels
                if HostPort(x.remote_host, x.remote_port) == target
            ]
            exc.hint = f"tw set-port {given[0]} OTHER opens another port in its place"

    def _session(self) -> ClientSession | None:
        return None if self.tunnel is None else self.tunnel.keeper.session

    def _changed(self, status: KeeperStatus) -> None:
        self._freshness(status)
        if self._on_change is not None:
            self._on_change(status)

    def counters(self) -> Counters:
        """What was counted since the start; never written to disk, for it changes all the time."""
        assert self.tunnel is not None
        return self.tunnel.counters()

    def snapshot(self) -> dict[str, Any]:
        """How it stands, once it is started; see ``daemon.snapshot``."""
        assert self.tunnel is not None
        config, status = self._config, self.tunnel.keeper.status
        return {
            "role": "client",
            "server": config.server_id,
            "relay": f"{config.xray.relay_host}:{config.xray.relay_port}",
            "proxy": proxy_choice(config, self._environ).to_json(),
            "session": session_value(status),
            "health": session_rows(status, self.tunnel.uplink, Far("the server", "SSH with the server")),
            "ports": [
                {
                    "address": str(port.address),
                    "target": str(port.target),
                    "open": port.open_connections,
                    "opened": port.opened,
                    "error": error_value(port.last_error),
                }
                for port in self.tunnel.ports
            ],
            "config": self._config_watch.to_json(),
        }


def _key(profile: Profile) -> bytes:
    """Looked at before any port is opened, so that a damaged key is told by the name of its file."""
    pem = profile.read(profile.private_key)
    load_private(profile.private_key)
    return pem


def _ports(granted: Sequence[Grant], remap: Sequence[Grant]) -> tuple[Grant, ...]:
    ports = list(granted)
    for wish in remap:
        found = {x.target for x in ports if x.target == wish.target}
        # A bare port means that port of whichever host is granted, if there is one such host.
        if not found and not wish.leaves_server:
            found = {x.target for x in ports if x.target.port == wish.target.port}
        if len(found) != 1:
            targets = ", ".join(dict.fromkeys(str(x.target) for x in ports)) or "none"
            raise Misuse(
                "bad-argument",
                f"{wish.target} is not one of this user's targets",
                hint=f"write local:host:port with one of them: {targets}",
            )
        # Whichever local ports that target has, this time it has the one that is wished for.
        moved = (Grant(wish.local_port, x.target) if x.target in found else x for x in ports)
        ports = list(dict.fromkeys(moved))
    return tuple(ports)
