"""From a configuration to the way to the relay."""

from __future__ import annotations

import os

from ..base.errors import Misuse
from ..base.values import HostPort
from ..net.link import RelayEndpoint
from ..net.proxy import Proxy
from ..net.uplink import UplinkSettings
from ..profile import Config, Profile

__all__ = ["proxy_of", "uplink_settings"]


def uplink_settings(profile: Profile, config: Config) -> UplinkSettings:
    """How this identity reaches its relay.

    Raises:
        Misuse: ``not-set-up`` when the configuration names no relay yet.
    """
    xray = config.xray
    if not xray.relay_host or xray.uuid is None or not xray.path:
        raise Misuse(
            "not-set-up",
            "this identity is not enrolled at a relay yet",
            where=str(profile.config),
            hint="tw join RELAY, and tw join --apply with the response",
        )
    relay = RelayEndpoint(
        HostPort(xray.relay_host, xray.relay_port),
        ca_pem=xray.relay_ca,
        certificate=profile.client_cert,
        key=profile.client_key,
        proxy=proxy_of(config),
        http=xray.http,
    )
    return UplinkSettings(relay, xray.path, xray.uuid, xray.transport)


def proxy_of(config: Config) -> Proxy | None:
    """The proxy that is configured, else the environment's, else none."""
    if config.proxy:
        return Proxy.parse(config.proxy)
    return Proxy.from_environment(config.xray.relay_host, os.environ)
