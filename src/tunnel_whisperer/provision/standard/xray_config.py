"""Xray's configuration: an inbound for each tenant, two destinations, nothing else.

The rules are those of all slots, whether somebody has them or not, and so never change: a tenant
comes and goes with one inbound, live, while nothing of the others is touched. What no rule takes
goes to the first outbound, which swallows it.
"""

from __future__ import annotations

from typing import Any

from .site import SERVER_MARK, Layout, Site, SiteTenant, slot_tag

__all__ = ["inbound", "xray_config"]

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
        "routing": {"rules": _rules(site.layout)},
    }


def inbound(tenant: SiteTenant) -> dict[str, Any]:
    """The tenant's door, for the server itself; its users are let in live, and after each start."""
    clients = [{"id": str(tenant.uuid), "email": tenant.server_mark, "level": 0}]
    return {
        "tag": tenant.tag,
        "listen": "127.0.0.1",
        "port": tenant.inbound_port,
        "protocol": "vless",
        "settings": {"clients": clients, "decryption": "none"},
        "streamSettings": {"network": "xhttp", "xhttpSettings": {"path": tenant.path, "mode": "auto"}},
    }


def _rules(layout: Layout) -> list[dict[str, Any]]:
    """Servers may go to the relay's SSH, and everybody to the port of the slot that they came in by."""
    rules: list[dict[str, Any]] = [
        {
            "ruleTag": "ssh",
            "user": [f"regexp:{SERVER_MARK}$"],
            **_to_loopback(layout.ssh_port),
        }
    ]
    for port in range(layout.first_port, layout.first_port + layout.slots):
        tag = slot_tag(port)
        rules.append({"ruleTag": tag, "inboundTag": [tag], **_to_loopback(port)})
    return rules


def _to_loopback(port: int) -> dict[str, Any]:
    return {"ip": [_LOOPBACK], "port": str(port), "network": "tcp", "outboundTag": "loopback"}
