"""The script that makes a machine a standard relay, and the user-data that runs it at the first boot.

Both are the same script: one path to test, one to read. It stops at the first failure with the
reason, and leaves each step in ``/var/lib/tw/install.json``.
"""

from __future__ import annotations

import base64
import gzip
import io
import re
import tarfile
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as resources

from .files import files
from .host_files import host_files
from .site import Layout, Site
from .sshd_files import admin_keys

__all__ = ["ADMIN_ACCOUNT", "XRAY_VERSION", "Sources", "cloud_init", "install_script"]

ADMIN_ACCOUNT = "tw-admin"
"""Who logs in to look after the machine; may use sudo."""

_CADDY_LEAST = "2.8.0"
"""The first with ``trust_pool``. Debian's own is 2.6."""
XRAY_VERSION = "26.7.28"
"""One of the two that the interop tests run against (wheel 1.8.26.10)."""


@dataclass(frozen=True, slots=True)
class Sources:
    """How the script knows that what it fetched is the right thing. Only a lab has its own: it answers
    under the real names, and cannot sign as they do."""

    caddy_key: str = "65760C51EDEA2017CEA2CA15155B6D79CA56EA34"
    """Fingerprint of "Caddy Web Server", which signs the packages at dl.cloudsmith.io."""
    xray_amd64: str = "8195d909f1109b8f3d99eefe401a3c451d7bf4af71f24d3815420f77e5dd2a40"
    """SHA-256 of the release's archive, as the project publishes it beside each (``.dgst``)."""
    xray_arm64: str = "f5698bb218ada3b4022db26fafc39601c5f53b46b19eb76c9616325985807501"


_REAL = Sources()


def install_script(site: Site, sources: Sources = _REAL) -> str:
    """The script, for ``bash``, as root.

    Args:
        site: with the tenants that are to be there from the start. Whoever can read the script can
            read their UUIDs; a user-data is better given a site without any.
    """
    layout = site.layout
    values = {
        "DOMAIN": site.domain,
        "WORK": layout.work,
        "CADDY_KEY": sources.caddy_key,
        "CADDY_LEAST": _CADDY_LEAST,
        "XRAY_VERSION": XRAY_VERSION,
        "XRAY_SHA256_AMD64": sources.xray_amd64,
        "XRAY_SHA256_ARM64": sources.xray_arm64,
        "ADMIN": ADMIN_ACCOUNT,
        "TENANTS": layout.account,
        "ARCHIVE": _archive(site),
        "ADMIN_KEYS": admin_keys(site).rstrip(),
        "SSH_LISTENS": _ssh_listens(site, layout),
        "API_PORT": str(layout.api_port),
        "CADDYFILE": layout.caddyfile,
        "AUTHORIZED_KEYS": layout.authorized_keys,
        "XRAY_CONFIG": layout.xray_config,
        "TENANT_CAS": layout.tenant_cas,
        "FIREWALL": layout.firewall,
        "HOST_KEY": layout.host_key,
        "USERS": layout.users,
    }
    return re.sub("@([A-Z0-9_]+)@", lambda found: values[found[1]], _template())


def cloud_init(site: Site, sources: Sources = _REAL) -> str:
    """The user-data: the script, and the command that runs it."""
    text = install_script(site, sources)
    body = "".join(f"      {line}\n" if line else "\n" for line in text.splitlines())
    return (
        "#cloud-config\n"
        "ssh_pwauth: false\n"
        "write_files:\n"
        "  - path: /root/tw-install.sh\n"
        "    permissions: '0700'\n"
        "    content: |\n"
        f"{body}"
        "runcmd:\n"
        "  - [bash, /root/tw-install.sh]\n"
    )


@cache
def _template() -> str:
    return resources(__package__).joinpath("install.sh").read_text("utf-8")


def _ssh_listens(site: Site, layout: Layout) -> str:
    """As ``ss`` writes it, sorted."""
    hosts = ["0.0.0.0", "[::]"] if site.ssh_open else ["127.0.0.1"]
    return "".join(f"{host}:{layout.ssh_port} " for host in hosts)


def _archive(site: Site) -> str:
    """All files in a tar, gzip and base64: 512 rules of Xray are 100 KB, and 4 KB so."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for file in (*files(site), *host_files(site.layout)):
            data = file.text.encode()
            entry = tarfile.TarInfo(file.path.lstrip("/"))
            entry.size, entry.mode = len(data), file.mode
            archive.addfile(entry, io.BytesIO(data))
    return base64.encodebytes(gzip.compress(buffer.getvalue(), 9, mtime=0)).decode().rstrip()
