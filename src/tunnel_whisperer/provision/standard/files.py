"""Which files a standard relay consists of, as far as they change with its tenants."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from .caddyfile import caddyfile
from .firewall import firewall
from .site import Site
from .sshd_files import authorized_keys, sshd_config
from .xray_config import xray_config

__all__ = ["File", "files"]


@dataclass(frozen=True, slots=True)
class File:
    """A file as it should be."""

    path: str
    text: str = field(repr=False)
    mode: int = 0o644
    group: str = "root"
    """The owner is root."""

    @property
    def digest(self) -> str:
        """SHA-256 of the content, in hex, as sha256sum has it."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def files(site: Site) -> tuple[File, ...]:
    """All of them, sorted by path; the CAs are the only ones whose number varies."""
    layout = site.layout
    found = [
        File(layout.caddyfile, caddyfile(site)),
        File(layout.authorized_keys, authorized_keys(site)),
        File(layout.sshd_drop_in, sshd_config(site)),
        File(layout.firewall, firewall(site)),
        File(layout.host_key, site.host_key, 0o600),
        # UUIDs are half of what lets somebody in.
        File(layout.xray_config, json.dumps(xray_config(site), indent=1) + "\n", 0o640, layout.xray_group),
    ]
    found += [File(layout.ca_file(tenant), tenant.ca_pem) for tenant in site.tenants]
    if site.first_tls is not None:
        # Caddy's user reads the key. It is worth nothing once the first visit is over.
        found += [File(*each) for each in zip(layout.first_tls_files, site.first_tls, strict=True)]
    return tuple(sorted(found, key=lambda file: file.path))
