"""Xray's configuration: an inbound for each tenant, two destinations, nothing else.

What no rule takes goes to the first outbound, which swallows it: an inbound added while running,
before its rules, reaches nothing (wire spec 10: rules can be appended, not put in front).
"""

from __future__ import annotations

import uuid
from typing import Any

from .site import Site, SiteTenant

__all__ = ["inbound", "rules", "xray_config"]

_LOOPBACK = "127.0.0.1/32"
_HOLD_S = 24 * 3600
"""Idle connections: ours tell every 12 s that they live, and Xray's own 300 s would cut a client of
somebody else's that says less."""


def xray_config(site: Site) -> dict[str, Any]:
    """The content of ``config.json``."""
    return {
        "log": {"loglevel": "warning", "access": "none"},
        "api": {
            "tag": "api",
            "listen": f"127.0.0.1:{site.layout.api_port}",
            "services": ["HandlerService", "RoutingService", "StatsService"],
        },
        "policy": {"levels": {"0": {"connIdle": _HOLD_S}}},
        "inbounds": [inbound(tenant) for tenant in site.tenants],
        "outbounds": [
            {"tag": "nowhere", "protocol": "blackhole"},
            {
                "tag": "loopback",
                "protocol": "freedom",
                # Private targets are swallowed unless they are allowed (oracle.md, pitfall 2).
                "settings": {"finalRules": [{"action": "allow", "ip": [_LOOPBACK]}]},
            },
        ],
        "routing": {"rules": [rule for tenant in site.tenants for rule in rules(site, tenant)]},
    }


def inbound(tenant: SiteTenant) -> dict[str, Any]:
    """The tenant's door."""
    clients = [_client(tenant.uuid, tenant.server_mark)]
    clients += [_client(user, tenant.user_mark(user)) for user in sorted(tenant.users)]
    return {
        "tag": tenant.tag,
        "listen": "127.0.0.1",
        "port": tenant.inbound_port,
        "protocol": "vless",
        "settings": {"clients": clients, "decryption": "none"},
        "streamSettings": {"network": "xhttp", "xhttpSettings": {"path": tenant.path, "mode": "auto"}},
    }


def rules(site: Site, tenant: SiteTenant) -> list[dict[str, Any]]:
    """Where the tenant's streams may go: its own port; the server itself to SSH as well."""
    own = {"inboundTag": [tenant.tag], "ip": [_LOOPBACK], "network": "tcp", "outboundTag": "loopback"}
    return [
        {**own, "ruleTag": f"{tenant.tag}-port", "port": str(tenant.port)},
        {
            **own,
            "ruleTag": f"{tenant.tag}-ssh",
            "port": str(site.layout.ssh_port),
            "user": [tenant.server_mark],
        },
    ]


def _client(named: uuid.UUID, mark: str) -> dict[str, Any]:
    return {"id": str(named), "email": mark, "level": 0}
