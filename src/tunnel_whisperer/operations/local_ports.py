"""A client's own choices: which local ports it opens, and on which interface."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Any

from ..base.errors import Misuse
from ..base.values import HostPort
from ..daemon.roles import need_role
from ..profile import Config, Profile, change_field, load_config
from .settings import SettingsChange, change_settings

__all__ = [
    "LocalPort",
    "listen_warning",
    "local_ports",
    "ports_of",
    "set_listen_address",
    "set_local_port",
]

_FIELD = "client.listen_address"


@dataclass(frozen=True, slots=True)
class LocalPort:
    """One port that leads somewhere."""

    given: int
    """As the server's admin numbered it."""
    local: int
    """As this machine opens it."""
    target: HostPort

    def to_json(self) -> dict[str, Any]:
        """As ``tw set-port --json`` gives it."""
        return {"given": self.given, "local": self.local, "target": str(self.target)}


def local_ports(profile: Profile) -> list[LocalPort]:
    """All ports of this client.

    Raises:
        Misuse: ``wrong-role``, ``not-set-up``, ``bad-config``.
    """
    config = load_config(profile.config)
    need_role(config, "client", profile)
    return ports_of(config)


def ports_of(config: Config) -> list[LocalPort]:
    """The ports in a client's configuration."""
    return [
        LocalPort(entry.local_port, grant.local_port, grant.target)
        for entry, grant in zip(config.client.tunnels, config.client.grants(), strict=True)
    ]


def set_local_port(profile: Profile, given: int, local: int) -> SettingsChange:
    """Open another local port, where the one that was given is taken.

    Args:
        given: as the server's admin numbered it.
        local: to open instead, 1 to 65535; ``given`` again: as given.

    Raises:
        Misuse: ``no-such-name``, ``exists`` when ``local`` leads elsewhere already, ``wrong-role``.
    """
    return change_settings(profile, lambda config: _moved(config, given, local), role="client")


def set_listen_address(profile: Profile, address: str) -> SettingsChange:
    """Choose the interface on which this client opens its local ports.

    Args:
        address: an IP address; 127.0.0.1 is this machine alone, 0.0.0.0 all of its interfaces.

    Raises:
        Misuse: ``bad-argument``, ``wrong-role``.
    """
    # Nothing would stand for the default.
    return change_settings(
        profile, lambda config: change_field(config, _FIELD, address or " "), role="client"
    )


def listen_warning(address: str) -> str:
    """What it means that others can reach this interface; empty where they cannot."""
    if ipaddress.ip_address(address).is_loopback:
        return ""
    return f"whoever reaches {address} from the network can use the local ports, and nobody asks them who they are"


def _moved(config: Config, port: int, local: int) -> Config:
    client = config.client
    given = [entry.local_port for entry in client.tunnels]
    if port not in given:
        own = {now: before for before, now in client.port_overrides if before in given}
        known = ", ".join(map(str, given)) or "none: ask the server's admin for a grant"
        hint = f"tw set-port {own[port]} {local}" if port in own else f"one of: {known}"
        raise Misuse("no-such-name", f"{port} is not one of the ports that were given", hint=hint)
    own_ports = dict(client.port_overrides)
    for entry in client.tunnels:
        if entry.local_port != port and own_ports.get(entry.local_port, entry.local_port) == local:
            target = f"{entry.remote_host}:{entry.remote_port}"
            raise Misuse("exists", f"local port {local} leads to {target} already", hint="choose another one")
    own_ports.pop(port, None)
    if local != port:
        own_ports[port] = local
    return replace(config, client=replace(client, port_overrides=tuple(sorted(own_ports.items()))))
