"""The client of an identity: its local ports and its session to the server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from ..base.errors import Misuse
from ..base.values import Grant, HostPort
from ..profile import Profile, load_config
from ..ssh.keeper import KeeperStatus
from ..ssh.keys import load_private
from ..tunnel import Tunnel, TunnelSettings
from .roles import need_role, warn_of_idle_fields
from .telling import Teller
from .uplinks import uplink_settings

__all__ = ["ClientRoot"]

_log = logging.getLogger("tw")


class ClientRoot:
    """One running client.

    Args:
        profile: the identity's directory.
        remap: other local ports for some of the granted targets, for this run.
        on_change: told each new status of the session to the server.

    Raises:
        Misuse: not a client's identity, or a part of it is missing.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        remap: Sequence[Grant] = (),
        on_change: Callable[[KeeperStatus], None] | None = None,
    ) -> None:
        config = load_config(profile.config)
        need_role(config, "client", profile)
        warn_of_idle_fields(config)
        self._teller = Teller(f"connected to the server through {config.xray.relay_host}", on_change)
        self.settings = TunnelSettings(
            uplink=uplink_settings(profile, config),
            server=HostPort("127.0.0.1", config.client.server_ssh_port),
            user=config.client.ssh_user,
            private_key=_key(profile),
            server_host_key=config.client.server_host_key,
            ports=_ports(config.client.grants(), remap),
            listen_host=config.client.listen_address,
        )
        self.tunnel: Tunnel | None = None

    async def start(self) -> Tunnel:
        """Open the local ports; ``run`` connects them.

        Raises:
            Misuse: ``port-in-use``.
        """
        self.tunnel = Tunnel(self.settings, self._teller)
        await self.tunnel.start()
        return self.tunnel

    async def run(self) -> None:
        """Until cancelled; ``start`` comes first.

        Raises:
            TwError: a failure that trying again cannot mend.
        """
        assert self.tunnel is not None
        await self.tunnel.run()


def _key(profile: Profile) -> bytes:
    """Looked at before any port is opened, so that a damaged key is told by the name of its file."""
    pem = profile.read(profile.private_key)
    load_private(profile.private_key)
    return pem


def _ports(granted: Sequence[Grant], remap: Sequence[Grant]) -> tuple[Grant, ...]:
    ports = {grant.target: grant.local_port for grant in granted}
    for wish in remap:
        found = [target for target in ports if target == wish.target]
        # A bare port means that port of whichever host is granted, if there is one such host.
        if not found and not wish.leaves_server:
            found = [target for target in ports if target.port == wish.target.port]
        if len(found) != 1:
            targets = ", ".join(map(str, ports)) or "none"
            raise Misuse(
                "bad-argument",
                f"{wish.target} is not one of this user's targets",
                hint=f"write local:host:port with one of them: {targets}",
            )
        ports[found[0]] = wish.local_port
    return tuple(Grant(local, target) for target, local in ports.items())
