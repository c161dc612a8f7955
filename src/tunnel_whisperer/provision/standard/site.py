"""What a standard relay is made of: its name, its tenants, who may administer it, where things are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from ...base.errors import Misuse
from ...pki import issuer_text
from ...tenancy.join import STANDARD_ACCOUNT

__all__ = ["SERVER_MARK", "Layout", "Site", "SiteTenant", "slot_tag"]

SERVER_MARK = "/server"
"""How the name of a server ends within Xray."""

_INBOUND_ABOVE = 10_000
"""Xray's port for a tenant is its reverse port and this: one registry of ports is enough."""


def slot_tag(port: int) -> str:
    """Xray's name for the slot on that port, whoever has it."""
    return f"slot-{port}"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are on the machine. Tests put a relay beside others on one machine; nobody else
    has a reason to change anything."""

    https_port: int = 443
    http_port: int = 80
    ssh_port: int = 22
    api_port: int = 10085
    """Xray's management, on loopback."""
    account: str = STANDARD_ACCOUNT
    """The system account of all tenants: no password, and one command that is forced on each key."""
    users_script: str = "/usr/local/lib/tw/users"
    """That command: by it a server says who its users are."""
    users: str = "/var/lib/tw/users"
    """Folder of what the servers said, ``<id>`` each; the account's."""
    caddy_admin: str = "unix//run/caddy/admin.sock|0600"
    """Caddy's management. Not the usual port of loopback, which any process on the machine reaches."""
    tenant_cas: str = "/etc/caddy/tenants"
    """Folder of the tenants' CAs, ``<id>.crt`` each."""
    authorized_keys: str = "/etc/ssh/tw/authorized_keys"
    """Of the tenants: root's file, so that no session can change what it may do."""
    host_key: str = "/etc/ssh/tw/host_key"
    """The machine's SSH host key, which is the relay's: servers pin it."""
    caddyfile: str = "/etc/caddy/Caddyfile"
    xray_config: str = "/usr/local/etc/xray/config.json"
    xray_group: str = "xray"
    """Whose process reads the UUIDs."""
    sshd_drop_in: str = "/etc/ssh/sshd_config.d/00-tw.conf"
    sshd_config: str = "/etc/ssh/sshd_config"
    firewall: str = "/etc/nftables.conf"
    work: str = "/var/lib/tw"
    """Folder for what is there while a change is made."""
    slots: int = 512
    """Ports that Xray has rules for, from ``first_port``."""
    first_port: int = 20_000
    caddy_data: str = "/var/lib/caddy/.local/share/caddy"
    """Folder in which Caddy keeps what it got by ACME."""
    first_tls_files: tuple[str, str] = ("/etc/caddy/first.crt", "/etc/caddy/first.key")
    """Where the certificate and key of the first visit are."""
    tls_files: tuple[str, str] | None = None
    """Certificate and key, where they do not come by ACME."""

    def ca_file(self, tenant: SiteTenant) -> str:
        """Where the tenant's CA is."""
        return f"{self.tenant_cas}/{tenant.server_id}.crt"


@dataclass(frozen=True, slots=True)
class SiteTenant:
    """One server's slot, as the relay's registry has it. Who its users are is the server's business:
    it tells the machine itself (users.sh)."""

    server_id: str
    uuid: UUID
    """Of the server itself."""
    ca_pem: str
    ssh_public_key: str
    """``ssh-ed25519 AAAA..``; empty for the administrator's own slot, whose key is another account's."""
    port: int
    """The reverse port, 20000 and up."""

    @property
    def path(self) -> str:
        """Where its streams are asked for."""
        return f"/tw/{self.server_id}"

    @property
    def tag(self) -> str:
        """Its name within Caddy and Xray."""
        return slot_tag(self.port)

    @property
    def inbound_port(self) -> int:
        """Xray's port for it, on loopback."""
        return self.port + _INBOUND_ABOVE

    @property
    def server_mark(self) -> str:
        """The server's name within Xray, by which the rule for SSH knows it."""
        return f"{self.server_id}{SERVER_MARK}"


@dataclass(frozen=True, slots=True)
class Site:
    """A standard relay.

    Raises:
        Misuse: ``bad-record`` when two tenants could pass for each other.
    """

    domain: str
    tenants: tuple[SiteTenant, ...] = ()
    admin_keys: tuple[str, ...] = ()
    """``ssh-ed25519 AAAA..`` of those who may log in to the machine."""
    host_key: str = field(default="", repr=False)
    """Private, OpenSSH PEM; also what signs the relay's answers to servers."""
    ssh_open: bool = False
    """Whether port 22 is open to the outside."""
    layout: Layout = field(default_factory=Layout)
    first_tls: tuple[str, str] | None = field(default=None, repr=False)
    """Certificate and key (PEM) that are shown until the first visit; the layout says where they are."""

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.tenants, key=lambda tenant: tenant.server_id))
        object.__setattr__(self, "tenants", ordered)
        _check_apart("id", [tenant.server_id for tenant in ordered])
        _check_apart("port", [tenant.port for tenant in ordered])
        ports = range(self.layout.first_port, self.layout.first_port + self.layout.slots)
        for tenant in ordered:
            if tenant.port not in ports:
                raise Misuse(
                    "too-many",
                    f"{tenant.server_id} has port {tenant.port}, and a standard relay has {ports[0]} to {ports[-1]}",
                    hint="tw unenroll servers that are gone, or set up another relay",
                )
        _check_apart("UUID", [tenant.uuid for tenant in ordered])
        _check_apart("SSH key", [tenant.ssh_public_key for tenant in ordered if tenant.ssh_public_key])
        # Caddy tells CAs apart by name alone.
        _check_apart("CA's name", [issuer_text(tenant.ca_pem) for tenant in ordered])


def _check_apart(what: str, values: Sequence[object]) -> None:
    for value, count in Counter(values).items():
        if count > 1:
            raise Misuse("bad-record", f"{count} tenants have the same {what}: {value}")
