"""OpenSSH's part: a drop-in for sshd, and who may log in.

The drop-in is ``00-tw.conf``: the first value that sshd reads is the one that holds
(sshd_config(5)), and cloud-init's own ``50-cloud-init.conf`` may allow passwords.
"""

from __future__ import annotations

from .site import Site, SiteTenant

__all__ = ["admin_keys", "authorized_keys", "sshd_config"]

_ALIVE = 15, 2
"""A session whose path is gone holds its port until sshd notices: after 30 s, as our own ends do."""


def sshd_config(site: Site) -> str:
    """The text of ``/etc/ssh/sshd_config.d/00-tw.conf``."""
    layout = site.layout
    addresses = ["0.0.0.0", "[::]"] if site.ssh_open else ["127.0.0.1"]
    lines = [
        f"HostKey {layout.host_key}",
        "HostKeyAlgorithms ssh-ed25519",
        *(f"ListenAddress {address}:{layout.ssh_port}" for address in addresses),
        "PubkeyAuthentication yes",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin prohibit-password",
        "PermitUserEnvironment no",
        "AllowAgentForwarding no",
        "AllowStreamLocalForwarding no",
        "X11Forwarding no",
        "GatewayPorts no",
        "LoginGraceTime 20",
        "MaxStartups 64:30:256",
        f"ClientAliveInterval {_ALIVE[0]}",
        f"ClientAliveCountMax {_ALIVE[1]}",
        # To the end of this file.
        f"Match User {layout.account}",
        f"    AuthorizedKeysFile {layout.authorized_keys}",
        "    AuthenticationMethods publickey",
        "    AllowTcpForwarding remote",
        "    PermitOpen none",
        "    PermitTTY no",
        "    PermitTunnel no",
        "    MaxSessions 1",
    ]
    return "\n".join(lines) + "\n"


def authorized_keys(site: Site) -> str:
    """The tenants' file: one line each (cli.md)."""
    return "".join(_tenant_line(site, tenant) for tenant in site.tenants if tenant.ssh_public_key)


def admin_keys(site: Site) -> str:
    """The administrators' lines. Where port 22 is shut they come through the tunnel, from loopback."""
    source = "" if site.ssh_open else 'from="127.0.0.1" '
    return "".join(f"{source}{key} tw-admin\n" for key in site.admin_keys)


def _tenant_line(site: Site, tenant: SiteTenant) -> str:
    command = f"{site.layout.users_script} {tenant.server_id} {tenant.tag} {tenant.inbound_port}"
    options = (
        'from="127.0.0.1"',
        "restrict",
        "port-forwarding",
        'permitopen="127.0.0.1:1"',
        f'permitlisten="127.0.0.1:{tenant.port}"',
        f'command="{command}"',
    )
    return f"{','.join(options)} {tenant.ssh_public_key} {tenant.server_id}@tw\n"
