"""What a relay needs of its machine besides its three programs: it looks after itself for years."""

from __future__ import annotations

from importlib.resources import files as resources

from .files import File
from .site import Layout

__all__ = ["host_files", "users_script"]

_XRAY_UNIT = """\
[Unit]
Description=Xray for the relay
After=network-online.target
Wants=network-online.target

[Service]
User=xray
ExecStart=/usr/local/bin/xray run -config /usr/local/etc/xray/config.json
ExecStartPost=+/bin/sh -c 'until ss -Hltn "sport = :10085" | grep -q .; do sleep 0.1; done; exec /usr/local/lib/tw/users --all'
TimeoutStartSec=60
Restart=always
RestartSec=2
LimitNOFILE=262144
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
IPAddressAllow=localhost
IPAddressDeny=any
CapabilityBoundingSet=
LockPersonality=yes
RestrictNamespaces=yes
RestrictSUIDSGID=yes

[Install]
WantedBy=multi-user.target
"""
"""``IPAddressDeny``: it has no business with any other machine, whatever its rules say."""

_CADDY_DROP_IN = """\
[Service]
Restart=always
RestartSec=2
RuntimeDirectory=caddy
RuntimeDirectoryMode=0700
LimitNOFILE=262144
"""
"""Caddy's management is a socket in that folder."""

_UPGRADES = """\
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
APT::Periodic::AutocleanInterval "7";
Unattended-Upgrade::Origins-Pattern {
    "origin=Debian,codename=${distro_codename},label=Debian-Security";
    "origin=Debian,codename=${distro_codename}-security,label=Debian-Security";
    "origin=Ubuntu,archive=${distro_codename}-security";
    "site=dl.cloudsmith.io";
};
Unattended-Upgrade::Automatic-Reboot "true";
Unattended-Upgrade::Automatic-Reboot-Time "04:30";
"""
"""Security updates and Caddy; a kernel needs the reboot, and both ends come back by themselves."""

_JOURNAL = """\
[Journal]
SystemMaxUse=200M
MaxRetentionSec=1month
"""


def users_script(layout: Layout) -> str:
    """The command by which servers say who their users are; for ``sh``."""
    text = resources(__package__).joinpath("users.sh").read_text("utf-8")
    for name, value in (
        ("USERS", layout.users), ("AUTHORIZED_KEYS", layout.authorized_keys), ("API_PORT", str(layout.api_port)),
    ):  # fmt: skip
        text = text.replace(f"@{name}@", value)
    return text


def host_files(layout: Layout) -> tuple[File, ...]:
    """Files that are the same on every relay."""
    return (
        File("/etc/systemd/system/xray.service", _XRAY_UNIT),
        File("/etc/systemd/system/caddy.service.d/tw.conf", _CADDY_DROP_IN),
        File("/etc/apt/apt.conf.d/52tw-upgrades", _UPGRADES),
        File("/etc/systemd/journald.conf.d/tw.conf", _JOURNAL),
        File(layout.users_script, users_script(layout), 0o755),
    )
