"""From an identity to what the doctor is to test of it."""

from __future__ import annotations

from dataclasses import replace

from ..base.values import HostPort
from ..doctor import Account, Front, Report, Tell, TenantState, Way, walk_front, walk_way
from ..net.link import RelayEndpoint
from ..profile import Config, Profile, who_runs
from ..ssh.keys import load_private
from ..tenancy import TenantBook
from .relay_check import parse_listen
from .roles import need_role
from .snapshot import read_snapshot
from .standard_relay import StandardRelay
from .uplinks import uplink_settings

__all__ = ["front_of", "try_relay", "way_of"]

_EVERYWHERE = {"::": "127.0.0.1", "0.0.0.0": "127.0.0.1"}
_HTTPS = 443


async def try_relay(profile: Profile, config: Config, tell: Tell) -> Report:
    """Everything between this identity and its relay, or of the relay that it is.

    Args:
        tell: told each step when it is done.

    Raises:
        Misuse: the identity is not complete, or its role was changed.
    """
    need_role(config, config.mode, profile)
    if config.relay.kind == "standard":
        return await walk_way(StandardRelay(profile, config).way(), tell)
    if config.mode == "relay":
        return await walk_front(front_of(profile, config), tell)
    return await walk_way(way_of(profile, config), tell)


def way_of(profile: Profile, config: Config) -> Way:
    """What is to be tested of a client or a server.

    Raises:
        Misuse: ``not-set-up``, ``bad-key``.
    """
    uplink = uplink_settings(profile, config)
    load_private(profile.private_key)  # for its file to be named
    key = profile.read(profile.private_key)
    runs = str(who_runs(profile) or "")
    if config.mode == "client":
        account = Account(
            HostPort("127.0.0.1", config.client.server_ssh_port),
            config.client.ssh_user,
            key,
            config.client.server_host_key,
            "server",
        )
        return Way("client", uplink, account, runs=runs)
    account = Account(
        HostPort("127.0.0.1", config.server.relay_ssh_port),
        config.server.relay_ssh_user,
        key,
        config.server.relay_host_key,
        "relay",
    )
    return Way("server", uplink, account, HostPort("127.0.0.1", config.server.remote_port), runs)


def front_of(profile: Profile, config: Config) -> Front:
    """What is to be tested of a relay.

    Raises:
        Misuse: ``not-set-up``.
    """
    listen = parse_listen(config.relay.listen)
    here = replace(listen, host=_EVERYWHERE.get(listen.host, listen.host))
    behind = config.relay.behind_proxy
    own_ca = not behind and not config.relay.cert
    endpoint = RelayEndpoint(
        HostPort(config.relay.domain, _HTTPS if behind else listen.port),
        ca_pem=profile.read(profile.relay_ca_cert).decode() if own_ca else "",
        http="1.1" if behind else "auto",
        plain=behind,
    )
    return Front(endpoint, here, str(who_runs(profile) or ""), _tenants(profile))


def _tenants(profile: Profile) -> tuple[TenantState, ...]:
    """All that are enrolled, and what the running process says of each."""
    rows = (read_snapshot(profile) or {}).get("tenants", [])
    online = {row["server"]: bool(row["online"]) for row in rows}
    return tuple(
        TenantState(record.server_id, online.get(record.server_id)) for record in TenantBook(profile).all()
    )
