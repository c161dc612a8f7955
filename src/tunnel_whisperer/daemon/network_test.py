"""From what the user named, and the identity if there is one, to what the doctor is to look at."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ..base.errors import Misuse
from ..base.values import HostPort
from ..doctor import Network
from ..net.link import RelayEndpoint
from ..net.proxy import Proxy
from ..profile import Config, Profile
from .relay_test import front_of, way_of

__all__ = ["network_of"]

_HTTPS = 443


def network_of(
    host: str,
    profile: Profile,
    config: Config | None,
    *,
    silent_s: float,
    environ: Mapping[str, str] = os.environ,
) -> Network:
    """The relay that is named, or the identity's; nobody else is contacted, the proxy excepted.

    Args:
        host: ``host`` or ``host:port``; empty means the identity's relay.
        config: of the identity; None where there is none.

    Raises:
        Misuse: ``not-set-up`` where neither is known, ``bad-argument``, and what is wrong with the
            identity when it is asked for.
    """
    known = None if config is None else _relay_of(profile, config)
    address = HostPort.parse(host, _HTTPS) if host else known
    if address is None:
        raise Misuse(
            "not-set-up",
            "there is no relay to look for: this machine has no identity that names one",
            where=str(profile.directory),
            hint="tw doctor HOST, with the relay's name",
        )
    proxy, proxy_from = _proxy(config, address, environ)
    if config is None or address != known:
        return Network(RelayEndpoint(address, proxy=proxy), proxy_from, silent_s=silent_s)
    if config.mode == "relay":
        ca = front_of(profile, config).endpoint.ca_pem
        return Network(RelayEndpoint(address, ca_pem=ca, proxy=proxy), proxy_from, silent_s=silent_s)
    way = way_of(profile, config)
    endpoint = RelayEndpoint(address, ca_pem=config.xray.relay_ca, proxy=proxy)
    return Network(endpoint, proxy_from, way, silent_s)


def _relay_of(profile: Profile, config: Config) -> HostPort | None:
    if config.mode == "relay":
        return front_of(profile, config).endpoint.address
    return HostPort(config.xray.relay_host, config.xray.relay_port) if config.xray.relay_host else None


def _proxy(config: Config | None, address: HostPort, environ: Mapping[str, str]) -> tuple[Proxy | None, str]:
    """As the tunnel finds it, and where that is."""
    if config is not None and config.proxy:
        return Proxy.parse(config.proxy), "config.yaml"
    return Proxy.from_environment(address.host, environ), "the environment"
