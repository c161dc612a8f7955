"""From a configuration to the way to the relay."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from ..base.errors import Misuse
from ..base.values import HostPort
from ..net.link import RelayEndpoint
from ..net.proxy import Proxy
from ..net.uplink import UplinkSettings
from ..profile import Config, Profile

__all__ = ["ProxyChoice", "proxy_choice", "uplink_settings"]


_BACKUP = "tw import FILE.zip --force brings it back, out of what tw export context wrote"
_BROUGHT_BACK = {
    "client": "tw connect FILE.zip, with the file from the server's admin, brings it back",
    "server": _BACKUP,
    "relay": _BACKUP,
}


@dataclass(frozen=True, slots=True)
class ProxyChoice:
    """The proxy on the way to the relay, and who says so."""

    proxy: Proxy | None
    source: str
    """``config.yaml``, or the name of the environment's variable; empty: nobody names one."""

    def to_json(self) -> dict[str, str] | None:
        """For a snapshot, without credentials."""
        return None if self.proxy is None else {"url": str(self.proxy), "from": self.source}


def uplink_settings(
    profile: Profile, config: Config, environ: Mapping[str, str] = os.environ
) -> UplinkSettings:
    """How this identity reaches its relay.

    Raises:
        Misuse: ``not-set-up`` when the configuration names no relay yet, or the certificate is gone.
    """
    xray = config.xray
    if not xray.relay_host or xray.uuid is None or not xray.path:
        raise Misuse(
            "not-set-up",
            "this identity is not enrolled at a relay yet",
            where=str(profile.config),
            hint="tw join RELAY, and tw join --apply with the response",
        )
    for path in (profile.client_cert, profile.client_key):
        if not path.exists():
            raise Misuse(
                "not-set-up", "this file is missing", where=str(path), hint=_BROUGHT_BACK[config.mode]
            )
    relay = RelayEndpoint(
        HostPort(xray.relay_host, xray.relay_port),
        ca_pem=xray.relay_ca,
        certificate=profile.client_cert,
        key=profile.client_key,
        proxy=proxy_choice(config, environ).proxy,
        http=xray.http,
    )
    return UplinkSettings(relay, xray.path, xray.uuid, xray.transport)


def proxy_choice(config: Config, environ: Mapping[str, str]) -> ProxyChoice:
    """The proxy that is configured, else the environment's, else none.

    Raises:
        Misuse: ``bad-argument``, naming the variable.
    """
    if config.proxy:
        return ProxyChoice(Proxy.parse(config.proxy), "config.yaml")
    host = config.dials
    return ProxyChoice(Proxy.from_environment(host, environ), Proxy.variable_for(host, environ) or "")
